import { randomUUID } from 'node:crypto';
import { NodeExistsError, SessionExpiredError } from '@zk-recipes/core';
import { acrossSessions, namesIn } from '@zk-recipes/core/recipe-kit';
import type { FailedTransaction, ForceOptions, ForgetOptions, Forgotten, OperatorCall } from './coordinator-options.js';
import { MalformedRecordError, TransactionStateError } from './errors.js';
import { forEach } from './for-each.js';
import type { Presence } from './presence.js';
import { UNDECIDED, type Write } from './protocol.js';
import { type Decision, encodeRecord, votesKnown } from './records.js';
import type { Refusal, Store, StoredTransaction, VotesView } from './store.js';

/** Number of transactions that are forgotten at once. */
const AT_ONCE = 100;

/** Decides a transaction manually, in one transaction with the audit record. To abort, only the undecided decision has to be readable. */
export async function forceDecision(
  store: Store,
  id: string,
  { decision, operator, reason, replaceUnreadable = false }: ForceOptions,
  signal: AbortSignal,
): Promise<Decision> {
  const { layout, protocol, keeper } = store;
  const replaced = replaceUnreadable ? { replaceUnreadable } : {};
  const audit = auditRecord(store, id, { kind: 'force', id, decision, operator, reason, ...replaced });
  return await acrossSessions(keeper, signal, async () => {
    await refuseMissing(store, id, signal);
    const version = replaceUnreadable ? await versionToReplace(store, id, signal) : UNDECIDED;
    const names =
      decision === 'committed' ? await participantsOf(store, id, signal) : await store.voters(id, { signal });
    const view = await store.readVotes(id, names, { signal });
    const obstacle = decision === 'committed' ? obstacleTo(names, view) : null;
    const made: Decision = {
      decision,
      ...(decision === 'aborted' ? { reason: `forced by ${operator}: ${reason}` } : {}),
      by: `operator ${operator}`,
      votes: votesKnown(view.votes),
    };
    let refusal: Refusal | null = null;
    const refused = new TransactionStateError(id, `cannot be committed: ${obstacle}`);
    if (obstacle !== null && version !== UNDECIDED) throw refused;
    if (obstacle === null) {
      const writes = [...protocol.decide(layout, id, names, made, version), audit];
      refusal = await store.perform(writes, { signal, creatingParents: true });
      if (refusal === null) return made;
    }
    // The server processes requests of a session in order, so this read shows the latest decision.
    const found = await decisionOf(store, id, signal);
    if (found?.decision === decision) return found;
    if (found !== null) throw new TransactionStateError(id, `is ${found.decision} already, by ${found.by}`);
    if (obstacle !== null) throw refused;
    throw refusal?.error;
  });
}

/**
 * Returns why a transaction cannot be committed: the first vote that is missing, says abort, or cannot be read; `null` if there is none.
 */
function obstacleTo(participants: readonly string[], { votes, unreadable }: VotesView): string | null {
  for (const name of participants) {
    const error = unreadable.get(name);
    if (error !== undefined) return `the vote of ${name} cannot be read: ${error.message}`;
    const vote = votes.get(name)?.vote;
    if (vote !== 'commit') return `${name} has ${vote === undefined ? 'not voted' : 'voted abort'}`;
  }
  return null;
}

/** @throws TransactionStateError if the decision cannot be read, or does not exist */
async function decisionOf(store: Store, id: string, signal: AbortSignal): Promise<Decision | null> {
  try {
    const view = await store.readDecision(id, { signal });
    if (view !== null) return view.decision;
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    const cure = "look at the participants' resources, and force it, as they have decided, with `replaceUnreadable`";
    throw new TransactionStateError(id, `is decided, but that cannot be read: ${error.message}: ${cure}`, {
      cause: error,
    });
  }
  throw new TransactionStateError(id, 'has no decision any more: its znode was removed');
}

/** Returns the version of a decision that cannot be read. A write that expects this version replaces only that decision. */
async function versionToReplace(store: Store, id: string, signal: AbortSignal): Promise<number> {
  const stat = await store.keeper.exists().forPath(store.layout.decision(id), { signal });
  try {
    await store.readDecision(id, { signal });
  } catch (error) {
    if (error instanceof MalformedRecordError && stat !== null) return stat.version;
    throw error;
  }
  return UNDECIDED;
}

/** @throws TransactionStateError if the participants cannot be read */
async function participantsOf(store: Store, id: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    return (await existing(store, id, signal)).participants;
  } catch (error) {
    if (!(error instanceof MalformedRecordError)) throw error;
    throw new TransactionStateError(id, `cannot be committed: who takes part cannot be read: ${error.message}`, {
      cause: error,
    });
  }
}

/** Marks a participant as finished that is not, in one transaction with the audit record. */
export async function forgetParticipant(
  store: Store,
  id: string,
  participant: string,
  { operator, reason }: OperatorCall,
  signal: AbortSignal,
): Promise<void> {
  const { keeper } = store;
  const audit = auditRecord(store, id, { kind: 'forget', id, participant, operator, reason });
  await acrossSessions(keeper, signal, async () => {
    const { participants } = await existing(store, id, signal);
    if (!participants.includes(participant)) {
      throw new TransactionStateError(id, `has no participant '${participant}', but ${participants.join(', ')}`);
    }
    if ((await decisionOf(store, id, signal)) === null) throw new TransactionStateError(id, 'is not decided yet');
    await finishFor(store, id, participant, audit, signal);
  });
}

/** Marks a participant that never comes back as finished in all its old transactions, with one audit record for all of them. */
export async function forgetTransactions(
  store: Store,
  presence: Presence,
  { participant, olderThanMs, operator, reason }: ForgetOptions,
  signal: AbortSignal,
): Promise<Forgotten> {
  const { keeper, layout } = store;
  const record = { kind: 'forget', participant, olderThanMs, operator, reason };
  const path = layout.auditRecord(`forget-${randomUUID()}`);
  const creation = keeper.create().creatingParents().idempotent();
  const forgotten = new Set<string>();
  return await acrossSessions(keeper, signal, async () => {
    await creation.forPath(path, encodeRecord(record), { signal }).catch(unlessThere);
    const nowMs = await presence.serverTimeMs(signal);
    const failed: FailedTransaction[] = [];
    const forget = async (id: string): Promise<void> => {
      const transaction = await keeper.exists().forPath(layout.transaction(id), { signal });
      const stat = transaction ?? (await keeper.exists().forPath(layout.entry(participant, id), { signal }));
      if (stat === null || nowMs - Number(stat.ctime) < olderThanMs) return;
      if (transaction === null) await keeper.delete().quietly().forPath(layout.entry(participant, id), { signal });
      else if ((await decisionOf(store, id, signal)) === null)
        throw new TransactionStateError(id, 'is not decided yet');
      else await finishFor(store, id, participant, { do: 'check', path }, signal);
      forgotten.add(id);
    };
    await forEach(await namesIn(keeper, layout.inbox(participant), { signal }), AT_ONCE, async (id) => {
      try {
        await forget(id);
      } catch (error) {
        if (signal.aborted || keeper.closed || error instanceof SessionExpiredError) throw error;
        failed.push({ id, error: error as Error });
      }
    });
    const done = encodeRecord({ ...record, forgotten: forgotten.size, failed: failed.length });
    await keeper.setData().idempotent().forPath(path, done, { signal });
    return { forgotten: [...forgotten], failed };
  });
}

function unlessThere(error: unknown): void {
  // An earlier session has created the record: no other process knows the name.
  if (!(error instanceof NodeExistsError)) throw error;
}

/** @param audit write that is refused if there is no audit record */
async function finishFor(
  store: Store,
  id: string,
  participant: string,
  audit: Write,
  signal: AbortSignal,
): Promise<void> {
  const { layout } = store;
  const acknowledgement = layout.acknowledgement(id, participant);
  const done: Write[] = [
    // Prevents creating znodes below a transaction that was removed meanwhile.
    { do: 'check', path: layout.decision(id) },
    { do: 'create', path: acknowledgement, data: new Uint8Array(0) },
    { do: 'delete', path: layout.entry(participant, id) },
    audit,
  ];
  const refusal = await store.perform(done, { signal, creatingParents: true });
  // The participant has finished by itself, or this call has succeeded and its reply was lost.
  if (refusal !== null && refusal.write.path !== acknowledgement) throw refusal.error;
}

async function refuseMissing(store: Store, id: string, signal: AbortSignal): Promise<void> {
  const stat = await store.keeper.exists().forPath(store.layout.transaction(id), { signal });
  if (stat === null) throw new TransactionStateError(id, 'is not there');
}

async function existing(store: Store, id: string, signal: AbortSignal): Promise<StoredTransaction> {
  const transaction = await store.readTransaction(id, { signal });
  if (transaction === null) throw new TransactionStateError(id, 'is not there');
  return transaction;
}

function auditRecord({ layout }: Store, id: string, record: object): Write {
  return { do: 'create', path: layout.auditRecord(`${id}-${randomUUID()}`), data: encodeRecord(record) };
}
