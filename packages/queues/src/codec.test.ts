import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { bytesCodec, jsonCodec, textCodec } from './codec.js';

describe('codecs', () => {
  it('give back what they were given', async () => {
    const value = { name: 'Åsa', list: [1, null, true] };
    expect(await jsonCodec().decode(jsonCodec().encode(value))).toEqual(value);
    expect(await textCodec.decode(textCodec.encode('Åsa'))).toBe('Åsa');
    expect(await bytesCodec.decode(bytesCodec.encode(Buffer.of(0, 255)))).toEqual(Buffer.of(0, 255));
  });

  it('check and change by a schema', async () => {
    const codec = jsonCodec(
      z.object({
        count: z.pipe(
          z.number(),
          z.transform((count) => count + 1),
        ),
      }),
    );
    expect(await codec.decode(Buffer.from('{"count":1}'))).toEqual({ count: 2 });
    const wrong = async (): Promise<unknown> => await codec.decode(Buffer.from('{"count":"x"}'));
    await expect(wrong()).rejects.toThrow(/^the payload does not match its schema: count: /);
  });

  it('wait for a schema that takes its time', async () => {
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: validateLater } };
    expect(await jsonCodec(schema).decode(Buffer.from('"good"'))).toBe('good');
    await expect(Promise.resolve(jsonCodec(schema).decode(Buffer.from('"bad"')))).rejects.toThrow('not good');
  });

  it('refuse what they cannot hold, or read', () => {
    expect(() => jsonCodec().encode(undefined)).toThrow('Expected the value to be what JSON can hold, got undefined');
    expect(() => jsonCodec().encode(() => {})).toThrow('got a function');
    expect(() => jsonCodec().decode(Buffer.of(0xff))).toThrow(TypeError);
    expect(() => textCodec.decode(Buffer.of(0xff))).toThrow(TypeError);
    expect(() => jsonCodec({} as never)).toThrow('Expected `schema` to be a Standard Schema');
  });
});

async function validateLater(value: unknown): Promise<{ value: string } | { issues: { message: string }[] }> {
  return value === 'good' ? { value } : { issues: [{ message: 'not good' }] };
}
