import { describe, expect, it } from 'vitest';
import type { AvailableItem } from './backlog.js';
import { storeOf } from './places.js';
import { beyondLine, turnsOf, wantedOf } from './turns.js';

const store = storeOf('/queue');
const items = (...sinceMs: number[]): AvailableItem[] =>
  sinceMs.map((since, index) => ({ store, name: `item ${index}`, sinceMs: since, isWanted: false, isRepeated: false }));
/** Places of one item each, but where it is said how many. */
const seats = (...places: (number | [before: number, room: number])[]) =>
  places.map((place) => {
    const [before, room] = typeof place === 'number' ? [place, 1] : place;
    return { seat: `seat ${before}`, rank: before, before, room };
  });
const named = ({ items: turns }: ReturnType<typeof turnsOf<string>>) =>
  Object.fromEntries([...turns].map(([seat, own]) => [seat, own.map(({ name }) => name).join(' ')]));
const single = (index: number): number => index;

describe('turns', () => {
  it('give the nth in line the nth item', () => {
    const turns = turnsOf(seats(0, 2), items(100, 100, 100), single, 100);
    expect(named(turns)).toEqual({ 'seat 0': 'item 0', 'seat 2': 'item 2' });
    expect(turns.nextAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('give a place as many items as it stands for, as far as there are any', () => {
    const turns = turnsOf(seats([0, 2], [3, 4]), items(100, 100, 100, 100, 100), (index) => (index < 2 ? 0 : 1), 100);
    expect(named(turns)).toEqual({ 'seat 0': 'item 0 item 1', 'seat 3': 'item 3 item 4' });
  });

  it('count what this process is about to claim among the others, and do not give it again', () => {
    const [first, ...others] = items(100, 100, 100, 100);
    const wanted = [{ ...(first as AvailableItem), isWanted: true }, ...others];
    expect(named(turnsOf(seats(2), wanted, single, 100))).toEqual({ 'seat 2': 'item 2' });
    expect(named(turnsOf(seats([0, 3]), wanted, single, 100))).toEqual({ 'seat 0': 'item 1 item 2' });
  });

  it('leave an item to whoever is nearer, for a while', () => {
    expect(named(turnsOf(seats(1), items(100), single, 299))).toEqual({});
    expect(turnsOf(seats(1), items(100), single, 299).nextAtMs).toBe(300);
    expect(named(turnsOf(seats(1), items(100), single, 300))).toEqual({ 'seat 1': 'item 0' });
    expect(turnsOf(seats(3), items(100), single, 300).nextAtMs).toBe(700);
  });

  it('leave it as long for each place before, whatever that stands for', () => {
    const place = { seat: 'second', rank: 1, before: 50, room: 1 };
    expect(turnsOf([place], items(100), () => 0, 100).nextAtMs).toBe(300);
    expect(named(turnsOf([place], items(100, 100), () => 0, 300))).toEqual({ second: 'item 1' });
  });

  it('give no item to two', () => {
    expect(named(turnsOf(seats(1, 2), items(100), single, 1_000))).toEqual({ 'seat 1': 'item 0' });
    expect(named(turnsOf(seats(0, 1), items(100, 100), single, 1_000))).toEqual({
      'seat 0': 'item 0',
      'seat 1': 'item 1',
    });
  });

  it('are nobody’s where there is nothing', () => {
    const nothing = { items: new Map(), nextAtMs: Number.POSITIVE_INFINITY };
    expect(turnsOf(seats(0, 1), [], single, 100)).toEqual(nothing);
    expect(turnsOf([], items(100), single, 100).nextAtMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what is wanted', () => {
  const repeated = { ...(items(100)[0] as AvailableItem), isRepeated: true };

  it('is what was asked for, and ahead of that what those before in line leave', () => {
    expect(wantedOf(items(1, 1, 1, 1, 1), { asked: 1, most: 9, before: 2 })).toBe(3);
    expect(wantedOf(items(1, 1, 1, 1, 1), { asked: 1, most: 2, before: 2 })).toBe(2);
    expect(wantedOf(items(1), { asked: 1, most: 9, before: 5 })).toBe(1);
    expect(wantedOf([], { asked: 0, most: 9, before: 0 })).toBe(0);
  });

  it('is nothing ahead as long as one is to be had that was handed out before', () => {
    expect(wantedOf([...items(1, 1), repeated], { asked: 1, most: 9, before: 0 })).toBe(1);
    const underWay = { ...repeated, isWanted: true };
    expect(wantedOf([...items(1, 1), underWay], { asked: 0, most: 9, before: 0 })).toBe(0);
  });

  it('may be had without a place in line where the line ends', () => {
    const [first, second, ...others] = items(1, 1, 1, 1);
    const all = [first, { ...(second as AvailableItem), isWanted: true }, ...others] as AvailableItem[];
    expect(beyondLine(all, 1).map(({ name }) => name)).toEqual(['item 2', 'item 3']);
    expect(beyondLine(all, 9)).toEqual([]);
  });
});
