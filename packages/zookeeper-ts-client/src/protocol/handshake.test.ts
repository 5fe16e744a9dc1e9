import { describe, expect, it } from 'vitest';
import { decoded, encoded, hex } from '../../test/bytes.js';
import { ConnectRequest, ConnectResponse, MIN_CONNECT_RESPONSE_BYTES } from './handshake.js';

const passwd = hex('1b74d820befee4ade63cbe3b1a15f115');

describe('ConnectRequest', () => {
  const fresh: ConnectRequest = {
    protocolVersion: 0,
    lastZxidSeen: 0n,
    timeOut: 6000,
    sessionId: 0n,
    passwd: Buffer.alloc(16),
    readOnly: false,
  };

  it.each<[string, ConnectRequest, string]>([
    [
      'of a new session',
      fresh,
      '00000000 0000000000000000 00001770 0000000000000000 00000010 00000000000000000000000000000000 00',
    ],
    [
      'of a session that goes on',
      { ...fresh, lastZxidSeen: 0xdbn, sessionId: 0x0100_000e_c1c3_0028n, passwd },
      '00000000 00000000000000db 00001770 0100000ec1c30028 00000010 1b74d820befee4ade63cbe3b1a15f115 00',
    ],
  ])('%s has the bytes that Java writes', (_, request, bytes) => {
    expect(encoded(ConnectRequest, request)).toEqual(hex(bytes));
    expect(hex(bytes)).toHaveLength(45);
    expect(decoded(ConnectRequest, hex(bytes))).toEqual(request);
  });

  it('may lack its last byte', () => {
    const bytes = encoded(ConnectRequest, { ...fresh, readOnly: true });
    expect(decoded(ConnectRequest, bytes).readOnly).toBe(true);
    expect(decoded(ConnectRequest, bytes.subarray(0, 44)).readOnly).toBe(false);
  });
});

describe('ConnectResponse', () => {
  const accepted = hex('00000000 00001770 0100000ec1c30028 00000010 1b74d820befee4ade63cbe3b1a15f115 00');
  const expired = hex('00000000 00000000 0000000000000000 00000010 00000000000000000000000000000000');

  it('is read with its last byte and without', () => {
    const response = { protocolVersion: 0, timeOut: 6000, sessionId: 0x0100_000e_c1c3_0028n, passwd, readOnly: false };
    expect(accepted).toHaveLength(37);
    expect(decoded(ConnectResponse, accepted)).toEqual(response);
    expect(encoded(ConnectResponse, response)).toEqual(accepted);
    expect(decoded(ConnectResponse, accepted.subarray(0, 36))).toEqual(response);
    const readOnly = Buffer.concat([accepted.subarray(0, 36), hex('01')]);
    expect(decoded(ConnectResponse, readOnly).readOnly).toBe(true);
  });

  it('tells of an expired session by a timeout of 0', () => {
    expect(decoded(ConnectResponse, expired)).toMatchObject({ timeOut: 0, sessionId: 0n });
    expect(decoded(ConnectResponse, Buffer.concat([expired, hex('00')]))).toMatchObject({ timeOut: 0, sessionId: 0n });
    expect(expired).toHaveLength(MIN_CONNECT_RESPONSE_BYTES);
  });
});
