import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import {
  ConnectRequest,
  CreateRequest,
  DeleteRequest,
  JuteWriter,
  OpCode,
  ReadRequest,
  SetDataRequest,
} from '../../../packages/zookeeper-ts-client/dist/protocol.js';

const anyone = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

const requests = {
  create: [OpCode.create2, CreateRequest, (path, data) => ({ path, data, acl: anyone, flags: 0 })],
  get: [OpCode.getData, ReadRequest, (path) => ({ path, watch: false })],
  set: [OpCode.setData, SetDataRequest, (path, data) => ({ path, data, version: -1 })],
  exists: [OpCode.exists, ReadRequest, (path) => ({ path, watch: false })],
  delete: [OpCode.delete, DeleteRequest, (path) => ({ path, version: -1 })],
};

/**
 * The floor: a socket of Node that sends frames encoded beforehand, all that become due in one tick as one write, cuts
 * what comes into frames, and checks the xid and the error code of each. Nobody is told of an answer, nothing is decoded.
 */
export async function connect(connectString, data) {
  const source = { onData: () => {} };
  const socket = connectTcp(addressOf(connectString));
  socket.on('data', (chunk) => source.onData(chunk));
  return begin(socket, source, data);
}

/** The same, reading into one piece of memory that is used again for each read, which is the least that Node can do. */
export async function connectReusingMemory(connectString, data) {
  const source = { onData: () => {} };
  const callback = (length, bytes) => {
    source.onData(bytes.subarray(0, length));
    return true;
  };
  const onread = { buffer: Buffer.allocUnsafeSlow(64 * 1024), callback };
  return begin(connectTcp({ ...addressOf(connectString), onread }), source, data);
}

function addressOf(connectString) {
  const [host, port] = connectString.split(':');
  return { host, port: Number(port), noDelay: true };
}

/** @param source calls `onData` with what comes */
async function begin(socket, source, data) {
  await once(socket, 'connect');
  socket.write(handshake());
  await new Promise((resolve) => {
    source.onData = resolve;
  });
  let nextXid = 1;
  return {
    prepare(operation, paths, window) {
      const firstXid = nextXid;
      nextXid += paths.length;
      const frames = encode(operation, paths, data, firstXid);
      return () => pumpFrames(socket, source, frames, firstXid, window);
    },
    close: async () => socket.destroy(),
  };
}

function handshake() {
  const writer = new JuteWriter();
  writer.beginFrame();
  const request = {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 30_000,
    sessionId: 0n,
    passwd: null,
    readOnly: false,
  };
  ConnectRequest.write(writer, request);
  writer.endFrame();
  return writer.take();
}

/** All frames in one piece of memory, so that any run of them is one write, and where each of them ends. */
function encode(operation, paths, data, firstXid) {
  const [opCode, codec, requestOf] = requests[operation];
  const writer = new JuteWriter();
  const ends = paths.map((path, index) => {
    writer.beginFrame();
    writer.int(firstXid + index);
    writer.int(opCode);
    codec.write(writer, requestOf(path, data));
    writer.endFrame();
    return writer.pendingBytes;
  });
  return { bytes: writer.take(), ends };
}

function pumpFrames(socket, source, { bytes, ends }, firstXid, window) {
  return new Promise((resolve, reject) => {
    let sent = 0;
    let answered = 0;
    let rest = null;
    const send = () => {
      const upTo = Math.min(ends.length, answered + window);
      if (upTo === sent) return;
      socket.write(bytes.subarray(sent === 0 ? 0 : ends[sent - 1], ends[upTo - 1]));
      sent = upTo;
    };
    source.onData = (chunk) => {
      const input = rest === null ? chunk : Buffer.concat([rest, chunk]);
      let at = 0;
      while (at + 4 <= input.length) {
        const end = at + 4 + input.readInt32BE(at);
        if (end > input.length) break;
        const xid = input.readInt32BE(at + 4);
        const error = input.readInt32BE(at + 16);
        if (xid !== firstXid + answered || error !== 0) {
          reject(new Error(`request ${firstXid + answered}: answer to ${xid} with the code ${error}`));
          return;
        }
        answered++;
        at = end;
      }
      rest = at === input.length ? null : Buffer.from(input.subarray(at));
      send();
      if (answered === ends.length) resolve();
    };
    send();
  });
}
