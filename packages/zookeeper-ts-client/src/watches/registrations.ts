import type { WatchKind } from './watch-table.js';

/** A request that sets a watch, from its call until its reply has come or never will. */
export interface Registration {
  readonly kind: WatchKind;
  readonly path: string;
  /** Whether it is on the wire; until then it may be withdrawn. */
  readonly isWritten: boolean;
}

/** Requests that set watches and wait for their replies: the server may have each of these watches already, or not. Pure. */
export class Registrations {
  readonly #byPath = new Map<string, Set<{ kind: WatchKind; path: string; isWritten: boolean }>>();

  /** A request that sets a watch on the path has been made. */
  begin(kind: WatchKind, path: string): Registration {
    const registration = { kind, path, isWritten: false };
    this.#byPath.set(path, (this.#byPath.get(path) ?? new Set()).add(registration));
    return registration;
  }

  /** It is being written. */
  written(registration: Registration): void {
    for (const one of this.#byPath.get(registration.path) ?? []) if (one === registration) one.isWritten = true;
  }

  /** Its reply has come, or never will. */
  finish(registration: Registration): void {
    const others = this.#byPath.get(registration.path);
    others?.delete(registration);
    if (others?.size === 0) this.#byPath.delete(registration.path);
  }

  /** Whether one of the path waits for its reply, written or not. */
  isUnderWay(path: string): boolean {
    return this.#byPath.has(path);
  }

  /** Whether one of the path and kind is on the wire. */
  isWritten(kind: WatchKind, path: string): boolean {
    return [...(this.#byPath.get(path) ?? [])].some((one) => one.kind === kind && one.isWritten);
  }
}
