import { ErrorCode, NoNodeError } from 'zookeeper-ts-client';
import { childOf } from '../execution/namespace.js';
import { type AwaitOptions, untilDeleted } from './await-znode.js';
import type { Member } from './enrolment.js';
import { predecessorOf } from './sequence.js';
import { withinSession } from './session-lapse.js';

/**
 * Waits until nobody stands before a member of a line. Watches only the one directly before it, so that each departure wakes
 * one member, and looks at the line again then, since that one may have left from the middle.
 *
 * @param marker name of the line's znodes without protection and number, e.g. `lock-`
 * @throws NoNodeError if the own znode is gone; SessionExpiredError; the signal's reason
 */
export function untilFirst(member: Member, marker: string, { signal }: AwaitOptions = {}): Promise<void> {
  return withinSession(member.keeper, member.epoch, signal, (within) => advance(member, marker, within));
}

async function advance(member: Member, marker: string, signal: AbortSignal): Promise<void> {
  const { keeper, directory } = member;
  let names = member.siblings ?? (await keeper.getChildren().forPath(directory, { signal }));
  for (;;) {
    const predecessor = predecessorOf(member.name, names, marker);
    if (predecessor === undefined) throw new NoNodeError(ErrorCode.NONODE, 'place in line', member.path);
    if (predecessor === null) return;
    await untilDeleted(keeper, childOf(directory, predecessor), { signal });
    names = await keeper.getChildren().forPath(directory, { signal });
  }
}
