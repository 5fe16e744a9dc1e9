import type { Reminder } from './reminders.js';

/** How long an answer is waited for. */
const TIMEOUT_MS = 10_000;

/**
 * Sends reminders to a URL: as JSON, with the id as their `Idempotency-Key`, by which the receiver knows one that it has had already.
 *
 * @throws Error for any answer but a good one
 */
export async function post(url: string, reminder: Reminder, signal: AbortSignal): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': reminder.id },
    body: JSON.stringify(reminder),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}
