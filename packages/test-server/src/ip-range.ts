/** Four bytes of an IPv4 address in one number; `null` when the text is none. */
function parseAddress(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let address = 0;
  for (const part of parts) {
    const byte = parseInteger(part);
    if (byte === null || byte < 0 || byte > 255) return null;
    address = address * 256 + byte;
  }
  return address;
}

/** As Java's `Integer.parseInt`: a sign and digits, nothing else. */
function parseInteger(text: string): number | null {
  return /^[+-]?\d+$/.test(text) ? Number(text) : null;
}

function parseRange(text: string): { readonly address: number; readonly bits: number } | null {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  const bits = slash < 0 ? 32 : parseInteger(text.slice(slash + 1));
  return address === null || bits === null || bits < 0 || bits > 32 ? null : { address, bits };
}

/** Whether an ACL may have this id of the scheme `ip`: `127.0.0.1` or `10.0.0.0/8`. */
export function isAddressRange(id: string): boolean {
  return parseRange(id) !== null;
}

/** Whether an address lies in a range. */
export function addressMatches(address: string, range: string): boolean {
  const wanted = parseRange(range);
  const held = parseAddress(address);
  if (wanted === null || held === null) return false;
  const size = 2 ** (32 - wanted.bits);
  return Math.floor(held / size) === Math.floor(wanted.address / size);
}
