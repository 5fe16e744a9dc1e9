import '../../test/fake-timers.js';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ConnectionLossError } from 'zookeeper-ts-client';
import { FakeKeeper, fakeMember } from '../../test/fake-keeper.js';
import { HoldLostError, type HoldLostReason, NotHeldError } from '../errors.js';
import { type LossPolicy, MemberHold } from './hold.js';

afterEach(() => void vi.clearAllTimers());

async function holding(lossPolicy?: LossPolicy) {
  const keeper = new FakeKeeper();
  keeper.prolong(1_000);
  const member = fakeMember(keeper);
  const hold = new MemberHold(member, { lossPolicy });
  await settle();
  return { keeper, member, hold };
}

/** Lets what is under way without a timer come to its end. */
async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(0);
}

function expectEnded(hold: MemberHold, state: 'lost' | 'released', reason: HoldLostReason): void {
  expect(hold.state).toBe(state);
  expect(hold.validForMs()).toBe(0);
  expect(hold.signal.aborted).toBe(true);
  expect(hold.signal.reason).toBeInstanceOf(HoldLostError);
  expect(hold.signal.reason).toMatchObject({ reason, path: hold.path, code: 'ZK_HOLD_LOST' });
  expect(() => hold.guard()).toThrow(NotHeldError);
}

describe('MemberHold', () => {
  it('stands while the clock runs, and checks its znode first in what it guards', async () => {
    const { hold, keeper, member } = await holding();
    expect(hold).toMatchObject({ state: 'held', path: member.path, fencingToken: 77n });
    expect(hold.signal.aborted).toBe(false);
    expect(hold.guard()).toEqual({ checks: member.path });
    vi.advanceTimersByTime(400);
    expect(hold.validForMs()).toBe(600);
    keeper.prolong(1_000);
    expect(hold.validForMs()).toBe(1_000);
    await hold.release();
  });

  it.each([
    ['signal.aborted', (hold: MemberHold) => expect(hold.signal.aborted).toBe(true)],
    [
      'signal.throwIfAborted()',
      (hold: MemberHold) => expect(() => hold.signal.throwIfAborted()).toThrow(HoldLostError),
    ],
    ['state', (hold: MemberHold) => expect(hold.state).toBe('lost')],
    ['validForMs()', (hold: MemberHold) => expect(hold.validForMs()).toBe(0)],
    ['guard()', (hold: MemberHold) => expect(() => hold.guard()).toThrow(NotHeldError)],
  ])('looks at the clock when %s is asked, right after a blocked event loop', async (_, look) => {
    const { hold, keeper } = await holding();
    const onAbort = vi.fn();
    hold.signal.addEventListener('abort', onAbort);
    keeper.block(1_000);
    expect(onAbort).not.toHaveBeenCalled();
    look(hold);
    expect(onAbort).toHaveBeenCalledOnce();
    expectEnded(hold, 'lost', 'validity');
  });

  it('looks at the clock also through a signal that was taken before', async () => {
    const { hold, keeper } = await holding();
    const { signal } = hold;
    keeper.block(1_000);
    expect(signal.aborted).toBe(true);
  });

  it('aborts a signal that follows its own', async () => {
    const { hold, keeper } = await holding();
    const both = AbortSignal.any([hold.signal, new AbortController().signal]);
    keeper.block(1_000);
    expect(hold.state).toBe('lost');
    expect(both.aborted).toBe(true);
  });

  it('is lost by a timer when nobody asks', async () => {
    const { hold, member } = await holding();
    const onAbort = vi.fn();
    hold.signal.addEventListener('abort', onAbort);
    vi.advanceTimersByTime(1_000);
    expect(onAbort).toHaveBeenCalledOnce();
    expectEnded(hold, 'lost', 'validity');
    expect(member.withdrawals).toBe(1);
  });

  it('is lost with its session, and stays so in the next one', async () => {
    const { hold, keeper } = await holding();
    keeper.sessionEpoch = 2;
    keeper.announce('RECONNECTED');
    expectEnded(hold, 'lost', 'expired');
    keeper.prolong(5_000);
    expectEnded(hold, 'lost', 'expired');
  });

  it('is lost when the keeper closes', async () => {
    const { hold, keeper } = await holding();
    keeper.closed = true;
    keeper.announce('LOST');
    expectEnded(hold, 'lost', 'closed');
  });

  it('is lost with its znode, and not by a change of its data', async () => {
    const { hold, keeper, member } = await holding();
    keeper.change('NodeDataChanged');
    await settle();
    expect(hold.state).toBe('held');
    expect(keeper.watches).toHaveLength(1);
    keeper.change('NodeDeleted', null);
    await settle();
    expectEnded(hold, 'lost', 'deleted');
    expect(member.withdrawals).toBe(1);
  });

  it('is lost when its znode belongs to another session', async () => {
    const { hold, keeper } = await holding();
    keeper.change('NodeDataChanged', 0x999n);
    await settle();
    expectEnded(hold, 'lost', 'deleted');
  });

  it('keeps to the clock when its znode cannot be read', async () => {
    const keeper = new FakeKeeper();
    keeper.prolong(1_000);
    keeper.failure = new ConnectionLossError('getData', '/x', 'not-sent');
    const hold = new MemberHold(fakeMember(keeper));
    await settle();
    expect(hold.state).toBe('held');
    expect(keeper.backgroundErrors).toEqual([keeper.failure]);
    vi.advanceTimersByTime(1_000);
    expectEnded(hold, 'lost', 'validity');
  });

  it.each(['SUSPENDED', 'READ_ONLY'] as const)(
    'by default survives %s, with policy connection it does not',
    async (state) => {
      const patient = await holding();
      patient.keeper.announce(state);
      expect(patient.hold.state).toBe('held');
      const strict = await holding('connection');
      strict.keeper.announce('RECONNECTED');
      expect(strict.hold.state).toBe('held');
      strict.keeper.announce(state);
      expectEnded(strict.hold, 'lost', 'suspended');
      strict.keeper.announce('RECONNECTED');
      expectEnded(strict.hold, 'lost', 'suspended');
      await patient.hold.release();
    },
  );

  it('does not begin to stand, with policy connection, while there is none', () => {
    const keeper = new FakeKeeper();
    keeper.prolong(1_000);
    keeper.connectionState = 'SUSPENDED';
    expect(new MemberHold(fakeMember(keeper), { lossPolicy: 'session' }).state).toBe('held');
    expectEnded(new MemberHold(fakeMember(keeper), { lossPolicy: 'connection' }), 'lost', 'suspended');
  });

  it('does not begin to stand in a session that is over', () => {
    const keeper = new FakeKeeper();
    const member = fakeMember(keeper);
    const hold = new MemberHold(member);
    expectEnded(hold, 'lost', 'validity');
    expect(member.withdrawals).toBe(1);
    expect(keeper.reads).toBe(0);
  });

  it('is released once, however often it is asked to', async () => {
    const { hold, member } = await holding();
    await Promise.all([hold.release(), hold.release(), hold[Symbol.asyncDispose]()]);
    await hold.release();
    expect(member.withdrawals).toBe(1);
    expectEnded(hold, 'released', 'released');
  });

  it('can be released after it was lost, and stays lost', async () => {
    const { hold, keeper } = await holding();
    keeper.block(1_000);
    await hold.release();
    expectEnded(hold, 'lost', 'validity');
  });

  it('tells its owner of an interrupt, and leaves the znode until it is released', async () => {
    const { hold, member } = await holding();
    hold.interrupt();
    hold.interrupt();
    expectEnded(hold, 'released', 'interrupted');
    expect(member.withdrawals).toBe(0);
    await hold.release();
    expect(member.withdrawals).toBe(1);
  });

  it.each(['released', 'lost'])('leaves nothing but what others need as well when it is %s', async (end) => {
    const { hold, keeper } = await holding('connection');
    if (end === 'released') await hold.release();
    else keeper.announce('SUSPENDED');
    vi.advanceTimersByTime(1_000);
    // One for the life of the keeper.
    expect(keeper.stateListeners.size).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
