import { describe, expect, it } from 'vitest';
import type { AvailableItem } from './backlog.js';
import { storeOf } from './places.js';
import { turnsOf } from './turns.js';

const store = storeOf('/queue');
const items = (...sinceMs: number[]): AvailableItem[] =>
  sinceMs.map((since, index) => ({ store, name: `item ${index}`, sinceMs: since, isWanted: false, isRepeated: false }));
const seats = (...positions: number[]) => positions.map((position) => ({ seat: `seat ${position}`, position }));
const named = ({ items: turns }: ReturnType<typeof turnsOf<string>>) =>
  Object.fromEntries([...turns].map(([seat, { name }]) => [seat, name]));

describe('turns', () => {
  it('give the nth in line the nth item', () => {
    const turns = turnsOf(seats(0, 2), items(100, 100, 100), 100);
    expect(named(turns)).toEqual({ 'seat 0': 'item 0', 'seat 2': 'item 2' });
    expect(turns.nextAtMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('leave an item to whoever is nearer, for a while', () => {
    expect(named(turnsOf(seats(1), items(100), 299))).toEqual({});
    expect(turnsOf(seats(1), items(100), 299).nextAtMs).toBe(300);
    expect(named(turnsOf(seats(1), items(100), 300))).toEqual({ 'seat 1': 'item 0' });
    expect(turnsOf(seats(3), items(100), 300).nextAtMs).toBe(700);
  });

  it('give no item to two', () => {
    expect(named(turnsOf(seats(1, 2), items(100), 1_000))).toEqual({ 'seat 1': 'item 0' });
    expect(named(turnsOf(seats(0, 1), items(100, 100), 1_000))).toEqual({ 'seat 0': 'item 0', 'seat 1': 'item 1' });
  });

  it('are nobody’s where there is nothing', () => {
    expect(turnsOf(seats(0, 1), [], 100)).toEqual({ items: new Map(), nextAtMs: Number.POSITIVE_INFINITY });
    expect(turnsOf([], items(100), 100).nextAtMs).toBe(Number.POSITIVE_INFINITY);
  });
});
