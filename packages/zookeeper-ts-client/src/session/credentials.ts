import type { Connection } from './connection.js';

interface Credential {
  readonly scheme: string;
  readonly auth: Uint8Array;
  resolve: (() => void) | null;
  reject: ((error: Error) => void) | null;
}

/**
 * The credentials of a session. The server binds credentials to a connection, so the session sends them all again on each new connection.
 */
export class Credentials {
  readonly #all: Credential[] = [];
  /** Credentials that were sent on the current connection and are not answered yet, in the order of the wire. */
  #unanswered: Credential[] = [];

  /** Adds credentials and sends them if there is a connection. Resolves when a server has accepted the credentials. */
  add(scheme: string, auth: Uint8Array, connection: Connection | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const credential: Credential = { scheme, auth, resolve, reject };
      this.#all.push(credential);
      if (connection !== null) this.#send(credential, connection);
    });
  }

  /** Sends all credentials on a new connection. */
  replay(connection: Connection): void {
    this.#unanswered = [];
    for (const credential of this.#all) this.#send(credential, connection);
  }

  /** Notes that the server has accepted the oldest unanswered credentials. */
  acknowledge(): void {
    const credential = this.#unanswered.shift();
    if (credential === undefined) return;
    credential.resolve?.();
    credential.resolve = credential.reject = null;
  }

  /** Rejects the promises of all `add` calls whose credentials no server has accepted, because the session is over. */
  fail(error: Error): void {
    for (const credential of this.#all) {
      credential.reject?.(error);
      credential.resolve = credential.reject = null;
    }
  }

  #send(credential: Credential, connection: Connection): void {
    this.#unanswered.push(credential);
    connection.sendAuth({ type: 0, scheme: credential.scheme, auth: credential.auth });
  }
}
