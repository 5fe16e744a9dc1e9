import { withoutBigints } from '../errors/json-safe.js';
import type { Codec } from '../jute/codec.js';
import type { JuteReader } from '../jute/reader.js';

/** Metadata of a znode: `Stat` of zookeeper.jute. `JSON.stringify` writes its 64-bit values as text. */
export interface Stat {
  /** Zxid of the transaction that created the znode. No other transaction has the same zxid, so it serves as a fencing token. */
  readonly czxid: bigint;
  /** Zxid of the last change of the data. */
  readonly mzxid: bigint;
  /** Time of creation: milliseconds since 1970 by the leader's wall clock. */
  readonly ctime: number;
  /** Time of the last change of the data: milliseconds since 1970 by the leader's wall clock. */
  readonly mtime: number;
  /** Number of changes of the data; wraps at 32 bits. */
  readonly version: number;
  /** Number of creations and deletions of children. */
  readonly cversion: number;
  /** Number of changes of the ACL. */
  readonly aversion: number;
  /** Id of the session that owns an ephemeral; 0 for every other znode, including containers and TTL znodes. */
  readonly ephemeralOwner: bigint;
  /** Length of the data in bytes; 0 for `null` too. */
  readonly dataLength: number;
  /** Number of children. */
  readonly numChildren: number;
  /** Zxid of the last creation or deletion of a child. */
  readonly pzxid: bigint;
}

/**
 * `Stat` that is read from the wire. Each field is written out, because nearly every reply contains a `Stat` and the engine optimizes
 * objects of one class.
 */
class ReadStat implements Stat {
  declare readonly czxid: bigint;
  declare readonly mzxid: bigint;
  declare readonly ctime: number;
  declare readonly mtime: number;
  declare readonly version: number;
  declare readonly cversion: number;
  declare readonly aversion: number;
  declare readonly ephemeralOwner: bigint;
  declare readonly dataLength: number;
  declare readonly numChildren: number;
  declare readonly pzxid: bigint;

  /** Reads the record in the order of the wire. */
  constructor(reader: JuteReader) {
    this.czxid = reader.long();
    this.mzxid = reader.long();
    this.ctime = reader.longAsNumber();
    this.mtime = reader.longAsNumber();
    this.version = reader.int();
    this.cversion = reader.int();
    this.aversion = reader.int();
    this.ephemeralOwner = reader.long();
    this.dataLength = reader.int();
    this.numChildren = reader.int();
    this.pzxid = reader.long();
  }

  toJSON(): Record<string, unknown> {
    return withoutBigints(this);
  }
}

/** Codec of a `Stat`: reads an object of a class, and writes any object with the same fields. */
export const Stat: Codec<Stat> = {
  write(writer, stat) {
    writer.long(stat.czxid);
    writer.long(stat.mzxid);
    writer.long(BigInt(stat.ctime));
    writer.long(BigInt(stat.mtime));
    writer.int(stat.version);
    writer.int(stat.cversion);
    writer.int(stat.aversion);
    writer.long(stat.ephemeralOwner);
    writer.int(stat.dataLength);
    writer.int(stat.numChildren);
    writer.long(stat.pzxid);
  },
  read: (reader) => new ReadStat(reader),
};
