import { randomUUID } from 'node:crypto';
import { acrossSessions } from '@zk-recipes/core/recipe-kit';
import type { ForceOptions, OperatorCall } from './coordinator-options.js';
import { TransactionStateError } from './errors.js';
import type { Write } from './protocol.js';
import { type Decision, encodeRecord } from './records.js';
import type { Store, StoredTransaction } from './store.js';

/** Decides by hand, in one transaction with the audit record. */
export async function forceDecision(
  store: Store,
  id: string,
  { decision, operator, reason }: ForceOptions,
  signal: AbortSignal,
): Promise<Decision> {
  const { layout, protocol, keeper } = store;
  const audit = auditRecord(store, id, { kind: 'force', id, decision, operator, reason });
  return await acrossSessions(keeper, signal, async () => {
    const { participants } = await existing(store, id, signal);
    const votes = await store.readVotes(id, participants, { signal });
    const reluctant = participants.find((name) => votes.get(name)?.vote !== 'commit');
    const made: Decision = {
      decision,
      ...(decision === 'aborted' ? { reason: `forced by ${operator}: ${reason}` } : {}),
      by: `operator ${operator}`,
      votes: [...votes].map(([name, { vote }]) => [name, vote] as const),
    };
    if (decision === 'aborted' || reluctant === undefined) {
      const writes = [...protocol.decide(layout, id, participants, made), audit];
      if ((await store.perform(writes, { signal, creatingParents: true })) === null) return made;
    }
    // Of the same session's earlier requests: what is decided by now is seen.
    const found = (await store.readDecision(id, { signal }))?.decision;
    if (found?.decision === decision) return found;
    if (found != null) throw new TransactionStateError(id, `is ${found.decision} already, by ${found.by}`);
    throw new TransactionStateError(id, `cannot be committed: ${reluctant} has not voted to commit`);
  });
}

/** Notes that a participant is done which is not, in one transaction with the audit record. */
export async function forgetParticipant(
  store: Store,
  id: string,
  participant: string,
  { operator, reason }: OperatorCall,
  signal: AbortSignal,
): Promise<void> {
  const { layout, keeper } = store;
  const audit = auditRecord(store, id, { kind: 'forget', id, participant, operator, reason });
  await acrossSessions(keeper, signal, async () => {
    const { participants } = await existing(store, id, signal);
    if (!participants.includes(participant)) {
      throw new TransactionStateError(id, `has no participant '${participant}', but ${participants.join(', ')}`);
    }
    const decided = await store.readDecision(id, { signal });
    if (decided?.decision == null) throw new TransactionStateError(id, 'is not decided yet');
    const done: Write[] = [
      // Nothing is made below a transaction that was removed meanwhile.
      { do: 'check', path: layout.decision(id) },
      { do: 'create', path: layout.acknowledgement(id, participant), data: new Uint8Array(0) },
      { do: 'delete', path: layout.entry(participant, id) },
      audit,
    ];
    const refusal = await store.perform(done, { signal, creatingParents: true });
    // It has finished by itself, or by this very call, whose reply was lost.
    if (refusal !== null && refusal.write.path !== layout.acknowledgement(id, participant)) throw refusal.error;
  });
}

async function existing(store: Store, id: string, signal: AbortSignal): Promise<StoredTransaction> {
  const transaction = await store.readTransaction(id, { signal });
  if (transaction === null) throw new TransactionStateError(id, 'is not there');
  return transaction;
}

function auditRecord({ layout }: Store, id: string, record: object): Write {
  return { do: 'create', path: layout.auditRecord(`${id}-${randomUUID()}`), data: encodeRecord(record) };
}
