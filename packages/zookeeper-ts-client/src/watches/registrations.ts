import type { WatchKind } from './watch-table.js';

/** Request that sets a watch, from its call until its reply has come or can no longer come. */
export interface Registration {
  readonly kind: WatchKind;
  readonly path: string;
  /** Whether the request is on the wire. An unwritten request may still be withdrawn. */
  readonly isWritten: boolean;
}

/** Requests that set watches and wait for their replies. The server may or may not have set each of these watches already. Pure. */
export class Registrations {
  readonly #byPath = new Map<string, Set<{ kind: WatchKind; path: string; isWritten: boolean }>>();

  /** Records a new request that sets a watch on the path. */
  begin(kind: WatchKind, path: string): Registration {
    const registration = { kind, path, isWritten: false };
    this.#byPath.set(path, (this.#byPath.get(path) ?? new Set()).add(registration));
    return registration;
  }

  /** Records that the request is on the wire. */
  written(registration: Registration): void {
    for (const one of this.#byPath.get(registration.path) ?? []) if (one === registration) one.isWritten = true;
  }

  /** Forgets the request after its reply has come or can no longer come. */
  finish(registration: Registration): void {
    const others = this.#byPath.get(registration.path);
    others?.delete(registration);
    if (others?.size === 0) this.#byPath.delete(registration.path);
  }

  /** Whether a request for the path waits for its reply, written or not. */
  isUnderWay(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Whether a request for the path and kind is on the wire. */
  isWritten(kind: WatchKind, path: string): boolean {
    return [...(this.#byPath.get(path) ?? [])].some((one) => one.kind === kind && one.isWritten);
  }
}
