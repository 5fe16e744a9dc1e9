import { formatNumber, markdown, median } from '../tables.mjs';

/** What is measured. */
const SUBJECT = 'zk-recipes';
const FLOOR = 'bare requests';
export const SUBJECTS = [SUBJECT, FLOOR];

const quantile = (of) => (run) => {
  const sorted = run.latencyUs.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * of))];
};

const measures = [
  { title: 'transactions a second', value: (run) => 1e6 / run.wallUs },
  { title: 'until decided, p50 µs', value: quantile(0.5) },
  { title: 'until decided, p99 µs', value: quantile(0.99) },
];

/**
 * The tables.
 *
 * @param {{ storage: string, participants: number, atOnce: number, runs: Record<string, object[]> }[]} results runs by subject
 */
export function report(results) {
  const storages = [...new Set(results.map(({ storage }) => storage))];
  return storages
    .map((storage) => {
      const rows = results.filter((result) => result.storage === storage).flatMap(rowsOf);
      return `### Data of the server ${storage}\n\n${markdown([['', ...SUBJECTS, `/ ${FLOOR}`], ...rows])}`;
    })
    .join('\n\n');
}

function rowsOf({ participants, atOnce, runs }) {
  const when = `${participants} participants, ${atOnce === 1 ? 'one at a time' : `${atOnce} at once`}`;
  return measures.map(({ title, value }) => {
    const [own, floor] = SUBJECTS.map((subject) => median(runs[subject].map(value)));
    return [`${title}, ${when}`, formatNumber(own), formatNumber(floor), (own / floor).toFixed(2)];
  });
}
