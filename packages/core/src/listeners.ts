import { received } from 'zookeeper-ts-client';

/** Hears of something. What it throws, or a promise of it rejects with, is reported and harms nobody. */
export type Listener<Event> = (event: Event) => void;

/** Calls a function of a user. What it throws, now or by the promise that it returns, goes to `onThrow`. */
export function callListener<Event>(listener: Listener<Event>, event: Event, onThrow: (error: unknown) => void): void {
  try {
    // An async function fits the type as well; nobody else would hear of its rejection.
    const result: unknown = listener(event);
    if (result instanceof Promise) result.catch(onThrow);
  } catch (error) {
    onThrow(error);
  }
}

/**
 * Listeners of several events. Everything is told in the order in which it happened: what a listener itself brings about comes
 * when all have heard what it was told.
 */
export class EventListeners<Events extends object> {
  readonly #listeners: ReadonlyMap<keyof Events, Set<Listener<never>>>;
  readonly #waiting: (() => void)[] = [];
  readonly #onThrow: (error: unknown) => void;
  #telling = false;

  /**
   * @param events names of all events
   * @param onThrow hears of what a listener throws
   */
  constructor(events: readonly (keyof Events & string)[], onThrow: (error: unknown) => void) {
    this.#listeners = new Map(events.map((event) => [event, new Set()]));
    this.#onThrow = onThrow;
  }

  /** @throws {TypeError} there is no such event, or it is not a function */
  add<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    const listeners = this.#of(event);
    if (typeof listener !== 'function') {
      throw new TypeError(`Expected \`listener\` to be a function, got ${received(listener)}`);
    }
    listeners.add(listener);
  }

  /** @throws {TypeError} there is no such event */
  remove<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    this.#of(event).delete(listener);
  }

  /** Tells all listeners of an event. */
  tell<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    this.#waiting.push(() => this.#tellNow(event, value));
    if (this.#telling) return;
    this.#telling = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
    this.#telling = false;
  }

  #tellNow<Name extends keyof Events>(event: Name, value: Events[Name]): void {
    const listeners = this.#of(event);
    for (const listener of [...listeners]) {
      // One that another has removed just now does not want to hear of it any more.
      if (listeners.has(listener)) callListener(listener, value, this.#onThrow);
    }
  }

  #of<Name extends keyof Events>(event: Name): Set<Listener<Events[Name]>> {
    const listeners = this.#listeners.get(event);
    if (listeners !== undefined) return listeners as Set<Listener<unknown>>;
    const names = [...this.#listeners.keys()].map((name) => `'${String(name)}'`).join(' or ');
    throw new TypeError(`Expected \`event\` to be ${names}, got '${String(event)}'`);
  }
}

/** Listeners of one event. */
export class Listeners<Event> {
  readonly #events: EventListeners<{ it: Event }>;

  /** @param onThrow hears of what a listener throws */
  constructor(onThrow: (error: unknown) => void) {
    this.#events = new EventListeners(['it'], onThrow);
  }

  add(listener: Listener<Event>): void {
    this.#events.add('it', listener);
  }

  remove(listener: Listener<Event>): void {
    this.#events.remove('it', listener);
  }

  /** Tells all listeners. What a listener itself brings about is told afterwards, so that all hear everything in one order. */
  tell(event: Event): void {
    this.#events.tell('it', event);
  }
}
