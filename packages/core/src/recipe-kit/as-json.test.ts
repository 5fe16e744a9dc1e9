import { describe, expect, it } from 'vitest';
import { asJson } from './as-json.js';

describe('a value as JSON', () => {
  it('is its text as UTF-8', () => {
    expect(asJson({ name: 'Åsa', none: undefined }, '`payload`').toString()).toBe('{"name":"Åsa"}');
  });

  const circle: unknown[] = [];
  circle.push(circle);
  it.each<[unknown, string]>([
    [undefined, 'undefined'],
    [() => {}, 'a function'],
    [2n, '2n: '],
    [{ amount: 2n }, 'an object with `amount`: '],
    [circle, 'an array of 1: '],
  ])('is refused by name: case %#', (value, got) => {
    const call = (): Buffer => asJson(value, '`payload`');
    expect(call).toThrow(TypeError);
    expect(call).toThrow(`Expected \`payload\` to be what JSON can hold, got ${got}`);
  });
});
