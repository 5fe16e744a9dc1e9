import {
  ConnectionLossError,
  HoldLostError,
  retryNTimes,
  SequenceUsedUpError,
  SessionExpiredError,
  ThrottledOpError,
} from '@zk-recipes/core';
import { enrol, enrolInAll, type Member, MemberHold, untilFirst } from '@zk-recipes/core/recipe-kit';
import { TestServer } from '@zk-recipes/test-server';
import { ZooKeeper } from 'zookeeper-ts-client';
import { OpCode } from 'zookeeper-ts-client/protocol';
import { describeEveryRequest } from '../stage/every-request.js';

const name = 'lock-';

await describeEveryRequest({
  name: 'enrol',
  mayBeGivenUp: true,
  prepare: ({ subject, path, signal }) => {
    let member: Member | undefined;
    return {
      act: async () => {
        member = await enrol(subject, path, { name, signal });
        return member.path;
      },
      settle: async () => await member?.withdraw(),
    };
  },
});

await describeEveryRequest({
  name: 'enrol and withdraw where somebody was before',
  prepare: async ({ subject, other, path, signal }) => {
    await (await enrol(other, path, { name })).withdraw();
    let member: Member | undefined;
    return {
      act: async () => {
        member = await enrol(subject, path, { name, signal });
        await member.withdraw();
        await member.withdraw();
        return member.path;
      },
      settle: async () => await member?.withdraw(),
    };
  },
});

const never = retryNTimes({ retries: 0, delayMs: 0 });

await describeEveryRequest({
  name: 'enrol, begun again by its caller when it fails',
  subject: { retry: never },
  atLeastOnce: true,
  onExpiry: [],
  prepare: ({ subject, path, signal }) => {
    let member: Member | undefined;
    const isPassing = (error: unknown): boolean =>
      [ConnectionLossError, SessionExpiredError, ThrottledOpError].some((kind) => error instanceof kind);
    return {
      act: async () => {
        while (member === undefined) {
          member = await enrol(subject, path, { name, signal }).catch((error: unknown) => {
            if (!isPassing(error)) throw error;
            return undefined;
          });
        }
        return member.path;
      },
      settle: async () => await member?.withdraw(),
    };
  },
});

await describeEveryRequest({
  name: 'withdraw without another attempt',
  subject: { retry: never },
  heeds: () => false,
  prepare: async ({ subject, path, signal }) => {
    const member = await enrol(subject, path, { name });
    return {
      act: async () => {
        signal.throwIfAborted();
        await member.withdraw();
      },
      settle: () => member.withdraw(),
    };
  },
});

await describeEveryRequest({
  name: 'enrol on a server without containers',
  prepare: ({ server, subject, path, signal }) => {
    server.faults.lack({ op: OpCode.createContainer });
    let member: Member | undefined;
    return {
      act: async () => {
        member = await enrol(subject, path, { name, signal });
        return member.path;
      },
      settle: async () => await member?.withdraw(),
    };
  },
});

await describeEveryRequest({
  name: 'enrol in a directory whose numbers are used up',
  server: { snapshot: await usedUp('/every', '/every/line') },
  prepare: ({ subject, path, signal }) => ({
    act: async () => {
      const refused = await enrol(subject, path, { name, signal }).catch((error: unknown) => error);
      if (refused instanceof SequenceUsedUpError) return refused.code;
      throw refused;
    },
  }),
});

await describeEveryRequest({
  name: 'enrol in several lines at once',
  prepare: async ({ subject, other, path, signal }) => {
    // One of the lines is there, the others are not.
    await (await enrol(other, `${path}/b`, { name })).withdraw();
    const lines = ['/a', '/b', '/c/c'].map((line) => ({ directory: `${path}${line}`, name }));
    let members: readonly Member[] = [];
    return {
      act: async () => {
        members = await enrolInAll(subject, lines, { signal });
        return members.map((member) => member.path);
      },
      settle: async () => await Promise.all(members.map((member) => member.withdraw())),
    };
  },
});

await describeEveryRequest({
  name: 'untilFirst behind one',
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const first = await enrol(other, path, { name });
    let member: Member | undefined;
    return {
      act: async () => {
        member = await enrol(subject, path, { name, signal });
        await Promise.all([
          untilFirst(member, name, { signal }),
          untilSent({ operation: 'getData', path: first.path }).then(() => first.withdraw()),
        ]);
        return member.path;
      },
      settle: async () => await Promise.all([first.withdraw(), member?.withdraw()]),
    };
  },
});

await describeEveryRequest({
  name: 'untilFirst behind two, of whom the later leaves first',
  prepare: async ({ subject, other, path, signal, untilSent }) => {
    const [first, second] = [await enrol(other, path, { name }), await enrol(other, path, { name })];
    let member: Member | undefined;
    const leave = async (): Promise<void> => {
      await untilSent({ operation: 'getData', path: second.path });
      await second.withdraw();
      await untilSent({ operation: 'getData', path: first.path });
      await first.withdraw();
    };
    return {
      act: async () => {
        member = await enrol(subject, path, { name, signal });
        await Promise.all([untilFirst(member, name, { signal }), leave()]);
        return member.path;
      },
      settle: async () => await Promise.all([first.withdraw(), second.withdraw(), member?.withdraw()]),
    };
  },
});

await describeEveryRequest({
  name: 'MemberHold: acquire, hold, release',
  goesOn: true,
  onExpiry: [SessionExpiredError, HoldLostError],
  prepare: ({ subject, path, signal, untilSent }) => {
    let hold: MemberHold | undefined;
    return {
      act: async () => {
        const member = await enrol(subject, path, { name, signal });
        hold = new MemberHold(member);
        const states: string[] = [hold.state];
        await untilSent({ operation: 'getData', path: hold.path });
        signal.throwIfAborted();
        hold.signal.throwIfAborted();
        await hold.release();
        states.push(hold.state, (hold.signal.reason as HoldLostError).reason);
        return states;
      },
      settle: async () => await hold?.release(),
    };
  },
});

await describeEveryRequest({
  name: 'MemberHold: held in the end',
  goesOn: true,
  onExpiry: [SessionExpiredError, HoldLostError],
  prepare: ({ subject, path, signal, untilSent }) => {
    let hold: MemberHold | undefined;
    return {
      act: async () => {
        hold = new MemberHold(await enrol(subject, path, { name, signal }));
        await untilSent({ operation: 'getData', path: hold.path });
        signal.throwIfAborted();
        return hold.path;
      },
      settle: async () => await hold?.release(),
    };
  },
});

/** A tree of these persistent znodes, the last of which has had as many children as there are numbers. */
async function usedUp(...paths: readonly string[]): Promise<ReturnType<TestServer['snapshot']>> {
  const server = await TestServer.start();
  const zookeeper = await ZooKeeper.connect(server.connectString);
  for (const path of paths) await zookeeper.create(path);
  await zookeeper.close();
  const { znodes, ...rest } = server.snapshot();
  await server.stop();
  const wearOut = (znode: (typeof znodes)[number]) =>
    znode.path === paths.at(-1) ? { ...znode, creations: 2 ** 31 - 1 } : znode;
  return { ...rest, znodes: znodes.map(wearOut) };
}
