import { type Acl, CreateRequest, OpCode } from 'zookeeper-ts-client/protocol';
import { WireClient } from '../wire-client.js';
import type { StepScope } from './materials.js';
import { type Comparable, comparable, comparableEvents, type Frame } from './normalise.js';
import { SESSIONS, type Step, xidOf } from './steps.js';

const OPEN: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const TIMEOUT_MS = 60_000;

interface Player {
  client: WireClient;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  isEnded: boolean;
}

/** One sequence on one server: its sessions, and everything that they hear. */
export class Performance implements AsyncDisposable {
  readonly #address: string;
  readonly #scope: StepScope;
  readonly #players: Player[];
  readonly #frame: Frame;

  private constructor(address: string, scope: StepScope, players: Player[]) {
    this.#address = address;
    this.#scope = scope;
    this.#players = players;
    this.#frame = {
      baseZxid: scope.baseZxid,
      sessionNames: new Map(players.map(({ sessionId }, index) => [sessionId, `session ${index}`])),
    };
  }

  /** Opens the sessions and makes the root of the sequence. */
  static async begin(address: string, root: string): Promise<Performance> {
    const players: Player[] = [];
    for (let index = 0; index < SESSIONS; index++) players.push(await play(address));
    const first = players[0] as Player;
    const made = await first.client.call(OpCode.create, CreateRequest, { path: root, data: null, acl: OPEN, flags: 0 });
    return new Performance(address, { root, baseZxid: made.reply?.zxid ?? 0n }, players);
  }

  /** Takes one step; gives what its session heard in answer, and what the others heard of it. */
  async take({ session, action }: Step): Promise<Comparable> {
    const player = this.#players[session] as Player;
    const answer =
      action.kind === 'reconnect' || player.isEnded
        ? await this.#resume(player)
        : await this.#request(player, action.opCode, action.body(this.#scope));
    const others: Comparable[] = [];
    for (const other of this.#players) {
      if (other === player || other.isEnded) continue;
      const heard = await other.client.events();
      others.push({ events: comparableEvents(heard, this.#frame) });
    }
    return action.kind === 'request' && action.opCode === OpCode.closeSession
      ? { answer: unordered(answer), others: others.map(unordered) }
      : { answer, others };
  }

  /** What is there at the end: closes the sessions, so that both servers count alike. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const player of this.#players) {
      if (player.isEnded) await this.#resume(player);
      if (!player.isEnded) {
        player.client.send(OpCode.closeSession);
        await player.client.ended();
      }
      player.client.socket.destroy();
    }
  }

  async #request(player: Player, opCode: number, body: Buffer): Promise<Comparable> {
    player.client.sendBytes(opCode, body, xidOf(opCode));
    const answer = await player.client.nextReply();
    const isFatal = answer.reply === null || opCode === OpCode.closeSession || isRefusal(opCode, answer.reply.err);
    if (isFatal) {
      await player.client.ended();
      player.isEnded = true;
    }
    return comparable(answer, opCode, this.#frame);
  }

  async #resume(player: Player): Promise<Comparable> {
    player.client.socket.destroy();
    const { sessionId, password } = player;
    player.client = await WireClient.connect(this.#address, { sessionId, password, timeoutMs: TIMEOUT_MS });
    const { response } = player.client;
    player.isEnded = response === null || response.timeOut <= 0;
    return { resumed: response !== null && response.timeOut > 0, timeOut: response?.timeOut };
  }
}

/** Whether a server closes the connection behind this answer: an unknown operation, or a refused credential. */
function isRefusal(opCode: number, error: number): boolean {
  return (error === -6 && opCode !== OpCode.createTTL) || error === -115;
}

/** Ephemerals of a session go in no particular order: who ends it hears of them as the others do. */
function unordered({ events, ...rest }: Comparable): Comparable {
  return events === undefined ? rest : { ...rest, events: [...(events as string[])].sort() };
}

async function play(address: string): Promise<Player> {
  const client = await WireClient.connect(address, { timeoutMs: TIMEOUT_MS });
  if (client.response === null) throw new Error(`${address} refused a session`);
  return { client, sessionId: client.sessionId, password: client.response.passwd ?? Buffer.alloc(0), isEnded: false };
}
