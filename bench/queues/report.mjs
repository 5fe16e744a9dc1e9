import { formatNumber, formatRatio, markdown, median, summary } from '../tables.mjs';

/** What is measured, and what is wanted of it: ratios of this project's queue to Curator's. */
const SUBJECT = 'zk-recipes';
const PEER = 'Curator';
export const SUBJECTS = [SUBJECT, PEER];

/** @param crowd how many consumers are many */
const rowsOf = (crowd) => [
  row('put a second, one after the other', perSecond('putOne'), null),
  row('put a second, many at once', perSecond('putMany'), null),
  row('consume a second, 1 consumer', perSecond('consumeOne'), ['≥', 3]),
  row(`consume a second, ${crowd} consumers`, perSecond('consumeCrowd'), ['≥', 3]),
  row('the same with `prefetch`, 1 consumer', perSecond('aheadOne'), ['≥', 3], perSecond('consumeOne')),
  row(`… ${crowd} consumers`, perSecond('aheadCrowd'), ['≥', 3], perSecond('consumeCrowd')),
  row(
    'without `prefetch`, beside Curator without `lockPath`, 1 consumer',
    perSecond('consumeOne'),
    null,
    perSecond('unsafeOne'),
  ),
  row(`… ${crowd} consumers`, perSecond('consumeCrowd'), null, perSecond('unsafeCrowd')),
  row('requests an item, 1 consumer', counted('consumeOne', 'requests')),
  row(`requests an item, ${crowd} consumers`, counted('consumeCrowd', 'requests')),
  row('notifications an item, 1 consumer', counted('consumeOne', 'notifications')),
  row(`notifications an item, ${crowd} consumers`, counted('consumeCrowd', 'notifications')),
  row('requests an item with `prefetch`, 1 consumer', counted('aheadOne', 'requests')),
  row(`… ${crowd} consumers`, counted('aheadCrowd', 'requests')),
];

/** @param wanted of the ratio to the peer; `null` for nothing, nothing where the peer has no such number */
function row(title, value, wanted, valueOfPeer = value) {
  return { title, value, wanted, valueOfPeer };
}

function perSecond(measure) {
  return (run) => 1e6 / run[measure].wallUs;
}

function counted(measure, what) {
  return (run) => run[measure][what];
}

/**
 * The tables with their verdicts.
 *
 * @param {Record<string, Record<string, object[]>>} runs by where the server's data lies, and by subject
 */
export function report(runs, crowd) {
  const verdicts = [];
  const tables = Object.entries(runs).map(([storage, bySubject]) => {
    const rows = rowsOf(crowd).map((one) => formatRow(one, bySubject, storage, verdicts));
    return `### Data of the server ${storage}\n\n${markdown([['', ...SUBJECTS, `/ ${PEER}`], ...rows])}`;
  });
  return [...tables, summary(verdicts)].join('\n\n');
}

function formatRow({ title, value, wanted, valueOfPeer }, runs, storage, verdicts) {
  const own = median(runs[SUBJECT].map(value));
  if (wanted === undefined) return [title, own.toFixed(2), '', ''];
  const theirs = median(runs[PEER].map(valueOfPeer));
  const what = `${title}, ${storage}, ${SUBJECT} / ${PEER}`;
  return [title, formatNumber(own), formatNumber(theirs), formatRatio(own / theirs, wanted, what, verdicts)];
}
