import { NoNodeError } from 'zookeeper-ts-client';
import { childOf } from '../execution/namespace.js';
import { type AwaitOptions, untilDeleted } from './await-znode.js';
import type { Member } from './enrolment.js';
import { predecessorOf } from './sequence.js';

/**
 * Waits until nobody stands before a member of a line. Watches only the one directly before it, so that each departure wakes
 * one member, and looks at the line again then, since that one may have left from the middle.
 *
 * @param marker name of the line's znodes without protection and number, e.g. `lock-`
 * @throws NoNodeError if the own znode is gone; SessionExpiredError; the signal's reason
 */
export async function untilFirst(member: Member, marker: string, { signal }: AwaitOptions = {}): Promise<void> {
  const { keeper, directory } = member;
  let names = member.siblings ?? (await keeper.getChildren().forPath(directory, { signal }));
  for (;;) {
    const predecessor = predecessorOf(member.name, names, marker);
    if (predecessor === undefined) throw new NoNodeError(-101, 'place in line', member.path);
    if (predecessor === null) return;
    await untilDeleted(keeper, childOf(directory, predecessor), { signal });
    names = await keeper.getChildren().forPath(directory, { signal });
  }
}
