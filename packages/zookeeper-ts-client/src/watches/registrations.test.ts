import { describe, expect, it } from 'vitest';
import { Registrations } from './registrations.js';

describe('Registrations', () => {
  it('tell whether one of a path waits for its reply, and whether one of a kind is on the wire', () => {
    const registrations = new Registrations();
    const data = registrations.begin('data', '/a');
    const persistent = registrations.begin('persistent', '/a');
    registrations.finish(data);
    registrations.finish(data);
    expect(registrations.isUnderWay('/a')).toBe(true);
    expect(registrations.isUnderWay('/b')).toBe(false);
    expect(registrations.isWritten('persistent', '/a')).toBe(false);
    registrations.written(persistent);
    expect(registrations.isWritten('persistent', '/a')).toBe(true);
    expect(registrations.isWritten('data', '/a')).toBe(false);
    registrations.finish(persistent);
    expect(registrations.isUnderWay('/a')).toBe(false);
    expect(registrations.isWritten('persistent', '/a')).toBe(false);
  });
});
