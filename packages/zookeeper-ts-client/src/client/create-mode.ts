import { received } from '../checks/received.js';
import { OpCode } from '../protocol/op-code.js';

/** Kinds of znodes. @see org.apache.zookeeper.CreateMode */
export const CreateMode = {
  /** Stays until it is deleted. */
  PERSISTENT: 'PERSISTENT',
  /** Stays until it is deleted; the server appends a ten-digit number to its name. */
  PERSISTENT_SEQUENTIAL: 'PERSISTENT_SEQUENTIAL',
  /** Goes with the session that made it. */
  EPHEMERAL: 'EPHEMERAL',
  /** Goes with the session that made it; the server appends a ten-digit number to its name. */
  EPHEMERAL_SEQUENTIAL: 'EPHEMERAL_SEQUENTIAL',
  /** Removed by the server some time after its last child has gone. Servers from 3.5.1. */
  CONTAINER: 'CONTAINER',
  /** Removed by the server when it has no children and was not changed for its TTL. Servers from 3.5.3 with extended types enabled. */
  PERSISTENT_WITH_TTL: 'PERSISTENT_WITH_TTL',
  /** Both of the above: a number and a TTL. */
  PERSISTENT_SEQUENTIAL_WITH_TTL: 'PERSISTENT_SEQUENTIAL_WITH_TTL',
} as const;

/** Kinds of znodes, by name. */
export type CreateMode = keyof typeof CreateMode;

/** What a mode means on the wire. */
export interface CreateModeTraits {
  readonly flags: number;
  readonly opCode: typeof OpCode.create2 | typeof OpCode.createContainer | typeof OpCode.createTTL;
  readonly sequential: boolean;
}

const traits: Readonly<Record<CreateMode, CreateModeTraits>> = {
  PERSISTENT: { flags: 0, opCode: OpCode.create2, sequential: false },
  EPHEMERAL: { flags: 1, opCode: OpCode.create2, sequential: false },
  PERSISTENT_SEQUENTIAL: { flags: 2, opCode: OpCode.create2, sequential: true },
  EPHEMERAL_SEQUENTIAL: { flags: 3, opCode: OpCode.create2, sequential: true },
  CONTAINER: { flags: 4, opCode: OpCode.createContainer, sequential: false },
  PERSISTENT_WITH_TTL: { flags: 5, opCode: OpCode.createTTL, sequential: false },
  PERSISTENT_SEQUENTIAL_WITH_TTL: { flags: 6, opCode: OpCode.createTTL, sequential: true },
};

/** @throws TypeError if there is no such mode */
export function createModeTraits(mode: CreateMode): CreateModeTraits {
  if (!Object.hasOwn(traits, mode)) {
    throw new TypeError(`Expected \`mode\` to be one of ${Object.keys(traits).join(', ')}, got ${received(mode)}`);
  }
  return traits[mode];
}
