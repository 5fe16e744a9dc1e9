import { once } from 'node:events';
import { connect } from 'node:net';
import {
  ConnectRequest,
  CreateRequest,
  DeleteRequest,
  JuteWriter,
  OpCode,
  ReadRequest,
} from '../../packages/zookeeper-ts-client/dist/protocol.js';

const anyone = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const EPHEMERAL_SEQUENTIAL = 3;
/** Length of the frame, xid, zxid and error code: what stands before the body of a reply. */
const BODY_AT = 20;

/**
 * A lock by hand on a socket of Node, that the least that can be done may be known: creates a znode and lists the line in one write, looks
 * whether it is alone, deletes the znode. It cannot wait, nor reconnect, and knows of no session. The path has to exist.
 */
export async function rawLock(connectString, path) {
  const [host, port] = connectString.split(':');
  const replies = [];
  let waiting = null;
  const settle = () => {
    if (waiting === null || replies.length < waiting.count) return;
    const { count, resolve } = waiting;
    waiting = null;
    resolve(replies.splice(0, count));
  };
  let rest = Buffer.alloc(0);
  const callback = (length, bytes) => {
    const input = Buffer.concat([rest, bytes.subarray(0, length)]);
    let at = 0;
    while (at + 4 <= input.length) {
      const end = at + 4 + input.readInt32BE(at);
      if (end > input.length) break;
      replies.push(input.subarray(at, end));
      at = end;
    }
    rest = input.subarray(at);
    settle();
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafeSlow(64 * 1024), callback };
  const socket = connect({ host, port: Number(port), noDelay: true, onread });
  await once(socket, 'connect');
  const writer = new JuteWriter();
  let xid = 0;
  const frame = (...parts) => {
    writer.beginFrame();
    for (const write of parts) write(writer);
    writer.endFrame();
  };
  const request = (opCode, codec, value) => {
    xid += 1;
    frame(
      () => writer.int(xid),
      () => writer.int(opCode),
      () => codec.write(writer, value),
    );
  };
  const exchange = (count) =>
    new Promise((resolve) => {
      waiting = { count, resolve };
      socket.write(writer.take());
    });
  const session = { lastZxidSeen: 0n, timeOut: 30_000, sessionId: 0n, passwd: Buffer.alloc(16), readOnly: false };
  frame(() => ConnectRequest.write(writer, { protocolVersion: 0, ...session }));
  await exchange(1);
  const data = Buffer.from('127.0.0.1');
  return {
    enter: async () => {
      const place = { path: `${path}/lock-`, data, acl: anyone, flags: EPHEMERAL_SEQUENTIAL };
      request(OpCode.create2, CreateRequest, place);
      request(OpCode.getChildren2, ReadRequest, { path, watch: false });
      const [created, line] = (await exchange(2)).map(bodyOf);
      if (line.readInt32BE(0) !== 1) throw new Error('somebody else is in the line');
      const own = created.toString('utf8', 4, 4 + created.readInt32BE(0));
      return async () => {
        request(OpCode.delete, DeleteRequest, { path: own, version: -1 });
        bodyOf((await exchange(1))[0]);
      };
    },
    close: async () => socket.destroy(),
  };
}

function bodyOf(reply) {
  const error = reply.readInt32BE(BODY_AT - 4);
  if (error !== 0) throw new Error(`the server answered ${error}`);
  return reply.subarray(BODY_AT);
}
