import { HoldLostError, SessionExpiredError } from '@zk-recipes/core';
import { type LockHold, Mutex, ReadWriteLock } from '@zk-recipes/locks';
import { describeEveryRequest } from '../stage/every-request.js';
import { untilAborted } from '../stage/holds.js';
import { isWaitedFor, nextComes } from './locks-play.js';

await describeEveryRequest({
  name: 'Revocation: a holder that gives in',
  heeds: isWaitedFor,
  onExpiry: [HoldLostError],
  prepare: ({ subject, other, path, signal, untilSent }) => {
    let hold: LockHold | undefined;
    let asking = Promise.resolve();
    return {
      act: async () => {
        hold = await new Mutex(subject, path).acquire({ signal, revocable: true });
        await untilSent({ operation: 'getData', path: hold.path });
        asking = new Mutex(other, path).revoke();
        await Promise.race([untilAborted(hold.revoked), untilAborted(hold.signal)]);
        hold.signal.throwIfAborted();
        await hold.release();
        await asking;
        return [hold.path, hold.revoked.aborted];
      },
      settle: async () => {
        await hold?.release();
        await asking;
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Revocation: a hold that nobody can ask for',
  heeds: isWaitedFor,
  onExpiry: [HoldLostError],
  prepare: ({ subject, other, path, signal, untilSent }) => {
    let hold: LockHold | undefined;
    let asking = Promise.resolve();
    return {
      act: async () => {
        hold = await new Mutex(subject, path).acquire({ signal });
        await untilSent({ operation: 'getData', path: hold.path });
        asking = new Mutex(other, path).revoke();
        // It reads its znode again after the change.
        await Promise.race([untilSent({ operation: 'getData', path: hold.path }, 2), untilAborted(hold.signal)]);
        hold.signal.throwIfAborted();
        const isAsked = hold.revoked.aborted;
        await hold.release();
        await asking;
        return [hold.path, isAsked];
      },
      settle: async () => {
        await hold?.release();
        await asking;
        await nextComes(new Mutex(other, path));
      },
    };
  },
});

await describeEveryRequest({
  name: 'Revocation: asking a holder that gives in',
  onExpiry: [SessionExpiredError],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const theirs = new Mutex(other, path);
    const hold = await theirs.acquire({ revocable: true });
    await untilWatches(1);
    return {
      act: async () => {
        const givingIn = untilAborted(hold.revoked)
          .then(() => untilSent({ operation: 'getData', path: hold.path }))
          .then(() => hold.release());
        await Promise.all([new Mutex(subject, path).revoke({ signal }), givingIn]);
        return hold.state;
      },
      settle: async () => {
        await hold.release();
        await nextComes(theirs);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Revocation: asking two readers',
  onExpiry: [SessionExpiredError],
  prepare: async ({ subject, other, path, signal, untilSent, untilWatches }) => {
    const theirs = new ReadWriteLock(other, path);
    const holds = [
      await theirs.read.acquire({ revocable: true }),
      await theirs.read.acquire({ revocable: true }),
    ] as const;
    await untilWatches(2);
    return {
      act: async () => {
        const giveIn = async (): Promise<void> => {
          for (const hold of holds) await untilSent({ operation: 'getData', path: hold.path });
          for (const hold of holds) await untilAborted(hold.revoked);
          for (const hold of holds) await hold.release();
        };
        await Promise.all([new ReadWriteLock(subject, path).read.revoke({ signal }), giveIn()]);
        return holds.map(({ state }) => state);
      },
      settle: async () => {
        for (const hold of holds) await hold.release();
        await nextComes(theirs.write);
      },
    };
  },
});

await describeEveryRequest({
  name: 'Revocation: asking nobody',
  prepare: ({ subject, path, signal }) => ({ act: () => new Mutex(subject, path).revoke({ signal }) }),
});

await describeEveryRequest({
  name: 'Revocation: force',
  heeds: ({ operation }) => !['delete', 'removeWatches'].includes(operation),
  onExpiry: [SessionExpiredError],
  prepare: async ({ subject, other, path, signal, untilWatches }) => {
    const theirs = new Mutex(other, path);
    const hold = await theirs.acquire();
    await untilWatches(1);
    return {
      act: async () => {
        await new Mutex(subject, path).revoke({ signal, forceAfterMs: 60 });
        return (await untilAborted(hold.signal)).reason;
      },
      settle: async () => {
        await hold.release();
        await nextComes(theirs);
      },
    };
  },
});
