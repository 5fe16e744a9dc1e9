import type { LookupFunction } from 'node:net';

type Answer = readonly string[] | Error;

/** A DNS that answers what a test says, when the test says so. A host without an answer keeps its look-ups open. */
export class FakeDns {
  /** Hosts of all look-ups so far, in their order. */
  readonly asked: string[] = [];
  readonly #answers = new Map<string, Answer>();
  readonly #open = new Map<string, ((answer: Answer) => void)[]>();

  constructor(answers: Readonly<Record<string, Answer>> = {}) {
    for (const [host, answer] of Object.entries(answers)) this.#answers.set(host, answer);
  }

  readonly lookup: LookupFunction = (host, _options, callback) => {
    this.asked.push(host);
    const settle = (answer: Answer): void => {
      if (answer instanceof Error) callback(answer, []);
      else
        callback(
          null,
          answer.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        );
    };
    const answer = this.#answers.get(host);
    if (answer !== undefined) settle(answer);
    else this.#open.set(host, [...(this.#open.get(host) ?? []), settle]);
  };

  /** Answers the look-ups of a host at once from now on; open ones stay open. */
  set(host: string, answer: Answer): void {
    this.#answers.set(host, answer);
  }

  /** Leaves the look-ups of a host open from now on. */
  hang(host: string): void {
    this.#answers.delete(host);
  }

  /** Answers the oldest open look-up of a host. */
  answer(host: string, answer: Answer): void {
    const settle = this.#open.get(host)?.shift();
    if (settle === undefined) throw new Error(`expected an open look-up of ${host}, got none`);
    settle(answer);
  }
}
