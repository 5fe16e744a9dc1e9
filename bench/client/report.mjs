import { formatNumber, formatRatio, markdown, median, summary } from '../tables.mjs';
import { OPERATIONS } from './workload.mjs';

/** What is measured, and what is wanted of it: ratios of this client to others. */
const SUBJECT = 'zookeeper-ts-client';
const PEERS = ['node-zookeeper-client', 'zookeeper'];
/** An ordinary socket, by which the client is judged, and one that reuses its memory, as the client does. */
export const FLOOR = 'raw-socket';
const LOWEST_FLOOR = 'raw-socket-onread';
export const CLIENTS = [SUBJECT, ...PEERS, FLOOR, LOWEST_FLOOR];

const TABLES = [
  {
    title: 'CPU an operation at window 256, µs (less is better)',
    value: (run, operation) => run[256][operation].cpuUs,
    wanted: { [PEERS[0]]: ['≤', 0.7], [PEERS[1]]: ['≤', 0.35], [FLOOR]: ['≤', 1.4], [LOWEST_FLOOR]: null },
  },
  {
    title: 'Operations a second at window 256 (more is better)',
    value: (run, operation) => 1e6 / run[256][operation].wallUs,
    wanted: { [PEERS[0]]: ['≥', 1], [PEERS[1]]: ['≥', 1], [FLOOR]: null, [LOWEST_FLOOR]: null },
  },
  {
    title: 'Latency of one request at a time, µs (less is better)',
    value: (run, operation) => run[1][operation].wallUs,
    wanted: { [PEERS[0]]: ['≤', 1], [PEERS[1]]: ['≤', 1], [FLOOR]: null, [LOWEST_FLOOR]: null },
  },
  {
    title: 'CPU an operation one request at a time, µs (less is better)',
    value: (run, operation) => run[1][operation].cpuUs,
    wanted: { [PEERS[0]]: null, [PEERS[1]]: null, [FLOOR]: null, [LOWEST_FLOOR]: null },
  },
];

/**
 * The tables with their verdicts.
 *
 * @param {Record<string, object[]>} runs of each client
 */
export function report(runs) {
  const verdicts = [];
  const tables = TABLES.map((table) => formatTable(table, runs, verdicts));
  return [...tables, summary(verdicts)].join('\n\n');
}

function formatTable({ title, value, wanted }, runs, verdicts) {
  const others = Object.keys(wanted);
  const columns = others.map((other) => {
    const rule = wanted[other];
    return `/ ${other}${rule === null ? '' : ` (${rule[0]} ${rule[1].toFixed(2)})`}`;
  });
  const rows = [...OPERATIONS, 'all'].map((operation) => {
    const medians = Object.fromEntries(CLIENTS.map((client) => [client, medianOf(runs[client], value, operation)]));
    const ratios = others.map((other) => {
      const ratio = medians[SUBJECT] / medians[other];
      return formatRatio(ratio, wanted[other], `${title}, ${operation}, ${SUBJECT} / ${other}`, verdicts);
    });
    return [operation, ...CLIENTS.map((client) => formatNumber(medians[client])), ...ratios];
  });
  return `### ${title}\n\n${markdown([['', ...CLIENTS, ...columns], ...rows])}`;
}

/** `all` is the mean of the five operations in each run. */
function medianOf(runs, value, operation) {
  const mean = (run) => OPERATIONS.reduce((sum, one) => sum + value(run, one), 0) / OPERATIONS.length;
  return median(runs.map((run) => (operation === 'all' ? mean(run) : value(run, operation))));
}
