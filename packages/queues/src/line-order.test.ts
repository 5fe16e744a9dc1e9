import { describe, expect, it } from 'vitest';
import { inOrder, LineOrder, seatFor } from './line-order.js';

const uuid = '_c_d6a44e2d-9d55-4e43-a8a7-2f4a0e3a2b1c-';
const named = (room: number, number: number): string => `${uuid}${seatFor(room)}${String(number).padStart(10, '0')}`;

describe('the order of the line', () => {
  it('tells of each place what is before it, and for how many items it stands', () => {
    const line = new LineOrder();
    for (const name of [named(1, 7), named(8, 3), named(100, 12)]) line.add(name);
    expect(line.room).toBe(109);
    expect(line.placeOf(named(8, 3))).toEqual({ rank: 0, before: 0, room: 8 });
    expect(line.placeOf(named(1, 7))).toEqual({ rank: 1, before: 8, room: 1 });
    expect(line.placeOf(named(100, 12))).toEqual({ rank: 2, before: 9, room: 100 });
    expect([0, 7, 8, 9, 108, 109].map((index) => line.rankOf(index))).toEqual([0, 0, 1, 2, 2, 3]);
    line.remove(named(8, 3));
    line.remove(named(8, 3));
    expect(line.room).toBe(101);
    expect(line.placeOf(named(8, 3))).toBeUndefined();
    expect(line.placeOf(named(1, 7))).toEqual({ rank: 0, before: 0, room: 1 });
  });

  it('is not led astray by names that nobody gives', () => {
    const line = new LineOrder();
    const foreign = [
      '9999-seat-0000000001',
      '0-seat-0000000002',
      'x',
      'seat-',
      '-5-seat-0000000003',
      '5seat-0000000004',
    ];
    for (const name of foreign) line.add(name);
    expect(foreign.map((name) => line.placeOf(name)?.room)).toEqual([100, 1, undefined, undefined, 5, 1]);
    expect(line.room).toBe(107);
    for (const name of foreign) line.remove(name);
    expect(line.room).toBe(0);
  });

  it('is that of the server’s numbers, whatever is before them', () => {
    expect(inOrder([named(1, 3), named(20, 1), named(3, 2)])).toEqual([named(20, 1), named(3, 2), named(1, 3)]);
  });
});
