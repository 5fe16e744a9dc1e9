/**
 * One subject in a process of its own: measures once for each line of its input, and answers with what it found as JSON.
 *
 *   node child.mjs SUBJECT CONNECT_STRING PATH TRANSACTIONS PARTICIPANTS AT_ONCE
 */
import { setTimeout as delay } from 'node:timers/promises';
import { answerWith } from '../turns.mjs';
import { subjects } from './subjects.mjs';

const [subject, connectString, path, ...numbers] = process.argv.slice(2);
const [transactions, participants, atOnce] = numbers.map(Number);
const names = Array.from({ length: participants }, (_, index) => `participant-${index}`);
const opened = await subjects[subject](connectString, path, names);

/** So many at once, each of whom begins the next when the last is decided; until all is removed again. */
async function measure(count) {
  const latencyUs = [];
  let begun = 0;
  const startedAt = performance.now();
  const keepTransacting = async () => {
    while (begun < count) {
      begun += 1;
      const beganAt = performance.now();
      await opened.transact();
      latencyUs.push(Math.round((performance.now() - beganAt) * 1000));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, keepTransacting));
  while (!(await opened.isIdle())) await delay(1);
  return { wallUs: ((performance.now() - startedAt) * 1000) / count, latencyUs };
}

await answerWith(() => measure(transactions));
