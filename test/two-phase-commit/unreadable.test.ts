import { type Keeper, Perms } from '@zk-recipes/core';
import { until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { Coordinator, MalformedRecordError, Participant, type ParticipantHandlers } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { stage } from '../stage/stage.js';
import { beginOrphan } from './orphan.js';

const operatorCall = { operator: 'ada', reason: 'a record is damaged' };
const anyone = { scheme: 'world', id: 'anyone' };

describeOnSharedServer('Records of a two-phase commit that cannot be read or written', () => {
  const scene = stage();

  async function coordinator(path: string, options = {}): Promise<Coordinator<string>> {
    const made = new Coordinator<string>(await scene.keeper(), path, { recovery: 'manual', ...options });
    scene.afterwards(() => made.close());
    return made;
  }

  async function participant(
    path: string,
    name: string,
    handlers: ParticipantHandlers<string> = new InMemoryResource<string>(),
    options = {},
  ): Promise<void> {
    const made = new Participant<string>(await scene.keeper(), path, name, handlers, options);
    scene.afterwards(() => made.close());
    await made.start();
  }

  async function orphan(path: string, participants = ['ledger']): Promise<string> {
    return await beginOrphan(await scene.keeper(), await scene.keeper(), path, participants);
  }

  async function idOf(one: Coordinator<string>): Promise<string> {
    return await until(async () => (await one.pending())[0]?.id, { what: 'the transaction' });
  }

  const permit = (hand: Keeper, path: string, perms: number) =>
    hand
      .setAcl()
      .withAcl([{ perms, id: anyone }])
      .forPath(path);

  it.each([
    ['an object', () => Object.assign(new Error(), { message: { code: 5 } }), /^ledger voted abort: \{ code: 5 \}$/],
    ['an array', () => Object.assign(new Error(), { message: [1] }), /^ledger voted abort: \[ 1 \]$/],
    ['null', () => null, /^ledger voted abort: null$/],
    ['a getter that throws', getterThatThrows, /^ledger voted abort: object that cannot be described$/],
    [
      'an object without a prototype',
      () => Object.create(null),
      /^ledger voted abort: \[Object: null prototype\] \{\}$/,
    ],
  ])('shows as text the reason of a prepare that throws an error whose message is %s', async (_, thrown, reason) => {
    const path = freshPath('tx');
    const prepare = () => {
      throw thrown();
    };
    await participant(path, 'ledger', { prepare, commit: () => {}, abort: () => {} });
    const outcome = await (await coordinator(path)).run({ payload: 'x', participants: ['ledger'] });
    expect(outcome.reason).toMatch(reason);
  });

  it('shows as text the reason of a vote that another process has written as an object', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path);
    const running = one.run({ payload: 'x', participants: ['ledger'] });
    const id = await idOf(one);
    const vote = JSON.stringify({ vote: 'abort', reason: { code: 5 } });
    await (await scene.keeper()).create().forPath(`${path}/transactions/${id}/votes/ledger`, vote);
    expect(await running).toMatchObject({ decision: 'aborted', reason: 'ledger voted abort: { code: 5 }' });
  });

  it('aborts at a vote that cannot be read, and says whose', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path);
    const running = one.run({ payload: 'x', participants: ['ledger', 'stock'] });
    const id = await idOf(one);
    await (await scene.keeper()).create().forPath(`${path}/transactions/${id}/votes/stock`, '{"vote":"perhaps"}');
    const { decision, reason, votes } = await running;
    expect({ decision, votes }).toEqual({ decision: 'aborted', votes: {} });
    expect(reason).toMatch(/^the vote of stock cannot be read: .*\/votes\/stock does not hold/);
  });

  it('recovers a transaction with a vote that cannot be read, and shows the vote until then', async () => {
    const path = freshPath('tx');
    const id = await orphan(path);
    const vote = `${path}/transactions/${id}/votes/ledger`;
    await (await scene.keeper()).create().forPath(vote, 'no vote');
    const one = await coordinator(path);
    expect(await one.pending()).toMatchObject([
      {
        id,
        decision: null,
        votes: {},
        unreadable: [{ path: vote, message: expect.stringContaining('does not hold') }],
      },
    ]);
    expect(await one.recover()).toEqual({ aborted: [id], removed: [], failed: [] });
    const ledger = new InMemoryResource<string>();
    await participant(path, 'ledger', ledger);
    await until(async () => ((await one.pending()).length === 0 ? true : undefined), { what: 'the end' });
    expect(ledger.calls).toEqual([{ handler: 'abort', id }]);
    expect(scene.errors.map(({ error }) => (error as MalformedRecordError).path)).toEqual([vote]);
  });

  it('settles the others when one may not be decided, says which, and settles that one when it may', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const ids = [await orphan(path), await orphan(path), await orphan(path)];
    const [refused, ...others] = ids as [string, string, string];
    const decision = `${path}/transactions/${refused}/decision`;
    await permit(hand, decision, Perms.READ | Perms.ADMIN);
    const one = await coordinator(path);
    const { aborted, failed } = await one.recover();
    expect([...aborted].sort()).toEqual(others.sort());
    expect(failed).toMatchObject([{ id: refused, error: { code: 'ZK_MULTI' } }]);
    await permit(hand, decision, Perms.ALL);
    expect(await one.recover()).toEqual({ aborted: [refused], removed: [], failed: [] });
  });

  it('tells of each transaction that may not be decided once, in the background, and goes on with the others', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const refused = await orphan(path);
    const decision = `${path}/transactions/${refused}/decision`;
    await permit(hand, decision, Perms.READ | Perms.ADMIN);
    const one = await coordinator(path, { recovery: 'background' });
    expect(await one.recover()).toMatchObject({ aborted: [], failed: [{ id: refused }] });
    const other = await orphan(path);
    const decided = (id: string) => async () =>
      (await one.pending()).find((pending) => pending.id === id)?.decision ?? undefined;
    expect(await until(decided(other), { what: 'recovery of the other' })).toBe('aborted');
    const again = await orphan(path);
    expect(await until(decided(again), { what: 'recovery of the next' })).toBe('aborted');
    expect(scene.errors).toMatchObject([{ operation: 'recovery', path: `${path}/transactions/${refused}` }]);
    await permit(hand, decision, Perms.ALL);
    expect(await until(decided(refused), { what: 'its recovery' })).toBe('aborted');
  });

  it('shows what cannot be read, and keeps no slot of a participant for it', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const one = await coordinator(path);
    const bad: string[] = [];
    const records: (Buffer | null)[] = [];
    for (let index = 0; index < 10; index++) {
      const id = await orphan(path);
      const transaction = `${path}/transactions/${id}`;
      records.push(await hand.getData().forPath(transaction));
      await hand
        .setData()
        .forPath(transaction, index % 2 === 0 ? '{"version":2,"participants":["ledger"]}\n' : 'damaged');
      bad.push(id);
    }
    const ledger = new InMemoryResource<string>();
    await participant(path, 'ledger', ledger, { concurrency: 10 });
    const { id, decision } = await one.run({ payload: 'x', participants: ['ledger'] });
    expect(decision).toBe('committed');
    const pending = await one.pending();
    expect(
      pending
        .map((shown) => shown.id)
        .filter((shown) => shown !== id)
        .sort(),
    ).toEqual([...bad].sort());
    expect(pending.find((shown) => shown.id === bad[0])).toMatchObject({
      participants: [],
      unfinished: [],
      isCoordinatorAlive: false,
      unreadable: [{ message: expect.stringContaining('to be 1, got 2') }],
    });
    const { failed } = await one.recover();
    expect(failed.map((one) => one.id).sort()).toEqual([...bad].sort());
    expect(failed.every(({ error }) => error instanceof MalformedRecordError)).toBe(true);
    const told = () => scene.errors.map((error) => error.path).sort();
    const paths = bad.map((name) => `${path}/transactions/${name}`).sort();
    await until(() => (told().length >= 10 ? true : undefined), { what: 'all to be told' });
    expect(told()).toEqual(paths);
    // One that changes is looked at again: decided, and then readable.
    const [first] = bad as [string];
    await one.force(first, { decision: 'aborted', ...operatorCall });
    await hand.setData().forPath(`${path}/transactions/${first}`, records[0] ?? null);
    await until(() => (ledger.stateOf(first) === 'aborted' ? true : undefined), { what: 'its end' });
    expect(told()).toEqual(paths);
  });

  it('waits without a slot for a decision that cannot be read, and finishes when an operator has replaced it', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const one = await coordinator(path);
    const id = await orphan(path, ['ledger', 'stock']);
    const decision = `${path}/transactions/${id}/decision`;
    const [ledger, stock] = [new InMemoryResource<string>(), new InMemoryResource<string>()];
    await participant(path, 'ledger', ledger, { concurrency: 1 });
    await until(async () => ((await one.pending())[0]?.votes['ledger'] ? true : undefined), { what: 'the vote' });
    await hand.setData().forPath(decision, 'damaged');
    await until(() => (scene.errors.length > 0 ? true : undefined), { what: 'the report' });
    expect(await one.pending()).toMatchObject([{ id, decision: null, unreadable: [{ path: decision }] }]);
    expect(await one.recover()).toMatchObject({ aborted: [], failed: [{ id }] });
    const next = one.run({ payload: 'x', participants: ['ledger'] });
    expect((await next).decision).toBe('committed');
    const force = (decided: 'committed' | 'aborted', options = {}) =>
      one.force(id, { decision: decided, ...operatorCall, ...options });
    await expect(force('aborted')).rejects.toThrow(/is decided, but that cannot be read: .*`replaceUnreadable`/);
    await expect(force('committed', { replaceUnreadable: true })).rejects.toThrow(/stock has not voted/);
    expect(await force('aborted', { replaceUnreadable: true })).toMatchObject({ decision: 'aborted' });
    await expect(force('committed', { replaceUnreadable: true })).rejects.toThrow(/is aborted already/);
    await participant(path, 'stock', stock);
    await until(async () => ((await one.pending()).length === 0 ? true : undefined), { what: 'the end' });
    expect([ledger.stateOf(id), stock.stateOf(id)]).toEqual(['aborted', 'aborted']);
    expect(scene.errors.map((error) => error.path)).toEqual([decision]);
  });

  it('is forced to abort whatever its votes, and to commit only with votes that can be read', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const id = await orphan(path, ['ledger', 'stock']);
    const one = await coordinator(path);
    const commit = () => one.force(id, { decision: 'committed', ...operatorCall });
    const transaction = `${path}/transactions/${id}`;
    await hand.create().forPath(`${transaction}/votes/ledger`, '{"vote":"commit"}');
    await expect(commit()).rejects.toThrow(/cannot be committed: stock has not voted/);
    await hand.create().forPath(`${transaction}/votes/stock`, '{"vote":');
    await expect(commit()).rejects.toThrow(/cannot be committed: the vote of stock cannot be read: .*votes\/stock/);
    await hand.setData().forPath(transaction, 'damaged');
    await expect(commit()).rejects.toThrow(/cannot be committed: who takes part cannot be read/);
    const outcome = await one.force(id, { decision: 'aborted', ...operatorCall });
    expect(outcome).toMatchObject({ decision: 'aborted', votes: { ledger: 'commit' } });
  });

  it('keeps no slot of a participant while its vote is refused, and votes as soon as it may', async () => {
    const path = freshPath('tx');
    const hand = await scene.keeper();
    const one = await coordinator(path);
    const running = one.run({ payload: 'x', participants: ['ledger'] });
    const votes = `${path}/transactions/${await idOf(one)}/votes`;
    await permit(hand, votes, Perms.READ | Perms.ADMIN);
    await participant(path, 'ledger', new InMemoryResource<string>(), { concurrency: 1 });
    await until(() => (scene.errors.length > 0 ? true : undefined), { what: 'the refusal' });
    expect((await one.run({ payload: 'y', participants: ['ledger'] })).decision).toBe('committed');
    await permit(hand, votes, Perms.ALL);
    expect((await running).decision).toBe('committed');
  });
});

function getterThatThrows(): object {
  return {
    get message(): string {
      throw new Error('no message');
    },
  };
}
