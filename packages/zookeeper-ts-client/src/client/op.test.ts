import { describe, expect, it } from 'vitest';
import { MarshallingError, MultiError, NoNodeError } from '../errors/errors.js';
import type { MultiResponseItem } from '../protocol/operations/multi.js';
import { Failure } from '../session/exchange.js';
import { Chroot } from './chroot.js';
import { multiReadResults, multiRequest, multiResults, op } from './op.js';

const app = new Chroot('/app');

describe('Chroot', () => {
  it('translates paths both ways', () => {
    expect(['/', '/a', '/a/b'].map((path) => app.toServer(path))).toEqual(['/app', '/app/a', '/app/a/b']);
    expect(['/app', '/app/a', '/app/a/b'].map((path) => app.toClient(path))).toEqual(['/', '/a', '/a/b']);
  });

  it('leaves alone what is not below it', () => {
    expect(['/', '/apple', '/zookeeper/config'].map((path) => app.toClient(path))).toEqual([
      '/',
      '/apple',
      '/zookeeper/config',
    ]);
  });

  it('changes nothing where there is none', () => {
    const none = new Chroot('');
    expect(['/', '/a'].map((path) => none.toServer(path))).toEqual(['/', '/a']);
    expect(['/', '/a'].map((path) => none.toClient(path))).toEqual(['/', '/a']);
  });
});

describe('multiRequest', () => {
  it('puts every path below the chroot', () => {
    const mode = 'EPHEMERAL_SEQUENTIAL';
    const ops = [
      op.create('/', null, { mode }),
      op.create('/a'),
      op.setData('/', 'x'),
      op.delete('/b'),
      op.check('/c'),
    ];
    const items = multiRequest(ops, app);
    expect(items.map(({ request }) => request.path)).toEqual(['/app/', '/app/a', '/app', '/app/b', '/app/c']);
  });

  it.each([op.create('a'), op.delete('/a/'), op.setData('', null), op.check('//'), { type: 'exists', path: '/' }])(
    'refuses %j',
    (operation) => {
      expect(() => multiRequest([operation as never], app)).toThrow(TypeError);
    },
  );
});

/** The error that a transaction fails with. */
function failureOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    return thrown instanceof Failure ? thrown.error : thrown;
  }
}

describe('multiResults', () => {
  const created: MultiResponseItem = { type: 'create', path: '/app/a', stat: null };
  const failed = (errorCode: number): MultiResponseItem => ({ type: 'error', errorCode });

  it('names the operation that failed, not those it took along', () => {
    const ops = [op.create('/a'), op.delete('/b'), op.check('/c')];
    const error = failureOf(() => multiResults([failed(0), failed(-101), failed(-2)], ops, app));
    expect(error).toBeInstanceOf(MultiError);
    expect(error).toMatchObject({ failedIndex: 1, path: '/b', cause: expect.any(NoNodeError) });
  });

  it('names the first of those where nothing else has failed', () => {
    const ops = [op.create('/a'), op.delete('/b')];
    expect(failureOf(() => multiResults([failed(0), failed(-2)], ops, app))).toMatchObject({ failedIndex: 1 });
  });

  it.each<[string, MultiResponseItem[]]>([
    ['too few', []],
    ['too many', [created, created]],
    ['of another kind', [{ type: 'delete' }]],
  ])('refuses results that are %s', (_, items) => {
    expect(() => multiResults(items, [op.create('/a')], app)).toThrow(MarshallingError);
    expect(() => multiReadResults(items, [op.getData('/a')])).toThrow(MarshallingError);
  });

  it('gives the paths of the client', () => {
    expect(multiResults([created], [op.create('/a')], app)).toEqual([{ type: 'create', path: '/a', stat: null }]);
  });
});
