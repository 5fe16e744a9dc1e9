import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRecord, encodeRecord, NO_ATTEMPTS } from './attempt-record.js';

describe('a record of attempts', () => {
  it('is read as it was written, but for the end of a long reason', () => {
    const record = { attempts: 3, claim: 'uuid', notBeforeMs: 12.5, delayMs: 7.5, reason: 'r'.repeat(2_000) };
    expect(decodeRecord(encodeRecord(record))).toEqual({ ...record, reason: 'r'.repeat(1_000) });
    expect(decodeRecord(encodeRecord(NO_ATTEMPTS))).toEqual(NO_ATTEMPTS);
  });

  it.each([null, '', 'garbage', '[]', '1', 'null', '{"attempts":-1}', '{"attempts":"x","claim":5,"notBeforeMs":-1}'])(
    'that is %j says nothing',
    (text) => expect(decodeRecord(text === null ? null : Buffer.from(text))).toEqual(NO_ATTEMPTS),
  );

  it('keeps what can be read of it', () => {
    const data = Buffer.from('{"attempts":2,"reason":7,"more":1}');
    expect(decodeRecord(data)).toEqual({ ...NO_ATTEMPTS, attempts: 2 });
  });

  it('never fails, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          expect(decodeRecord(Buffer.from(bytes)).attempts).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});
