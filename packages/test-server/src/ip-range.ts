/** Bytes of an address: four for IPv4, sixteen for IPv6. */
type Address = readonly number[];

const IPV6_GROUPS = 8;

/** Parses a sign and digits, as Java's `Integer.parseInt`; `null` for any other text. */
function parseInteger(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null;
}

function parseAddress(text: string): Address | null {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Address | null {
  const bytes = text.split('.').map(parseInteger);
  const isWhole = bytes.length === 4 && bytes.every((byte) => byte !== null && byte >= 0 && byte <= 255);
  return isWhole ? (bytes as number[]) : null;
}

/** Parses groups of up to four digits, with at most one `::` for groups of zeros. Accepts neither an IPv4 address at the end nor a zone. */
function parseIpv6(text: string): Address | null {
  const halves = text.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const [start = [], end = []] = halves;
  const zeros = IPV6_GROUPS - start.length - end.length;
  if (halves.length > 2 || (halves.length === 2 ? zeros <= 0 : zeros !== 0)) return null;
  const groups = [...start, ...Array.from({ length: zeros }, () => '0'), ...end];
  if (!groups.every((group) => group.length <= 4 && /^[+-]?[\da-f]+$/i.test(group))) return null;
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [(value >> 8) & 0xff, value & 0xff];
  });
}

function parseRange(text: string): { readonly address: Address; readonly bits: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const length = address.length * 8;
  const bits = slash < 0 ? length : parseInteger(text.slice(slash + 1));
  return bits === null || bits < 0 || bits > length ? null : { address, bits };
}

/**
 * Whether an ACL may have this id of the scheme `ip`: `127.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
 *
 * @param knowsIpv6 whether the id may be an IPv6 address, as since 3.9.4
 */
export function isAddressRange(id: string, knowsIpv6: boolean): boolean {
  const range = parseRange(id);
  return range !== null && (knowsIpv6 || range.address.length === 4);
}

/** Whether an address is in a range. */
export function addressMatches(address: string, range: string): boolean {
  const wanted = parseRange(range);
  const held = parseAddress(address);
  if (wanted === null || held === null || held.length !== wanted.address.length) return false;
  return wanted.address.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, wanted.bits - index * 8));
    return byte >> (8 - bits) === (held[index] as number) >> (8 - bits);
  });
}

/**
 * Returns the address of a socket in the form that a Java server uses in ids and reports. An IPv4 address on an IPv6 socket becomes a plain
 * IPv4 address; an IPv6 address has all its groups.
 */
export function hostAddress(socketAddress: string): string {
  const unmapped = socketAddress.replace(/^::ffff:(?=\d+\.)/, '');
  const [text = '', ...zone] = unmapped.split('%');
  const bytes = text.includes(':') ? parseIpv6(text) : null;
  if (bytes === null) return unmapped;
  const groups = Array.from({ length: IPV6_GROUPS }, (_, index) =>
    (((bytes[index * 2] as number) << 8) | (bytes[index * 2 + 1] as number)).toString(16),
  );
  return [groups.join(':'), ...zone].join('%');
}
