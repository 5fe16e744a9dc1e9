import type { Hold } from '@zk-recipes/core';
import { type LossPolicy, type Member, MemberHold } from '@zk-recipes/core/recipe-kit';

/** Leadership from the election to its end. Its `signal` aborts before another leader can be elected. */
export interface Tenure extends Hold {
  /** Id of the candidate that leads. */
  readonly id: string;
}

/** Leadership of one place in the line. */
export class MemberTenure extends MemberHold implements Tenure {
  readonly id: string;

  constructor(member: Member, id: string, lossPolicy: LossPolicy) {
    super(member, { lossPolicy });
    this.id = id;
  }

  override toJSON(): Record<string, unknown> {
    return { id: this.id, ...super.toJSON() };
  }
}
