import { describe, expect, it } from 'vitest';
import { Listeners } from './listeners.js';

describe('Listeners', () => {
  it('tells everybody, also those behind one that throws', () => {
    const thrown: unknown[] = [];
    const heard: string[] = [];
    const listeners = new Listeners<string>((error) => thrown.push(error));
    listeners.add(() => {
      throw new Error('mine');
    });
    listeners.add((event) => heard.push(event));
    listeners.tell('a');
    expect(heard).toEqual(['a']);
    expect(thrown).toEqual([new Error('mine')]);
  });

  it('tells all of them everything in one order, also what one of them brings about', () => {
    const heard: string[] = [];
    const listeners = new Listeners<string>(() => {});
    listeners.add((event) => {
      if (event === 'a') listeners.tell('b');
    });
    listeners.add((event) => heard.push(event));
    listeners.tell('a');
    expect(heard).toEqual(['a', 'b']);
  });

  it('tells of what has nothing to say but that it happened', () => {
    let heard = 0;
    const listeners = new Listeners<void>(() => {});
    listeners.add(() => heard++);
    listeners.tell();
    expect(heard).toBe(1);
  });

  it('forgets whom it is told to', () => {
    const heard: string[] = [];
    const listener = (event: string) => heard.push(event);
    const listeners = new Listeners<string>(() => {});
    listeners.add(listener);
    listeners.remove(listener);
    listeners.tell('a');
    expect(heard).toEqual([]);
  });

  it('does not tell whom another listener has removed just before', () => {
    const heard: string[] = [];
    const late = (event: string) => heard.push(event);
    const listeners = new Listeners<string>(() => {});
    listeners.add(() => listeners.remove(late));
    listeners.add(late);
    listeners.tell('a');
    expect(heard).toEqual([]);
  });
});
