/** A request of a client, as far as it can be read without its record. */
export interface WireRequest {
  /** Number by which the client recognises the reply; negative for pings (-2), authentication (-4), setWatches (-8). */
  readonly xid: number;
  /** Operation code, for example 1 for create, 2 for delete, 4 for getData, 14 for multi. */
  readonly op: number;
  /** The path that most operations begin with; `undefined` for those that do not. */
  readonly path: string | undefined;
}

/** Which requests a fault is for: an operation code, or a test of the request. */
export type RequestMatch = number | ((request: WireRequest) => boolean);

/** Operations whose record does not begin with a path: ping, auth, multi, setWatches, sasl, multiRead, whoAmI, close, … */
const withoutPath = new Set([-11, 11, 14, 16, 22, 100, 101, 102, 105, 107]);

/** Reads the header of a request frame (with its length in front); `undefined` if it is too short for one. */
export function parseRequest(frame: Buffer): WireRequest | undefined {
  if (frame.length < 12) return undefined;
  const op = frame.readInt32BE(8);
  return { xid: frame.readInt32BE(4), op, path: withoutPath.has(op) ? undefined : parsePath(frame) };
}

/** Whether a fault that is set for `match` is meant for this request. */
export function matches(match: RequestMatch, request: WireRequest): boolean {
  return typeof match === 'number' ? match === request.op : match(request);
}

function parsePath(frame: Buffer): string | undefined {
  if (frame.length < 16) return undefined;
  const length = frame.readInt32BE(12);
  return length < 0 || 16 + length > frame.length ? undefined : frame.toString('utf8', 16, 16 + length);
}
