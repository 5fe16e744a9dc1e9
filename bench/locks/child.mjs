/**
 * One subject in a process of its own: measures once for each line of its input, and answers with what it found as JSON. CuratorLocks.java
 * does the same.
 *
 *   node child.mjs SUBJECT CONNECT_STRING PATH ROUNDS CONTENDERS
 */
import { answerWith } from '../turns.mjs';
import { subjects } from './subjects.mjs';

const [subject, connectString, path, roundsText, contendersText] = process.argv.slice(2);
const [rounds, contenders] = [Number(roundsText), Number(contendersText)];
const isLock = subject === 'mutex';
const open = () => subjects[subject](connectString, path);

/** One who is alone comes and goes. */
async function uncontended() {
  const session = await open();
  await (await session.enter())();
  const startedAt = performance.now();
  for (let round = 0; round < rounds; round++) {
    const leave = await session.enter();
    await leave();
  }
  const wallUs = ((performance.now() - startedAt) * 1000) / rounds;
  await session.close();
  return { wallUs };
}

/** Several come, go, and come again. Each contender has its own session, or all share one. */
async function contended(sessionCount) {
  const sessions = await Promise.all(Array.from({ length: sessionCount }, open));
  const handOverUs = [];
  let releasedAt = performance.now();
  const startedAt = releasedAt;
  const contend = async (session) => {
    while (handOverUs.length < rounds) {
      const leave = await session.enter();
      handOverUs.push(Math.round((performance.now() - releasedAt) * 1000));
      releasedAt = performance.now();
      await leave();
    }
  };
  await Promise.all(Array.from({ length: contenders }, (_, index) => contend(sessions[index % sessionCount])));
  const wallUs = ((performance.now() - startedAt) * 1000) / handOverUs.length;
  await Promise.all(sessions.map((session) => session.close()));
  // The first was granted without a release, and the last ones without anybody behind them.
  return { wallUs, handOverUs: handOverUs.slice(1, rounds) };
}

await answerWith(async () => {
  const result = { uncontended: await uncontended() };
  if (isLock) {
    result.sessions = await contended(contenders);
    result.process = await contended(1);
  }
  return result;
});
