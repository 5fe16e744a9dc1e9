/**
 * Transfers between two PostgreSQL databases, by coordinators and participants in processes of their own, on a real ensemble, while any of
 * them is killed with SIGKILL, the databases included, and started again:
 *
 *   npm run soak:transfers -- [--transfers 1000] [--seconds 150] [--kill-every-ms 2000]
 *
 * When all are back nothing may be in doubt, and the books must agree with what the coordinators have said. Ends with status 1 if not.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { namesIn } from '@zk-recipes/core/recipe-kit';
import { PeerProcess, startEnsemble, startPostgres } from '@zk-recipes/test-support';
import { Coordinator } from '@zk-recipes/two-phase-commit';
import { Bank } from './bank.mjs';

const PATH = '/transfers';
const SESSION_MS = 1_500;
const COORDINATORS = 4;
/** Processes of each participant: one is active, the others stand by. */
const PROCESSES = 2;
const PARTICIPANTS = ['ledger-a', 'ledger-b'];
/** Until all must be settled when nobody is killed any more. */
const PATIENCE_MS = 20_000;

const { values } = parseArgs({
  options: {
    transfers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '150' },
    'kill-every-ms': { type: 'string', default: '2000' },
  },
});
const total = Number(values.transfers);
const betweenMs = (Number(values.seconds) * 1_000) / total;
const killEveryMs = Number(values['kill-every-ms']);

/** A program that is started again whenever it was killed. */
class Phoenix {
  #script;
  #args;
  #onStart;
  #peer = null;

  constructor(script, args, onStart = () => {}) {
    this.#script = fileURLToPath(new URL(script, import.meta.url));
    this.#args = args;
    this.#onStart = onStart;
  }

  /** `null` while it is not ready. */
  get peer() {
    return this.#peer;
  }

  async start() {
    const peer = await PeerProcess.run(process.execPath, [this.#script, ...this.#args.map(String)]);
    this.#onStart(peer);
    await peer.receive({ event: 'ready' });
    this.#peer = peer;
    void peer.exited.then(() => {
      if (this.#peer === peer) wrong.push(`${this.#script} has ended by itself: ${peer.complaints}`);
    });
  }

  async kill() {
    const peer = this.#peer;
    this.#peer = null;
    await peer?.kill();
  }
}

const wrong = [];
const kills = { coordinator: 0, participant: 0, 'member of the ensemble': 0, database: 0 };
/** How each transfer ended, by what its coordinator said: it is unknown while, and if, it says nothing. */
const outcomes = new Map();

const ensemble = await startEnsemble({ tickTimeMs: 250 });
const settings = { max_prepared_transactions: '100' };
const databases = await Promise.all(PARTICIPANTS.map(() => startPostgres({ settings })));
const urls = Object.fromEntries(PARTICIPANTS.map((name, index) => [name, databases[index].connectionString]));
const bank = new Bank(urls);
await bank.open();

const told = [ensemble.connectString, PATH];
const participants = PARTICIPANTS.flatMap((name) =>
  Array.from({ length: PROCESSES }, () => {
    return new Phoenix('../two-phase-commit/ledger-process.mjs', [...told, name, SESSION_MS, urls[name]]);
  }),
);
const coordinators = Array.from({ length: COORDINATORS }, () => {
  return new Phoenix('transfers-coordinator.mjs', [...told, SESSION_MS], (peer) =>
    peer.onMessage(({ event, transfer, decision }) => {
      if (event === 'outcome') outcomes.set(transfer, decision);
    }),
  );
});
const processes = [...participants, ...coordinators];
await Promise.all(processes.map((each) => each.start()));

const oneOf = (all) => all[Math.floor(Math.random() * all.length)];

/** What may be killed, each with how it is done; resolves when it is back. */
const killers = {
  coordinator: () => restart(oneOf(coordinators)),
  participant: () => restart(oneOf(participants)),
  'member of the ensemble': () => restart(oneOf(ensemble.members)).then(() => ensemble.untilServing()),
  database: () => restart(oneOf(databases)),
};

async function restart(one) {
  await one.kill();
  await one.start();
}

async function killAround(signal) {
  // Each kind at least once, on however slow a machine.
  for (let round = 0; !signal.aborted || round < 4; round++) {
    const kind = Object.keys(killers)[round % 4];
    await killers[kind]();
    kills[kind] += 1;
    await delay(killEveryMs * (0.5 + Math.random()), undefined, { signal }).catch(() => {});
  }
}

const stopping = new AbortController();
const killing = killAround(stopping.signal);
for (let transfer = 0; transfer < total; transfer++) {
  outcomes.set(transfer, 'unknown');
  const alive = coordinators.flatMap(({ peer }) => peer ?? []);
  oneOf(alive).send(bank.transfer(transfer));
  await delay(betweenMs);
}
stopping.abort();
await killing;

const observer = await Keeper.connect({ connectString: ensemble.connectString, sessionTimeoutMs: 10_000 });
const left = await untilSettled(performance.now() + PATIENCE_MS);
if (left.length > 0) {
  wrong.push(`in doubt or unfinished: ${left.join(', ')}`);
  wrong.push(...(await describe(PATH)));
}
const audit = await bank.audit(outcomes);
wrong.push(...audit.wrong);
const count = (outcome) => [...outcomes.values()].filter((one) => one === outcome).length;
const counts = { committed: count('committed'), aborted: count('aborted'), unknown: count('unknown') };
const result = { transfers: total, ...counts, booked: audit.booked, kills, wrong };
console.log(JSON.stringify({ event: 'result', ...result }));

await observer.close();
await Promise.all(processes.map((each) => each.kill()));
await bank.close();
await Promise.all([ensemble, ...databases].map((each) => each[Symbol.asyncDispose]()));
process.exitCode = wrong.length === 0 ? 0 : 1;

/** Resolves with what is not settled in time, in ZooKeeper or PostgreSQL. */
async function untilSettled(deadline) {
  const coordinator = new Coordinator(observer, PATH, { retentionMs: 0 });
  for (;;) {
    const inboxes = PARTICIPANTS.map((name) => namesIn(observer, `${PATH}/participants/${name}/inbox`));
    const unfinished = (await Promise.all([...inboxes, bank.prepared()])).flat();
    // All is finished without its help. What dead coordinators have left of that would be removed in a minute.
    if (unfinished.length === 0) await coordinator.recover();
    const left = [...unfinished, ...(await namesIn(observer, `${PATH}/transactions`))];
    if (left.length === 0 || performance.now() > deadline) {
      await coordinator.close();
      return [...new Set(left)];
    }
    await delay(100);
  }
}

/** All znodes below a path, with what they hold. */
async function describe(path) {
  const data = await observer.getData().forPath(path);
  const below = await Promise.all((await namesIn(observer, path)).map((name) => describe(`${path}/${name}`)));
  return [`${path}: ${data ?? ''}`, ...below.flat()];
}
