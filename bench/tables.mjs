/** What the reports have in common: medians, ratios with a verdict, tables. */

/** @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * A ratio as it is shown. Two decimals are what is shown, and what is judged.
 *
 * @param rule `['≥', 1.4]`, or `null` where nothing is wanted
 * @param what names the ratio
 * @param verdicts takes one for each ratio of which something is wanted
 */
export function formatRatio(ratio, rule, what, verdicts) {
  const shown = ratio.toFixed(2);
  if (rule === null) return shown;
  const [relation, limit] = rule;
  const met = relation === '≤' ? Number(shown) <= limit : Number(shown) >= limit;
  verdicts.push({ met, text: `${what}: ${shown}, wanted ${relation} ${limit.toFixed(2)}` });
  return `${shown} ${met ? 'met' : 'MISSED'}`;
}

/** How many of the wanted ratios were met, and which were not. */
export function summary(verdicts) {
  const met = verdicts.filter((verdict) => verdict.met).length;
  const missed = verdicts.filter((verdict) => !verdict.met).map(({ text }) => `- missed: ${text}`);
  return [`Wanted ratios: ${met} of ${verdicts.length} met.`, ...missed].join('\n');
}

export function formatNumber(value) {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(1);
}

/** @param {string[][]} rows the first is the heading; numbers are in all columns but the first */
export function markdown(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}

/** @throws RangeError unless it is a whole number from 1 */
export function positive(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new RangeError(`Expected ${name} to be a whole number from 1, got '${text}'`);
  return value;
}
