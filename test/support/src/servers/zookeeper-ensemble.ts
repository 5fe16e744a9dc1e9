import { until } from '../until.js';
import type { ZooKeeperServer } from './zookeeper-server.js';

/** Several real ZooKeeper servers that form one service. Disposing of it removes them all. */
export class ZooKeeperEnsemble implements AsyncDisposable {
  readonly members: readonly ZooKeeperServer[];
  /** The addresses of all members, for clients. */
  readonly connectString: string;
  readonly #remove: () => Promise<void>;

  /** @param remove what remains to be done after the members were removed */
  constructor(members: readonly ZooKeeperServer[], remove: () => Promise<void>) {
    this.members = members;
    this.connectString = members.map((member) => member.connectString).join(',');
    this.#remove = remove;
  }

  /**
   * The member that leads now; `undefined` while there is none. One that was deposed while it was paused takes itself
   * for the leader for a moment longer: the later epoch decides.
   */
  async leader(): Promise<ZooKeeperServer | undefined> {
    let latest: { readonly member: ZooKeeperServer; readonly zxid: bigint } | undefined;
    for (const member of this.members) {
      const status = member.state === 'running' ? await member.status() : undefined;
      if (status?.mode !== 'leader') continue;
      if (latest === undefined || status.zxid > latest.zxid) latest = { member, zxid: status.zxid };
    }
    return latest?.member;
  }

  /** The members that follow a leader now. */
  async followers(): Promise<ZooKeeperServer[]> {
    const modes = await Promise.all(this.members.map(async (member) => member.state === 'running' && member.mode()));
    return this.members.filter((_, index) => modes[index] === 'follower');
  }

  /**
   * Resolves with the leader, when there is exactly one and every member that is up (neither stopped, killed nor paused)
   * serves clients. A minority never does.
   */
  untilServing(): Promise<ZooKeeperServer> {
    return until(
      async () => {
        const up = this.members.filter((member) => member.state === 'running');
        const modes = await Promise.all(up.map((member) => member.mode()));
        if (modes.includes(undefined) || modes.filter((mode) => mode === 'leader').length !== 1) return undefined;
        return up[modes.indexOf('leader')];
      },
      { what: `the ensemble ${this.connectString} to have a leader` },
    );
  }

  /** Starts the members that are down, and resolves with the leader when all serve. */
  async startAll(): Promise<ZooKeeperServer> {
    await Promise.all(this.members.filter(({ state }) => state === 'down').map((member) => member.start()));
    return await this.untilServing();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member[Symbol.asyncDispose]()));
    await this.#remove();
  }
}
