import { describe, expect, it } from 'vitest';
import { exportsOf, hasDocstring, packageNames, readSources, type SourceFile, withoutComments } from './source-tree.js';

/**
 * The layers of a package, lowest first: a folder, or a file of `src` itself. What a layer imports is in the list of
 * those it may; each may import from itself.
 */
type Layers = Readonly<Record<string, readonly string[]>>;

/** Each may import all before it. */
const clientFolders = ['checks', 'errors', 'jute', 'protocol', 'servers', 'transport', 'session', 'watches', 'client'];
const clientLayers: Layers = Object.fromEntries(
  clientFolders.map((folder, index) => [folder, clientFolders.slice(0, index)]),
);

const coreFoundation = [
  'errors',
  'check-options',
  'connection-state',
  'diagnostics',
  'endings',
  'listeners',
  'message-of',
  'passing-failure',
];
const coreLayers: Layers = {
  ...Object.fromEntries(coreFoundation.map((name) => [name, coreFoundation])),
  execution: coreFoundation,
  builders: ['execution', ...coreFoundation],
  options: ['execution', ...coreFoundation],
  keeper: ['builders', 'execution', 'options', ...coreFoundation],
  'recipe-kit': ['keeper', 'builders', 'execution', 'options', ...coreFoundation],
};

/** The test server: what thinks, then who talks to it, then sockets. */
const treeLayer = [
  ...[
    'argument-checks',
    'znode-path',
    'znode',
    'transaction',
    'request-records',
    'ip-range',
    'access-control',
    'quotas',
    'data-tree',
  ],
];
const stateLayer = [
  ...treeLayer,
  ...['clock', 'seeded-random', 'snapshot', 'options', 'sessions', 'watch-table', 'watch-manager', 'replica'],
  ...['prepare', 'pending-changes', 'client', 'database', 'cleaner'],
];
const requestLayer = [
  ...stateLayer,
  ...['answer', 'read-requests', 'write-requests', 'multi-requests', 'watch-requests', 'auth-requests'],
  ...['request-processor', 'service'],
];
const socketLayer = [
  ...requestLayer,
  ...['observed-request', 'statistics', 'faults', 'handshake', 'outgoing-lane'],
  ...['connection', 'four-letter-words', 'listener'],
];
const testServerLayers: Layers = {
  ...Object.fromEntries(socketLayer.map((name) => [name, socketLayer])),
  ...Object.fromEntries(requestLayer.map((name) => [name, requestLayer])),
  ...Object.fromEntries(stateLayer.map((name) => [name, stateLayer])),
  ...Object.fromEntries(treeLayer.map((name) => [name, treeLayer])),
  server: socketLayer,
  cli: ['server', 'snapshot', 'clock', 'argument-checks'],
};

/** The locks: what thinks, then what is held, then how it is waited for, then the recipes. */
const lockRules = ['errors', 'line-rules', 'options', 'run-options'];
const lockHolds = [...lockRules, 'lock-hold', 'entrances', 'reentrancy'];
const lockWaiting = [
  ...lockHolds,
  ...['contenders', 'lease-limit', 'lease-room', 'live-position', 'revocation', 'semaphore-options'],
];
const lockLayers: Layers = {
  ...Object.fromEntries(lockWaiting.map((name) => [name, lockWaiting])),
  ...Object.fromEntries(lockHolds.map((name) => [name, lockHolds])),
  ...Object.fromEntries(lockRules.map((name) => [name, lockRules])),
  lock: lockWaiting,
  mutex: ['lock', ...lockWaiting],
  'read-write-lock': ['lock', ...lockWaiting],
  semaphore: lockWaiting,
  'multi-lock': ['lock', ...lockWaiting],
};

/** The barriers: what thinks, then the znodes, then the recipes. */
const barrierParts = ['errors', 'options', 'round'];
const barrierLayers: Layers = {
  ...Object.fromEntries(barrierParts.map((name) => [name, []])),
  room: ['round'],
  barrier: barrierParts,
  'double-barrier': ['room', ...barrierParts],
};

/** The queues: what thinks, then znodes, then deliveries, then who consumes, then the recipes. */
const queueThinking = [
  ...[
    'attempt-record',
    'bell',
    'codec',
    'decoding',
    'errors',
    'failures',
    'item-framing',
    'item-name',
    'options',
    'places',
  ],
  ...['backlog', 'turns', 'caution', 'line-order', 'deferrals'],
];
const queueZnodes = [
  ...queueThinking,
  ...[
    'claim-attempt',
    'claim-commit',
    'claims',
    'dead-letters',
    'live-children',
    'markers',
    'producer',
    'queue-view',
    'seats',
    'settlement',
  ],
  'giving-back',
  'until-permitted',
];
const queueDeliveries = [...queueZnodes, 'delivery', 'unpacking'];
const queueConsumers = [
  ...queueDeliveries,
  'job',
  'custody',
  'trouble',
  'intake',
  'shift',
  'consumer',
  'deliveries',
  'processing',
  'item-source',
];
const queueLayers: Layers = {
  ...Object.fromEntries(queueConsumers.map((name) => [name, queueConsumers])),
  ...Object.fromEntries(queueDeliveries.map((name) => [name, queueDeliveries])),
  ...Object.fromEntries(queueZnodes.map((name) => [name, queueZnodes])),
  ...Object.fromEntries(queueThinking.map((name) => [name, queueThinking])),
  'work-queue': queueConsumers,
  'simple-queue': queueZnodes,
  queue: ['work-queue', ...queueThinking],
  'priority-queue': ['work-queue', ...queueThinking],
  'delay-queue': ['work-queue', ...queueThinking],
  'id-queue': ['work-queue', ...queueZnodes],
  'sharded-queue': queueConsumers,
};

/** Two-phase commit: what thinks, then the znodes, then who acts on them. */
const commitRules = [
  'errors',
  'codec',
  'layout',
  'or-aborted',
  'participant-name',
  'records',
  'protocol',
  'roll-call',
  'slots',
  'for-each',
];
const commitOptions = [...commitRules, 'participant-options', 'coordinator-options', 'store', 'presence'];
const commitParts = [...commitOptions, 'background-work', 'handler-calls', 'backlog', 'orphans'];
const commitActs = [...commitParts, 'assignment', 'run', 'recovery', 'pending', 'operator'];
const commitLayers: Layers = {
  ...Object.fromEntries(commitActs.map((name) => [name, commitParts])),
  ...Object.fromEntries(commitOptions.map((name) => [name, commitOptions])),
  ...Object.fromEntries(commitRules.map((name) => [name, commitRules])),
  coordinator: commitActs,
  participant: commitActs,
  testing: ['participant-options'],
  postgres: ['or-aborted', 'participant-options', 'slots'],
};

/** Packages from outside that a package may import; Node's own modules it may in any case. */
const recipeImports = ['@zk-recipes/core', '@zk-recipes/core/recipe-kit', 'zod/mini'];
const outside: Readonly<Record<string, readonly string[]>> = {
  'zookeeper-ts-client': [],
  core: ['zookeeper-ts-client', 'zod/mini', 'p-retry'],
  'test-server': ['zookeeper-ts-client/protocol'],
  'zk-recipes': [
    ...recipeImports,
    ...['@zk-recipes/barriers', '@zk-recipes/leader-election', '@zk-recipes/locks', '@zk-recipes/queues'],
    ...['@zk-recipes/two-phase-commit', '@zk-recipes/two-phase-commit/postgres'],
    ...['@zk-recipes/two-phase-commit/testing', 'zookeeper-ts-client', 'zookeeper-ts-client/protocol'],
  ],
};

/** Files that put a package together, and may import all of it. */
const isEntry = (path: string) => path === 'index.ts' || path === 'protocol.ts';

describe.each(packageNames())('packages/%s', (packageName) => {
  const sources = readSources(packageName);
  const names = (files: readonly SourceFile[]) => files.map(({ path }) => path);

  it('imports only the packages below it', () => {
    const allowed = outside[packageName] ?? recipeImports;
    const strangers = sources.flatMap(({ path, imports }) =>
      imports
        .filter(({ target, isRelative }) => !isRelative && !target.startsWith('node:') && !allowed.includes(target))
        .map(({ target }) => `${path} imports ${target}`),
    );
    expect(strangers).toEqual([]);
  });

  it('keeps its layers', () => {
    const layers = {
      'zookeeper-ts-client': clientLayers,
      core: coreLayers,
      locks: lockLayers,
      barriers: barrierLayers,
      queues: queueLayers,
      'two-phase-commit': commitLayers,
      'test-server': testServerLayers,
    }[packageName];
    if (layers !== undefined) expect(upwardImports(sources, layers)).toEqual([]);
  });

  it('works with the keeper that the check of its arguments returns', () => {
    // `operationTimeoutMs` would end the waits of a recipe that goes on with the keeper of its user.
    expect(names(sources.filter(({ text }) => /^\s*check(Place|Keeper)\(/m.test(text)))).toEqual([]);
  });

  it('listens to signals by their one registry of followers', () => {
    // Any other way is quadratic in the number of calls with one signal, or changes what its owner is warned of.
    const own = ['execution/operation-limit.ts', 'recipe-kit/session-lapse.ts'];
    const allowed = ['session/signal-followers.ts', 'session/request-signal.ts', ...own];
    const listens = /\baddEventListener\(|\bAbortSignal\.any\b|\bsetMaxListeners\(.*[sS]ignal/;
    const direct = sources.filter(({ text }) => listens.test(withoutComments(text)));
    expect(names(direct).filter((path) => !allowed.includes(path))).toEqual([]);
  });

  it('has no cycle of imports', () => {
    expect(findCycle(sources, packageName === 'zookeeper-ts-client')).toBeUndefined();
  });

  it('has files named in kebab-case', () => {
    expect(names(sources.filter(({ path }) => !/^([a-z0-9-]+\/)*[a-z0-9-]+\.ts$/.test(path)))).toEqual([]);
    const vague = /(^|[/-])(utils?|helpers?|types|common|misc)(\.ts$|\/)/;
    expect(names(sources.filter(({ path }) => vague.test(path)))).toEqual([]);
  });

  it('exports by name, and documents each name', () => {
    expect(names(sources.filter(({ text }) => /^export default\b/m.test(text)))).toEqual([]);
    const indices = sources.filter(({ path }) => isEntry(path) || path.endsWith('/index.ts'));
    const bare = indices.flatMap((index) =>
      exportsOf(index, sources)
        .filter(({ name, file }) => !hasDocstring(name, file))
        .map(({ name, file }) => `${name} of ${file.path}`),
    );
    expect(bare).toEqual([]);
  });
});

function layerOf(path: string, layers: Layers): string | undefined {
  const file = path.replace(/\.ts$/, '');
  return [file, file.split('/')[0] as string].find((name) => name in layers);
}

function upwardImports(sources: readonly SourceFile[], layers: Layers): string[] {
  const complaints: string[] = [];
  for (const { path, imports } of sources.filter((source) => !isEntry(source.path))) {
    const layer = layerOf(path, layers);
    if (layer === undefined) complaints.push(`${path} is in no layer`);
    for (const { target } of imports.filter(({ isRelative }) => isRelative)) {
      const below = layerOf(target, layers);
      if (layer === undefined || below === layer) continue;
      if (below === undefined || !layers[layer]?.includes(below)) complaints.push(`${path} imports ${target}`);
    }
  }
  return complaints;
}

/** The files of the first cycle met. In the client imports of types alone count, too. */
function findCycle(sources: readonly SourceFile[], countsTypes: boolean): string[] | undefined {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const { target, isRelative, isTypeOnly } of byPath.get(path)?.imports ?? []) {
      const cycle = isRelative && (countsTypes || !isTypeOnly) ? visit(target, [...trail, path]) : undefined;
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}
