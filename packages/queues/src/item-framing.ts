/**
 * Format in which Curator's queues keep payloads in a znode: a version, each payload after its length, and an end mark. Pure.
 *
 * @see org.apache.curator.framework.recipes.queue.ItemSerializer
 */
const VERSION = 0x00010001;
const ITEM = 0x01;
const END = 0x02;

/** Frames payloads, in their order, for one znode. */
export function frameItems(payloads: readonly Uint8Array[]): Buffer {
  const size = payloads.reduce((sum, { length }) => sum + 5 + length, 5);
  const frame = Buffer.allocUnsafe(size);
  let at = frame.writeInt32BE(VERSION, 0);
  for (const payload of payloads) {
    at = frame.writeUInt8(ITEM, at);
    at = frame.writeInt32BE(payload.length, at);
    frame.set(payload, at);
    at += payload.length;
  }
  frame.writeUInt8(END, at);
  return frame;
}

/**
 * Returns the payloads of a znode, in their order. They share the memory of the frame.
 *
 * @throws {RangeError} when the bytes are not framed; the message tells the difference and the position
 */
export function unframeItems(frame: Buffer): Buffer[] {
  const version = expectBytes(frame, 0, 4, 'a version').readInt32BE();
  if (version !== VERSION) throw new RangeError(`expected version 0x${hex(VERSION)}, got 0x${hex(version)}`);
  const payloads: Buffer[] = [];
  for (let at = 4; ; ) {
    const opcode = expectBytes(frame, at, 1, 'an item or the end').readUInt8();
    if (opcode === END) return payloads;
    if (opcode !== ITEM) throw new RangeError(`expected an item or the end at byte ${at}, got opcode ${opcode}`);
    const length = expectBytes(frame, at + 1, 4, 'a length').readInt32BE();
    if (length < 0) throw new RangeError(`expected a length at byte ${at + 1}, got ${length}`);
    payloads.push(expectBytes(frame, at + 5, length, 'a payload'));
    at += 5 + length;
  }
}

function expectBytes(frame: Buffer, at: number, length: number, what: string): Buffer {
  if (at + length > frame.length) {
    throw new RangeError(`expected ${what} of ${length} bytes at byte ${at}, got the end after ${frame.length} bytes`);
  }
  return frame.subarray(at, at + length);
}

function hex(version: number): string {
  return (version >>> 0).toString(16).padStart(8, '0');
}
