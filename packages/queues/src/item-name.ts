/**
 * What the names of items say: in which order they go, and what their producer wanted. Pure. As Curator's queues have them.
 *
 * A znode of several items, which Curator makes, is split into znodes of one. Their names go on from that of the first, and so stand
 * directly behind it: `queue-0000000005`, `queue-0000000005.0001`.
 */

const PREFIX = 'queue-';
const NUMBER_LENGTH = 10;
const PRIORITY_LENGTH = 9;

/** What is said of an item by its name. */
export interface ItemLabel {
  /** Of a priority queue: -2^31 to 2^31-1, lower goes first; 0 where the name has none. */
  readonly priority: number;
  /** Of a delay queue: when it is due, in milliseconds since 1970; 0 where the name does not say. */
  readonly dueAtMs: number;
  /** Of an id queue: what its producer called it, with `_` for each `/` and `|`; `null` where the name has none. */
  readonly id: string | null;
}

/** How the items of one kind of queue are named. */
export interface ItemNaming {
  /** By which items are ordered, as strings; of equal keys the lesser name goes first. */
  keyOf(name: string): string;
  labelOf(name: string): ItemLabel;
}

const UNLABELLED: ItemLabel = { priority: 0, dueAtMs: 0, id: null };

/** Whether a child of a queue is an item; others are left alone, as Curator does. */
export function isItem(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Names of items that are handed out in the order in which they were put. */
export const inOrder: ItemNaming = { keyOf: (name) => name, labelOf: () => UNLABELLED };

/** Names of items that are handed out by priority, those of one priority in the order in which they were put. */
export const byPriority: ItemNaming = {
  keyOf: (name) => name,
  labelOf: (name) => ({ ...UNLABELLED, priority: priorityIn(name) }),
};

/** Names of items that are handed out when they are due. */
export const byDueTime: ItemNaming = {
  keyOf: (name) => dueTimeIn(name).toString(16).padStart(16, '0'),
  labelOf: (name) => ({ ...UNLABELLED, dueAtMs: dueTimeIn(name) }),
};

/** Names of items that can be found by an id, handed out in the order in which they were put. */
export const withId: ItemNaming = {
  keyOf: (name) => name.replace(/\|[^|]*\|/, ''),
  labelOf: (name) => ({ ...UNLABELLED, id: idIn(name) }),
};

/** Name of an item before the server's number. */
export function plainName(): string {
  return PREFIX;
}

/** @param priority -2^31 to 2^31-1 */
export function priorityName(priority: number): string {
  const digits = (priority >>> 0).toString(16).toUpperCase().padStart(8, '0');
  return `${PREFIX}${priority < 0 ? 0 : 1}${digits}`;
}

/** @param dueAtMs milliseconds since 1970 */
export function dueTimeName(dueAtMs: number): string {
  return `${PREFIX}|${dueAtMs.toString(16).toUpperCase().padStart(8, '0')}|`;
}

/** @param id any text */
export function idName(id: string): string {
  return `${PREFIX}|${encodeId(id)}|`;
}

/**
 * The id as it stands in a name. `/` and `|` become `_`, as in names that Curator writes. What no path may have, and Curator cannot write
 * either, becomes `%u` and four hexadecimal digits for each UTF-16 code unit; so does a `%` that would be read as the beginning of that.
 */
function encodeId(id: string): string {
  return cleanId(id).replace(UNFIT, (unit) => `%u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
}

/** The id as Curator writes it. */
function cleanId(id: string): string {
  return id.replace(/[/|]/g, '_');
}

/**
 * Controls, surrogates, private use and specials, which no path may have; and a `%` that would be read as an encoding.
 *
 * @see org.apache.zookeeper.common.PathUtils
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]|%(?=u[0-9A-F]{4})/g;

/** Whether an item has an id: as names are written here, or as Curator writes them, which encodes nothing. */
export function hasId(name: string, id: string): boolean {
  const written = rawIdIn(name);
  return written === encodeId(id) || written === cleanId(id);
}

function idIn(name: string): string | null {
  const decodeUnit = (_: string, digits: string): string => String.fromCharCode(Number.parseInt(digits, 16));
  return rawIdIn(name)?.replace(/%u([0-9A-F]{4})/g, decodeUnit) ?? null;
}

function rawIdIn(name: string): string | null {
  return /\|([^|]*)\|/.exec(name)?.[1] ?? null;
}

/** Name of the item that was the `index`th of its znode, before that was split. @param index 1 or more */
export function splitName(name: string, index: number): string {
  return `${name}.${String(index).padStart(4, '0')}`;
}

/** The name without the server's number and what follows it: what the number is given to when the item is put once more. */
export function nameToRenew(name: string): string {
  const numbered = name.replace(/(?:\.\d+)+$/, '');
  return /\d{10}$/.test(numbered) ? numbered.slice(0, -NUMBER_LENGTH) : PREFIX;
}

function priorityIn(name: string): number {
  const digits = name.slice(PREFIX.length, PREFIX.length + PRIORITY_LENGTH);
  // Curator requeues an item of any priority as one without: only a number follows then.
  if (name.length < PREFIX.length + PRIORITY_LENGTH + NUMBER_LENGTH || !/^[01][0-9A-F]{8}$/.test(digits)) return 0;
  return Number.parseInt(digits.slice(1), 16) | 0;
}

function dueTimeIn(name: string): number {
  const end = name.lastIndexOf('|');
  const begin = name.lastIndexOf('|', end - 1);
  const digits = begin < 0 ? '' : name.slice(begin + 1, end);
  const dueAtMs = /^[0-9A-Fa-f]{1,16}$/.test(digits) ? Number.parseInt(digits, 16) : 0;
  return Number.isSafeInteger(dueAtMs) ? dueAtMs : Number.MAX_SAFE_INTEGER;
}
