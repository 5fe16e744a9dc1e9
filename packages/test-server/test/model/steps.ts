import fc from 'fast-check';
import { CreateRequest, OpCode, SpecialXid } from 'zookeeper-ts-client/protocol';
import { encoded } from '../wire-client.js';
import { anyone, data, type StepScope } from './materials.js';
import { raw } from './raw-requests.js';
import { type Described, type Request, sound, unsound } from './requests.js';

/** One thing that a session does. */
export interface Step {
  /** Which of the sequence's sessions does it. */
  readonly session: number;
  readonly action:
    | Request
    /** Breaks the connection and resumes the session. */
    | { readonly kind: 'reconnect' };
  /** For the report of a failure. */
  readonly description: string;
}

/** How many sessions a sequence has. */
export const SESSIONS = 3;

const action: fc.Arbitrary<Described<Step['action']>> = fc.oneof(
  { weight: 30, arbitrary: sound },
  { weight: 1, arbitrary: unsound },
  { weight: 8, arbitrary: raw },
  { weight: 1, arbitrary: fc.constant({ value: { kind: 'reconnect' } as const, text: 'reconnect' }) },
);

/** Znodes to begin with, so that there is something to meet: parents first. */
const beginnings: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    fc.subarray(['/a', '/b', '/a/x', '/a/y', '/b/x', '/a/x/z']),
    fc.array(fc.record({ session: fc.nat(SESSIONS - 1), isEphemeral: fc.boolean(), data }), {
      minLength: 6,
      maxLength: 6,
    }),
  )
  .map(([below, details]) =>
    below.map((path, index): Step => {
      const { session = 0, isEphemeral = false, data: content = null } = details[index] ?? {};
      const flags = isEphemeral && path.length > 2 ? 1 : 0;
      const body = ({ root }: StepScope) =>
        encoded(CreateRequest, { path: root + path, data: content, acl: [anyone], flags });
      const description = `${session}: create ${path} with flags ${flags}`;
      return { session, action: { kind: 'request', opCode: OpCode.create, body }, description };
    }),
  );

/** What several sessions do, one step after the other. */
export const sequences: fc.Arbitrary<readonly Step[]> = fc
  .tuple(
    beginnings,
    fc.array(
      fc
        .tuple(fc.nat(SESSIONS - 1), action)
        .map(([session, { value, text }]): Step => ({ session, action: value, description: `${session}: ${text}` })),
      { minLength: 8, maxLength: 24, size: 'max' },
    ),
  )
  .map(([begun, steps]) => [...begun, ...steps]);

/** The xid for a request, for those that have one of their own. */
export function xidOf(opCode: number): number | undefined {
  return opCode === OpCode.auth ? SpecialXid.auth : undefined;
}
