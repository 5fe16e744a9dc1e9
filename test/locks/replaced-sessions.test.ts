import { type Hold, Keeper } from '@zk-recipes/core';
import { Mutex } from '@zk-recipes/locks';
import { TcpProxy } from '@zk-recipes/test-support';
import { describeOnOwnServers } from '@zk-recipes/test-support/vitest';
import { expect, it } from 'vitest';
import { freshLine, ownServer } from '../stage/stage.js';

const REPLACEMENTS = 1_000;

/** A process that takes a mutex again and again, over a network on which its sessions are replaced. */
class Contender {
  readonly keeper: Keeper;
  readonly proxy: TcpProxy;
  readonly #mutex: Mutex;
  hold: Hold | null = null;
  holds = 0;

  private constructor(keeper: Keeper, proxy: TcpProxy, path: string) {
    this.keeper = keeper;
    this.proxy = proxy;
    this.#mutex = new Mutex(keeper, path);
  }

  static async join(server: string, path: string): Promise<Contender> {
    const proxy = await TcpProxy.inFrontOf(server);
    const keeper = await Keeper.connect({
      connectString: proxy.connectString,
      sessionTimeoutMs: 4_000,
      reconnect: { minDelayMs: 1, maxDelayMs: 5 },
    });
    proxy.forgetSessions();
    return new Contender(keeper, proxy, path);
  }

  get isSureToHold(): boolean {
    return this.hold !== null && this.hold.validForMs() > 0;
  }

  /** Takes the mutex and holds it until the session is replaced. @param onHold told of each grant, as it comes */
  async contend(signal: AbortSignal, onHold: () => void): Promise<void> {
    while (!signal.aborted) {
      const hold = await this.#mutex.acquire({ signal });
      this.hold = hold;
      this.holds++;
      onHold();
      await new Promise((resolve) => hold.signal.addEventListener('abort', resolve));
    }
  }

  async leave(): Promise<void> {
    await this.keeper.close();
    await this.proxy[Symbol.asyncDispose]();
  }
}

describeOnOwnServers('a mutex whose holder’s session is replaced', { timeout: 300_000 }, () => {
  const server = ownServer({ tickTimeMs: 200 });

  it(`has never two holders with a valid clock, in ${REPLACEMENTS} replacements`, async () => {
    const path = freshLine();
    const contenders = [
      await Contender.join(server().connectString, path),
      await Contender.join(server().connectString, path),
    ];
    const end = new AbortController();
    let overlaps = 0;
    let replacements = 0;
    const look = (): void => {
      if (contenders.every(({ isSureToHold }) => isSureToHold)) overlaps++;
    };
    let grant = (): void => {};
    const onHold = (): void => {
      look();
      grant();
    };
    const contending = contenders.map((contender) => contender.contend(end.signal, onHold).catch(() => {}));
    for (; replacements < REPLACEMENTS; replacements++) {
      const holder = contenders.find(({ isSureToHold }) => isSureToHold);
      if (holder === undefined) {
        await new Promise<void>((resolve) => {
          grant = resolve;
        });
        replacements--;
        continue;
      }
      const next = new Promise<void>((resolve) => {
        grant = resolve;
      });
      // One in four is cut off as well, so that it is not told before the other one holds the mutex.
      const isCutOff = replacements % 4 === 0;
      holder.proxy.cut();
      if (isCutOff) {
        holder.proxy.refuse();
        await new Promise((resolve) => setImmediate(resolve));
        await holder.proxy.accept();
      }
      while ((await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'not yet'))])) === 'not yet')
        look();
    }
    end.abort();
    await Promise.all(contenders.map((contender) => contender.leave()));
    await Promise.all(contending);
    expect(overlaps).toBe(0);
    expect(contenders.reduce((sum, { holds }) => sum + holds, 0)).toBeGreaterThanOrEqual(REPLACEMENTS);
  });
});
