import { received } from 'zookeeper-ts-client';

/** Function that receives events. An error that it throws, or a rejection of its promise, is reported and has no other effect. */
export type Listener<Event> = (event: Event) => void;

/** Calls a function of a user. An error that it throws, or a rejection of the promise that it returns, goes to `onThrow`. */
export function callListener<Event>(listener: Listener<Event>, event: Event, onThrow: (error: unknown) => void): void {
  try {
    // An async function also fits the type; its rejection would otherwise be unhandled.
    const result: unknown = listener(event);
    if (result instanceof Promise) result.catch(onThrow);
  } catch (error) {
    onThrow(error);
  }
}

/**
 * Listeners of several events. All events are delivered in the order in which they happened: an event that a listener causes is delivered
 * after all listeners have received the current one.
 */
export class EventListeners<Events extends object> {
  readonly #listeners: ReadonlyMap<keyof Events, Set<Listener<never>>>;
  readonly #waiting: (() => void)[] = [];
  readonly #onThrow: (error: unknown) => void;
  #telling = false;

  /**
   * @param events names of all events
   * @param onThrow receives the errors that listeners throw
   */
  constructor(events: readonly (keyof Events & string)[], onThrow: (error: unknown) => void) {
    this.#listeners = new Map(events.map((event) => [event, new Set()]));
    this.#onThrow = onThrow;
  }

  /** @throws {TypeError} when the event does not exist, or the listener is not a function */
  add<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    const listeners = this.#of(event);
    if (typeof listener !== 'function') {
      throw new TypeError(`Expected \`listener\` to be a function, got ${received(listener)}`);
    }
    listeners.add(listener);
  }

  /** @throws {TypeError} when the event does not exist */
  remove<Name extends keyof Events>(event: Name, listener: Listener<Events[Name]>): void {
    this.#of(event).delete(listener);
  }

  /** Calls all listeners of an event. */
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
      // An earlier listener may have removed this one in the meantime.
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

  /** @param onThrow receives the errors that listeners throw */
  constructor(onThrow: (error: unknown) => void) {
    this.#events = new EventListeners(['it'], onThrow);
  }

  add(listener: Listener<Event>): void {
    this.#events.add('it', listener);
  }

  remove(listener: Listener<Event>): void {
    this.#events.remove('it', listener);
  }

  /**
   * Calls all listeners. An event that a listener causes is delivered afterwards, so that all listeners receive all events in the same
   * order.
   */
  tell(event: Event): void {
    this.#events.tell('it', event);
  }
}
