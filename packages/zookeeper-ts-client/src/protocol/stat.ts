import { withoutBigints } from '../errors/json-safe.js';
import type { Codec } from '../jute/codec.js';
import type { JuteReader } from '../jute/reader.js';

/** What the server knows about a znode besides its data. `Stat` of zookeeper.jute. `JSON.stringify` makes text of its values of 64 bits. */
export interface Stat {
  /** zxid of the transaction that created the znode; never used twice, so it serves as a fencing token. */
  readonly czxid: bigint;
  /** zxid of the last change of the data. */
  readonly mzxid: bigint;
  /** When it was created: milliseconds since 1970 by the leader's wall clock. */
  readonly ctime: number;
  /** When its data was last changed: milliseconds since 1970 by the leader's wall clock. */
  readonly mtime: number;
  /** Number of changes of the data; wraps at 32 bits. */
  readonly version: number;
  /** Number of creations and deletions of children. */
  readonly cversion: number;
  /** Number of changes of the ACL. */
  readonly aversion: number;
  /** Session that owns an ephemeral; 0 for every other znode, containers and TTL nodes included. */
  readonly ephemeralOwner: bigint;
  /** Length of the data in bytes; 0 for null too. */
  readonly dataLength: number;
  readonly numChildren: number;
  /** zxid of the last creation or deletion of a child. */
  readonly pzxid: bigint;
}

/** Written out field by field: it is read with nearly every reply, and objects of one class have one shape that the engine knows. */
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

  /** Reads the record; the order is that of the wire. */
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

/** The record, read as an object of a class and written from any object that has its fields. */
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
