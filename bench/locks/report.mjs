import { formatNumber, formatRatio, markdown, median, summary } from '../tables.mjs';

/** What is measured, and what is wanted of it: ratios of this project's mutex to the others. */
const SUBJECT = 'zk-recipes';
const PEER = 'Curator';
const BARE = 'create + delete';
const FLOOR = 'raw socket';
const OTHERS = [PEER, BARE, FLOOR];
export const SUBJECTS = [SUBJECT, ...OTHERS];

/** @param contenders how many want the lock at once */
const rowsOf = (contenders) => [
  row('acquire + release a second, alone', perSecond('uncontended'), {
    [PEER]: ['≥', 1.4],
    [BARE]: ['≥', 0.85],
    [FLOOR]: null,
  }),
  row(`hand-overs a second, ${contenders} sessions`, perSecond('sessions'), { [PEER]: ['≥', 1.3] }),
  row(`hand-overs a second, ${contenders} contenders in one session`, perSecond('process'), { [PEER]: ['≥', 1.3] }),
  row(`release to next grant, ${contenders} sessions, p50 µs`, handOver('sessions', 0.5), { [PEER]: null }),
  row(`release to next grant, ${contenders} sessions, p99 µs`, handOver('sessions', 0.99), { [PEER]: null }),
  row(`release to next grant, one session, p50 µs`, handOver('process', 0.5), { [PEER]: null }),
  row(`release to next grant, one session, p99 µs`, handOver('process', 0.99), { [PEER]: null }),
];

function row(title, value, wanted) {
  return { title, value, wanted };
}

function perSecond(measure) {
  return (run) => 1e6 / run[measure].wallUs;
}

function handOver(measure, quantile) {
  return (run) => {
    const sorted = run[measure].handOverUs.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))];
  };
}

/**
 * The tables with their verdicts.
 *
 * @param {Record<string, Record<string, object[]>>} runs by where the server's data lies, and by subject
 */
export function report(runs, contenders) {
  const verdicts = [];
  const tables = Object.entries(runs).map(([storage, bySubject]) => {
    const rows = rowsOf(contenders).map((one) => formatRow(one, bySubject, storage, verdicts));
    const ratios = OTHERS.map((other) => `/ ${other}`);
    return `### Data of the server ${storage}\n\n${markdown([['', ...SUBJECTS, ...ratios], ...rows])}`;
  });
  return [...tables, summary(verdicts)].join('\n\n');
}

function formatRow({ title, value, wanted }, runs, storage, verdicts) {
  const measured = [SUBJECT, ...Object.keys(wanted)];
  const medians = Object.fromEntries(measured.map((subject) => [subject, median(runs[subject].map(value))]));
  const ratios = OTHERS.map((other) => {
    if (!(other in wanted)) return '';
    const what = `${title}, ${storage}, ${SUBJECT} / ${other}`;
    return formatRatio(medians[SUBJECT] / medians[other], wanted[other], what, verdicts);
  });
  return [title, ...SUBJECTS.map((subject) => (subject in medians ? formatNumber(medians[subject]) : '')), ...ratios];
}
