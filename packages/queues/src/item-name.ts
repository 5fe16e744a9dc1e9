/**
 * Names of items, as in Curator's queues: they contain the order of the items, and the producer's options. Pure.
 *
 * A znode with several items, which Curator can create, is split into znodes with one item. Their names extend the name of the first, so
 * that they follow it directly: `queue-0000000005`, `queue-0000000005.0001`.
 */

const PREFIX = 'queue-';
const NUMBER_LENGTH = 10;
const PRIORITY_LENGTH = 9;

/** Information in the name of an item. */
export interface ItemLabel {
  /** Priority in a priority queue: -2^31 to 2^31-1, lower values first; 0 if the name has none. */
  readonly priority: number;
  /** Due time in a delay queue, in milliseconds since 1970; 0 if the name has none. */
  readonly dueAtMs: number;
  /** Id in an id queue, given by the producer, with `_` for each `/` and `|`; `null` if the name has none. */
  readonly id: string | null;
}

/** Naming of the items of one kind of queue. */
export interface ItemNaming {
  /** Returns the string by which items are ordered. Of items with equal keys, the lesser name goes first. */
  keyOf(name: string): string;
  labelOf(name: string): ItemLabel;
}

const UNLABELLED: ItemLabel = { priority: 0, dueAtMs: 0, id: null };

/** Whether a child of a queue is an item. Other children are ignored, as by Curator. */
export function isItem(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Naming of items that are handed out in the order in which they were put. */
export const inOrder: ItemNaming = { keyOf: (name) => name, labelOf: () => UNLABELLED };

/** Naming of items that are handed out by priority, and with equal priority in the order in which they were put. */
export const byPriority: ItemNaming = {
  keyOf: (name) => name,
  labelOf: (name) => ({ ...UNLABELLED, priority: priorityIn(name) }),
};

/** Naming of items that are handed out when they are due. */
export const byDueTime: ItemNaming = {
  keyOf: (name) => dueTimeIn(name).toString(16).padStart(16, '0'),
  labelOf: (name) => ({ ...UNLABELLED, dueAtMs: dueTimeIn(name) }),
};

/** Naming of items that have an id and are handed out in the order in which they were put. */
export const withId: ItemNaming = {
  keyOf: (name) => name.replace(/\|[^|]*\|/, ''),
  labelOf: (name) => ({ ...UNLABELLED, id: idIn(name) }),
};

/** Returns the name of an item without the server's number. */
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
 * Encodes an id for a name. `/` and `|` become `_`, as in names that Curator writes. A character that no path may have, and that Curator
 * cannot write, becomes `%u` and four hexadecimal digits for each UTF-16 code unit. A `%` that would look like the start of such a code is
 * encoded, too.
 */
function encodeId(id: string): string {
  return cleanId(id).replace(UNFIT, (unit) => `%u${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`);
}

/** Returns the id as Curator writes it. */
function cleanId(id: string): string {
  return id.replace(/[/|]/g, '_');
}

/**
 * Characters to encode: controls, surrogates, private use and specials, which no path may have; and a `%` that would be read as an
 * encoding.
 *
 * @see org.apache.zookeeper.common.PathUtils
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const UNFIT = /[\u0000-\u001f\u007f-\u009f\ud800-\uf8ff\ufff0-\uffff]|%(?=u[0-9A-F]{4})/g;

/** Whether an item has an id. The name may be encoded as here, or written by Curator, which encodes nothing. */
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

/** Returns the name of the `index`th item of a znode that is split. @param index 1 or more */
export function splitName(name: string, index: number): string {
  return `${name}.${String(index).padStart(4, '0')}`;
}

/** Returns the name without the server's number and its extension. The server adds a new number when the item is put again. */
export function nameToRenew(name: string): string {
  const numbered = name.replace(/(?:\.\d+)+$/, '');
  return /\d{10}$/.test(numbered) ? numbered.slice(0, -NUMBER_LENGTH) : PREFIX;
}

function priorityIn(name: string): number {
  const digits = name.slice(PREFIX.length, PREFIX.length + PRIORITY_LENGTH);
  // Curator requeues an item of any priority without its priority: then only a number follows.
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
