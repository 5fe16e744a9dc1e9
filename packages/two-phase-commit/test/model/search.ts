import type { Protocol } from '../../src/protocol.js';
import { type Step, steps } from './steps.js';
import { castIn, decisionIn, type Faults, initial, isGone, keyOf, votersIn, type World } from './world.js';

/** What a search has found. */
export interface Finding {
  readonly states: number;
  /** What is broken first, by the shortest way there is; `null` if nothing. */
  readonly offence: string | null;
}

interface Found {
  readonly world: World;
  readonly from: number;
  readonly by: string;
}

/** Goes through all that can happen, nearest first. */
export function search(protocol: Protocol, count: number, faults: Faults): Finding {
  const found: Found[] = [{ world: initial(protocol, count, faults), from: -1, by: '' }];
  const known = new Map<string, number>([[keyOf((found[0] as Found).world), 0]]);
  /** Who comes to a state without any fault. */
  const before: number[][] = [[]];
  const settled: number[] = [];
  const way = (at: number): string => {
    const names: string[] = [];
    for (let index = at; index > 0; index = found[index]?.from ?? -1) names.unshift(found[index]?.by ?? '');
    return names.join(' → ');
  };
  for (let at = 0; at < found.length; at++) {
    const { world } = found[at] as Found;
    if (isSettled(world)) settled.push(at);
    for (const step of steps(protocol, world)) {
      const offence = offenceOf(world, step);
      if (offence !== null) return { states: found.length, offence: `${offence}: ${way(at)} → ${step.name}` };
      const key = keyOf(step.world);
      let to = known.get(key);
      if (to === undefined) {
        to = found.push({ world: step.world, from: at, by: step.name }) - 1;
        known.set(key, to);
        before.push([]);
      }
      if (!step.isFault) before[to]?.push(at);
    }
  }
  const stuck = firstStuck(found.length, before, settled);
  return { states: found.length, offence: stuck === null ? null : `never ends: ${way(stuck)}` };
}

/** Everybody has finished, and nothing of the transaction is left. */
function isSettled({ tree, sites }: World): boolean {
  return isGone(tree) && sites.every(({ phase }) => phase === 'done');
}

/** The first state from which nobody comes to the end without another fault. */
function firstStuck(count: number, before: readonly (readonly number[])[], settled: readonly number[]): number | null {
  const isFine = new Uint8Array(count);
  const open = [...settled];
  for (const at of open) isFine[at] = 1;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const at of before[next] as readonly number[]) {
      if (isFine[at] === 1) continue;
      isFine[at] = 1;
      open.push(at);
    }
  }
  const at = isFine.indexOf(0);
  return at < 0 ? null : at;
}

/** What must never happen. */
function offenceOf(before: World, { world }: Step): string | null {
  const { sites, decided, coordinator, tree } = world;
  const resources = sites.map(({ resource }) => resource);
  if (resources.includes('committed') && resources.includes('aborted')) return 'agreement';
  for (const [index, resource] of resources.entries()) {
    const was = before.sites[index]?.resource;
    if (resource === 'committed' && was !== 'committed' && was !== 'prepared') return 'commit of what was not prepared';
    if ((was === 'committed' || was === 'aborted') && resource !== was) return 'what was finished is undone';
  }
  if (resources.includes('committed') && decided !== 'committed') return 'commit without a decision';
  if (resources.includes('aborted') && decided !== 'aborted') return 'abort without a decision';
  const decision = decisionIn(tree);
  if (decided !== null && decision !== null && decision.decision !== decided) return 'durability';
  if (before.decided !== null && decision === null && !isGone(tree)) return 'durability';
  if (decided === 'committed' && before.decided === null && !allVoted(world)) return 'validity';
  if (decided !== null && !isGone(tree) && votersIn(tree) !== world.voters) return 'vote after the decision';
  if (coordinator.told !== null && coordinator.told !== decided) return 'told what is not so';
  return null;
}

function allVoted({ tree, sites }: World): boolean {
  const votes = Object.entries(tree).filter(([path]) => path.includes('/votes/'));
  return votes.length === sites.length && votes.every(([, { data }]) => castIn(data) === 'commit');
}
