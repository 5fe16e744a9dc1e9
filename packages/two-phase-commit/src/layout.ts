import { childOf } from '@zk-recipes/core/recipe-kit';

/** Name of the znodes of a participant's line without protection and number. */
export const PLACE = 'place-';

/** Paths of all znodes of a two-phase commit. Pure. */
export class Layout {
  readonly transactions: string;
  readonly coordinators: string;
  readonly participants: string;
  readonly audit: string;
  readonly recovery: string;

  /** @param path path below which all znodes are */
  constructor(path: string) {
    this.transactions = childOf(path, 'transactions');
    this.coordinators = childOf(path, 'coordinators');
    this.participants = childOf(path, 'participants');
    this.audit = childOf(path, 'audit');
    this.recovery = childOf(path, 'recovery');
  }

  transaction(id: string): string {
    return childOf(this.transactions, id);
  }

  decision(id: string): string {
    return childOf(this.transaction(id), 'decision');
  }

  votes(id: string): string {
    return childOf(this.transaction(id), 'votes');
  }

  vote(id: string, participant: string): string {
    return childOf(this.votes(id), participant);
  }

  acknowledgements(id: string): string {
    return childOf(this.transaction(id), 'done');
  }

  acknowledgement(id: string, participant: string): string {
    return childOf(this.acknowledgements(id), participant);
  }

  coordinator(uuid: string): string {
    return childOf(this.coordinators, uuid);
  }

  /** Returns the line of a participant's processes: the first one is active. */
  line(participant: string): string {
    return `${this.participants}/${participant}/line`;
  }

  inbox(participant: string): string {
    return `${this.participants}/${participant}/inbox`;
  }

  entry(participant: string, id: string): string {
    return childOf(this.inbox(participant), id);
  }

  auditRecord(name: string): string {
    return childOf(this.audit, name);
  }
}
