import type { Connection } from './connection.js';

interface Credential {
  readonly scheme: string;
  readonly auth: Uint8Array;
  resolve: (() => void) | null;
  reject: ((error: Error) => void) | null;
}

/** The credentials of a session. They belong to the connection on the server, so each new connection gets them all again. */
export class Credentials {
  readonly #all: Credential[] = [];
  /** Sent on the present connection and not answered yet, in the order of the wire. */
  #unanswered: Credential[] = [];

  /** Adds one and sends it where there is a connection. Resolves when a server has taken it. */
  add(scheme: string, auth: Uint8Array, connection: Connection | null): Promise<void> {
    return new Promise((resolve, reject) => {
      const credential: Credential = { scheme, auth, resolve, reject };
      this.#all.push(credential);
      if (connection !== null) this.#send(credential, connection);
    });
  }

  /** Sends them all on a new connection. */
  replay(connection: Connection): void {
    this.#unanswered = [];
    for (const credential of this.#all) this.#send(credential, connection);
  }

  /** The server has taken the oldest that was not answered. */
  acknowledge(): void {
    const credential = this.#unanswered.shift();
    if (credential === undefined) return;
    credential.resolve?.();
    credential.resolve = credential.reject = null;
  }

  /** The session is over. */
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
