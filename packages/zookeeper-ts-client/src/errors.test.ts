import { describe, expect, it } from 'vitest';
import * as errors from './errors.js';
import * as client from './index.js';
import { ErrorCode } from './protocol/error-code.js';

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
