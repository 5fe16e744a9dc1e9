import { describe, expect, it } from 'vitest';
import * as client from '../index.js';
import { ErrorCode } from './error-code.js';
import * as errors from './errors.js';

type ErrorClass = { readonly prototype: Error & { readonly code: string } };

const classes = Object.entries(client).filter(
  ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
) as unknown as [string, ErrorClass][];
const concrete = classes.filter(([name]) => name !== 'ZooKeeperError');

/** Codes that a server sends in replies to ordinary requests, with a class of their own. */
const classOf = {
  [ErrorCode.RUNTIMEINCONSISTENCY]: errors.RuntimeInconsistencyError,
  [ErrorCode.DATAINCONSISTENCY]: errors.DataInconsistencyError,
  [ErrorCode.MARSHALLINGERROR]: errors.RequestRejectedError,
  [ErrorCode.UNIMPLEMENTED]: errors.UnimplementedError,
  [ErrorCode.BADARGUMENTS]: errors.BadArgumentsError,
  [ErrorCode.NEWCONFIGNOQUORUM]: errors.NewConfigNoQuorumError,
  [ErrorCode.RECONFIGINPROGRESS]: errors.ReconfigInProgressError,
  [ErrorCode.NONODE]: errors.NoNodeError,
  [ErrorCode.NOAUTH]: errors.NoAuthError,
  [ErrorCode.BADVERSION]: errors.BadVersionError,
  [ErrorCode.NOCHILDRENFOREPHEMERALS]: errors.NoChildrenForEphemeralsError,
  [ErrorCode.NODEEXISTS]: errors.NodeExistsError,
  [ErrorCode.NOTEMPTY]: errors.NotEmptyError,
  [ErrorCode.INVALIDACL]: errors.InvalidAclError,
  [ErrorCode.SESSIONMOVED]: errors.SessionMovedError,
  [ErrorCode.NOTREADONLY]: errors.NotReadOnlyError,
  [ErrorCode.EPHEMERALONLOCALSESSION]: errors.EphemeralOnLocalSessionError,
  [ErrorCode.NOWATCHER]: errors.NoWatcherError,
  [ErrorCode.RECONFIGDISABLED]: errors.ReconfigDisabledError,
  [ErrorCode.SESSIONCLOSEDREQUIRESASLAUTH]: errors.SessionRequiresAuthError,
  [ErrorCode.QUOTAEXCEEDED]: errors.QuotaExceededError,
  [ErrorCode.THROTTLEDOP]: errors.ThrottledOpError,
} as const;

/** Codes about sessions and connections, which are errors of another family. */
const outside = {
  [ErrorCode.SESSIONEXPIRED]: errors.SessionExpiredError,
  [ErrorCode.UNKNOWNSESSION]: errors.SessionExpiredError,
  [ErrorCode.AUTHFAILED]: errors.AuthFailedError,
  [ErrorCode.CONNECTIONLOSS]: errors.ConnectionLossError,
} as const;

describe('every exported error', () => {
  it.each(concrete)('%s has its class name and a code', (name, errorClass) => {
    expect(errorClass.prototype.name).toBe(name);
    expect(errorClass.prototype.code).toMatch(/^ZK_[A-Z_]+$/);
    expect(Object.hasOwn(errorClass.prototype, 'code')).toBe(true);
  });

  it('has a code of its own', () => {
    const codes = concrete.map(([, { prototype }]) => prototype.code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.length).toBeGreaterThan(25);
  });

  it('is a ZooKeeperError, except the AggregateError of connecting', () => {
    const others = concrete.filter(([, { prototype }]) => !(prototype instanceof errors.ZooKeeperError));
    expect(others.map(([name]) => name)).toEqual(['ConnectFailedError']);
    expect(errors.ConnectFailedError.prototype).toBeInstanceOf(AggregateError);
  });
});

describe('an error', () => {
  const [errorCode, path, cause] = [ErrorCode.BADVERSION, '/a', new Error('cable pulled')];
  const every: readonly (Error & { readonly code: string })[] = [
    errors.keeperError(errorCode, 'setData', path),
    errors.keeperError(-999, 'setData', path),
    new errors.MultiError([{ type: 'error', error: errors.keeperError(errorCode, 'check', path) }], 0),
    new errors.ConnectionLossError('multi', null, 'unknown', cause, ['/a', '/b']),
    new errors.SessionExpiredError(),
    new errors.AuthFailedError(),
    new errors.ClosedError(),
    new errors.ChrootMissingError('/app'),
    new errors.MarshallingError('bad'),
    new errors.FrameTooLargeError('getData /a', 2, 1),
    new errors.RequestTooLargeError('setData /a', 2, { cause }),
    new errors.ConnectFailedError([cause], 'No session', { cause }),
  ];

  it.each(every)('$name has a code of its own, which loggers find, and is JSON with name and message', (error) => {
    expect(Object.keys(error)).toContain('code');
    expect({ ...error }.code).toBe(error.code);
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({
      name: error.name,
      code: error.code,
      message: error.message,
    });
    expect(error.message.split(error.code)).toHaveLength(2);
  });

  it('is JSON with its causes, and with values of 64 bits as text', () => {
    class OwnedError extends errors.ZooKeeperError {
      readonly owner = 2n ** 60n;
    }
    const loss = new errors.ConnectionLossError('create', path, 'unknown', new OwnedError('owned', { cause }));
    expect(JSON.parse(JSON.stringify(loss))).toMatchObject({
      outcome: 'unknown',
      cause: {
        message: expect.stringContaining('owned'),
        owner: '1152921504606846976',
        cause: { message: 'cable pulled' },
      },
    });
  });

  it('says in its message once what its causes say', () => {
    const inner = new errors.ConnectionLossError('setData', path, 'not-sent', cause);
    const outer = new errors.ConnectionLossError('setData', path, 'unknown', inner);
    expect(outer.message).toBe('setData /a: connection lost, outcome unknown: cable pulled (ZK_CONNECTION_LOSS)');
    const closed = new errors.ConnectionLossError('setData', path, 'unknown', new errors.ClosedError());
    expect(closed.message).toBe('setData /a: connection lost, outcome unknown: client is closed (ZK_CONNECTION_LOSS)');
  });

  it('of a transaction names its paths', () => {
    const loss = (paths: readonly string[]): string =>
      new errors.ConnectionLossError('multi', null, 'not-sent', undefined, paths).message;
    expect(loss(['/a', '/b', '/a'])).toMatch(/^multi of \/a, \/b: connection lost/);
    expect(loss(['/a', '/b', '/c', '/d', '/e'])).toMatch(/^multi of \/a, \/b, \/c and 2 more: connection lost/);
  });

  it.each([
    [ErrorCode.NONODE, 'create', 'creatingParents()'],
    [ErrorCode.NOTEMPTY, 'delete', 'deletingChildren()'],
    [ErrorCode.UNIMPLEMENTED, 'addWatch', 'from 3.6.0 on'],
    [ErrorCode.UNIMPLEMENTED, 'whoAmI', 'from 3.7.0 on'],
    [ErrorCode.UNIMPLEMENTED, 'create', 'extendedTypesEnabled'],
  ])('with code %i of %s says what to do', (code, operation, hint) => {
    expect(errors.errorOfReply(code, operation, path).message).toContain(hint);
    const culprit = errors.keeperError(code, operation, path);
    expect(new errors.MultiError([{ type: 'error', error: culprit }], 0).message).toContain(hint);
    expect(errors.errorOfReply(ErrorCode.NONODE, 'getData', path).message).not.toContain(hint);
  });
});

describe('the error of a reply', () => {
  it.each(Object.entries({ ...classOf, ...outside }))('with code %s is of its own class', (code, errorClass) => {
    expect(errors.errorOfReply(Number(code), 'create', '/a').constructor).toBe(errorClass);
  });

  it.each(Object.entries(classOf))('with code %s says what, where and why', (code) => {
    const error = errors.errorOfReply(Number(code), 'create', '/a/b') as errors.KeeperError;
    expect(error).toBeInstanceOf(errors.KeeperError);
    expect(error).toMatchObject({ errorCode: Number(code), operation: 'create', path: '/a/b' });
    expect(error.message).toContain('create /a/b');
    expect(error.message).toContain(code);
    expect(error.message).toContain(error.code);
    expect(error.stack?.split('\n')[0]).toMatch(new RegExp(`^${error.name}: create /a/b`));
  });

  it.each([ErrorCode.SYSTEMERROR, ErrorCode.OPERATIONTIMEOUT, -126, -999, 17])(
    'with code %i, for which there is no class, is a plain KeeperError',
    (code) => {
      const error = errors.errorOfReply(code, 'getData', null);
      expect(error.constructor).toBe(errors.KeeperError);
      expect(error).toMatchObject({ errorCode: code, path: null });
      expect(error.message).toContain(String(code));
    },
  );

  it('covers every code that there is', () => {
    const withoutClass = [0, -1, -7, -100, -113, -122];
    const covered = [...Object.keys(classOf), ...Object.keys(outside)].map(Number).concat(withoutClass);
    expect(covered.sort((a, b) => b - a)).toEqual(Object.values(ErrorCode).sort((a, b) => b - a));
  });
});

describe('ConnectionLossError', () => {
  it.each(['not-sent', 'unknown'] as const)('carries the outcome %s and its cause', (outcome) => {
    const cause = new Error('cable pulled');
    const error = new errors.ConnectionLossError('setData', '/a', outcome, cause);
    expect(error).toMatchObject({ outcome, operation: 'setData', path: '/a', cause });
    expect(error.message).toBe(`setData /a: connection lost, outcome ${outcome}: cable pulled (ZK_CONNECTION_LOSS)`);
  });
});

describe('MultiError', () => {
  it('points at the operation that failed', () => {
    const culprit = errors.keeperError(ErrorCode.BADVERSION, 'setData', '/a');
    const error = new errors.MultiError(
      [
        { type: 'error', error: null },
        { type: 'error', error: culprit },
      ],
      1,
    );
    expect(error).toMatchObject({ errorCode: ErrorCode.BADVERSION, path: '/a', failedIndex: 1, cause: culprit });
    expect(error.message).toContain('multi, operation 1 setData /a: BADVERSION -103');
  });
});

describe('MarshallingError', () => {
  it('names the byte where there is one', () => {
    expect(new errors.MarshallingError('bad', 3)).toMatchObject({
      message: 'bad at byte 3 (ZK_MARSHALLING)',
      offset: 3,
    });
    expect(new errors.MarshallingError('bad')).toMatchObject({ message: 'bad (ZK_MARSHALLING)', offset: -1 });
  });
});
