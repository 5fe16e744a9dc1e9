import { connect, type Socket } from 'node:net';
import { FrameSplitter } from './frame-splitter.js';
import { Lane } from './lane.js';
import type { SufferedFault, WireFaults } from './wire-faults.js';
import { parseRequest } from './wire-request.js';

/** One client's connection through the proxy: two sockets, and a lane for each direction. */
export class ProxiedConnection {
  readonly toServer: Lane;
  readonly toClient: Lane;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #faults: WireFaults;
  /** Requests whose reply is to be lost, by xid. */
  readonly #doomed: Map<number, SufferedFault> = new Map();
  readonly #requests = new FrameSplitter();
  readonly #replies = new FrameSplitter();
  #isShaken = { client: false, server: false };
  #isCut = false;

  /** @param onEnd called once, when the connection has ended on either side */
  constructor(client: Socket, target: { host: string; port: number }, faults: WireFaults, onEnd: () => void) {
    this.#client = client;
    this.#faults = faults;
    this.#server = connect(target);
    this.toServer = new Lane((bytes) => pass(bytes, this.#server));
    this.toClient = new Lane((bytes) => pass(bytes, this.#client));
    this.#wire(client, (chunk) => this.#fromClient(chunk), this.toServer);
    this.#wire(this.#server, (chunk) => this.#fromServer(chunk), this.toClient);
    let open = 2;
    for (const socket of [client, this.#server]) {
      socket.on('close', () => {
        open -= 1;
        if (open > 0) return;
        this.#missDoomed();
        onEnd();
      });
    }
  }

  /** Breaks the connection on both sides; what is under way is lost. */
  cut(): void {
    this.#isCut = true;
    this.toServer.clear();
    this.toClient.clear();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
    this.#missDoomed();
  }

  #missDoomed(): void {
    for (const fault of this.#doomed.values()) fault.missed();
    this.#doomed.clear();
  }

  #wire(from: Socket, take: (chunk: Buffer) => void, lane: Lane): void {
    from.setNoDelay(true);
    from.on('data', take);
    // An end travels its lane like bytes do: behind a black hole, the other side does not hear of it.
    from.on('close', () => lane.push(null));
    from.on('error', () => {});
  }

  #fromClient(chunk: Buffer): void {
    for (const frame of this.#requests.push(chunk)) {
      if (this.#isCut) return;
      if (!this.#isShaken.client && this.#faults.forgetsSessions) forgetSession(frame);
      const request = this.#isShaken.client && !this.#requests.isOpaque ? parseRequest(frame) : undefined;
      this.#isShaken.client = true;
      const fault = request && this.#faults.suffer(request);
      if (fault?.kind === 'lose-request') {
        this.cut();
        fault.happened();
        return;
      }
      if (request && fault) this.#doomed.set(request.xid, fault);
      this.toServer.push(frame);
    }
  }

  #fromServer(chunk: Buffer): void {
    if (this.#requests.isOpaque) {
      this.toClient.push(chunk);
      return;
    }
    for (const frame of this.#replies.push(chunk)) {
      if (this.#isCut) return;
      const isReply = this.#isShaken.server && frame.length >= 8;
      this.#isShaken.server = true;
      const xid = isReply ? frame.readInt32BE(4) : undefined;
      const fault = xid === undefined ? undefined : this.#doomed.get(xid);
      if (xid !== undefined && fault) {
        this.#doomed.delete(xid);
        this.cut();
        fault.happened();
        return;
      }
      this.toClient.push(frame);
    }
  }
}

/** Makes of a handshake, with its length in front, one for a new session: id and password become zeros. */
function forgetSession(handshake: Buffer): void {
  if (handshake.length < 48) return;
  handshake.fill(0, 20, 28);
  handshake.fill(0, 32, 48);
}

function pass(bytes: Buffer | null, to: Socket): void {
  if (bytes === null) to.destroySoon();
  else if (to.writable) to.write(bytes);
}
