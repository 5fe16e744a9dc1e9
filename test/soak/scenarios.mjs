import { Mutex, ReadWriteLock, Semaphore } from '@zk-recipes/locks';
import { OpCode } from 'zookeeper-ts-client/protocol';

/** Leases of the semaphores. */
const LIMIT = 3;
/** Rounds between one kill, cut, and the next. */
const KILL_EVERY_MS = 5_000;
const CUT_EVERY_MS = 4_000;

const CREATES = new Set([OpCode.create, OpCode.create2, OpCode.createContainer, OpCode.createTTL]);

/** A lock of a kind, and what the journal has to know of it. */
const kinds = {
  mutex: (keeper, root) => ({ line: `${root}/mutex`, mode: 'exclusive', lock: new Mutex(keeper, `${root}/mutex`) }),
  readWrite: (keeper, root) => {
    const { read, write } = new ReadWriteLock(keeper, `${root}/both`);
    // Twice as many readers as writers.
    const isWriter = Math.random() < 1 / 3;
    return { line: `${root}/both`, mode: isWriter ? 'exclusive' : 'shared', lock: isWriter ? write : read };
  },
  semaphore: (keeper, root) => {
    const permits = Math.random() < 0.2 ? 2 : 1;
    const lock = new Semaphore(keeper, `${root}/semaphore`, { maxLeases: LIMIT });
    return { line: `${root}/semaphore`, mode: 'lease', limit: LIMIT, permits, lock };
  },
};

/** Does something again and again until the signal aborts. */
async function every(ms, signal, work) {
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    if (!signal.aborted) await work();
  }
}

/** Kills the leader; starts it again when the others serve without it. */
async function killLeaders({ ensemble, signal, note }) {
  await every(KILL_EVERY_MS, signal, async () => {
    const leader = await ensemble.leader();
    await leader?.kill();
    note('kills');
    await ensemble.untilServing();
    await ensemble.startAll();
  });
}

/** Breaks all connections. */
async function cutConnections({ proxies, signal, note }) {
  await every(CUT_EVERY_MS, signal, async () => {
    for (const proxy of proxies) proxy.cut();
    note('cuts');
  });
}

/** Loses a share of the replies and requests that change a line; a transaction counts as a create. */
async function loseSome({ proxies, signal, note }) {
  const isCreate = ({ op }) => CREATES.has(op) || op === OpCode.multi;
  const isDelete = ({ op }) => op === OpCode.delete;
  const lose = (proxy, what, isMeant, share) => {
    const op = (request) => !signal.aborted && isMeant(request) && Math.random() < share;
    void proxy[what]({ op }).then(() => {
      note(what);
      lose(proxy, what, isMeant, share);
    });
  };
  for (const proxy of proxies) {
    lose(proxy, 'loseReplyOnce', isCreate, 0.05);
    lose(proxy, 'loseReplyOnce', isDelete, 0.05);
    lose(proxy, 'loseRequestOnce', isCreate, 0.02);
  }
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

async function nothing() {}

/** What is contended for, what goes wrong meanwhile, and which share of the acquisitions is given up after 1 to 50 ms. */
export const scenarios = [
  { name: 'S1 mutex, leader killed', kinds: [kinds.mutex], disturb: killLeaders, givenUp: 0, maxGapMs: 5_000 },
  { name: 'S7 all, losses', kinds: Object.values(kinds), disturb: loseSome, givenUp: 0, maxGapMs: 6_000 },
  { name: 'S8 all, cuts', kinds: Object.values(kinds), disturb: cutConnections, givenUp: 0, maxGapMs: 2_000 },
  { name: 'S10 all, given up', kinds: Object.values(kinds), disturb: nothing, givenUp: 0.2, maxGapMs: 2_000 },
  { name: 'S12 semaphore, leader killed', kinds: [kinds.semaphore], disturb: killLeaders, givenUp: 0, maxGapMs: 5_000 },
];
