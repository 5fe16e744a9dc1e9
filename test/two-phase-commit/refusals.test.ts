import { namesIn } from '@zk-recipes/core/recipe-kit';
import { describeOnSharedServer, freshPath } from '@zk-recipes/test-support/vitest';
import { type Codec, Coordinator, Participant } from '@zk-recipes/two-phase-commit';
import { InMemoryResource } from '@zk-recipes/two-phase-commit/testing';
import { expect, it } from 'vitest';
import { stage } from '../stage/stage.js';

const bytes: Codec<Uint8Array> = { encode: (value) => value, decode: (value) => value };

describeOnSharedServer('What a two-phase commit refuses', () => {
  const scene = stage();

  async function coordinator<T>(path: string, codec?: Codec<T>): Promise<Coordinator<T>> {
    const made = new Coordinator<T>(await scene.keeper(), path, { codec });
    scene.afterwards(() => made.close());
    return made;
  }

  it('is a payload that does not fit into a request, by its exact size, and nothing is begun', async () => {
    const path = freshPath('tx');
    const one = await coordinator(path, bytes);
    const participants = ['ledger'];
    const refusal = await one.run({ payload: Buffer.alloc(2_000_000), participants }).catch((error: Error) => error);
    expect(refusal).toBeInstanceOf(RangeError);
    const most = Number(/`payload` to have at most (\d+) bytes, got 2000000/.exec((refusal as Error).message)?.[1]);
    expect(most).toBeGreaterThan(1_000_000);
    await expect(one.run({ payload: Buffer.alloc(most + 1), participants })).rejects.toThrow(RangeError);
    expect(await namesIn(await scene.keeper(), `${path}/transactions`)).toEqual([]);
    const ledger = new Participant(await scene.keeper(), path, 'ledger', new InMemoryResource<Uint8Array>(), {
      codec: bytes,
    });
    scene.afterwards(() => ledger.close());
    await ledger.start();
    const { decision } = await one.run({ payload: Buffer.alloc(most, 1), participants });
    expect(decision).toBe('committed');
    expect(scene.errors).toEqual([]);
  });

  it.each(['😀', '\ud83d', 'a/b', 'a\ue000', '..', 'a\u0007'])('is the name %j of a participant', async (name) => {
    const path = freshPath('tx');
    const one = await coordinator<string>(path);
    const refused = expect(one.run({ payload: 'x', participants: ['ledger', name] })).rejects;
    await refused.toThrow(/`participants\.1` of run of Coordinator to be a name that can be a part of a path/);
    const keeper = await scene.keeper();
    expect(() => new Participant(keeper, path, name, new InMemoryResource())).toThrow(TypeError);
    expect(await keeper.exists().forPath(path)).toBeNull();
  });

  it.each([
    ['a text', 'text', 'a string'],
    ['a promise', Promise.resolve(Buffer.from('x')), 'an object of class Promise'],
    ['nothing', undefined, 'undefined'],
  ])('is a codec that returns %s', async (_, encoded, received) => {
    const path = freshPath('tx');
    const one = await coordinator(path, { encode: () => encoded as unknown as Uint8Array, decode: () => 'x' });
    const running = one.run({ payload: 'x', participants: ['ledger'] });
    await expect(running).rejects.toThrow(
      new TypeError(`Expected the result of \`encode\` of the codec to be a Uint8Array, got ${received}`),
    );
    expect(await (await scene.keeper()).exists().forPath(path)).toBeNull();
  });

  it.each(['', 'a/b', '😀'])('is the id %j of a transaction', async (id) => {
    const one = await coordinator<string>(freshPath('tx'));
    const call = { operator: 'ada', reason: 'a test' };
    await expect(one.force(id, { decision: 'aborted', ...call })).rejects.toThrow(/id of a transaction/);
    await expect(one.forget(id, 'ledger', call)).rejects.toThrow(/id of a transaction/);
  });
});
