import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { packageNames } from './source-tree.js';

/** Bytes of a bundle that is not minified, by where they come from. */
async function bundle(
  program: string,
): Promise<{ readonly total: number; readonly inputs: Metafile['outputs'][string]['inputs'] }> {
  const { metafile } = await build({
    stdin: { contents: program, resolveDir: fileURLToPath(new URL('.', import.meta.url)) },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@zk-recipes/source'],
  });
  const [output] = Object.values(metafile.outputs);
  if (output === undefined) throw new Error('Expected esbuild to write one file, got none');
  return { total: output.bytes, inputs: output.inputs };
}

function bytesOf(inputs: Metafile['outputs'][string]['inputs'], part: string): number {
  return Object.entries(inputs).reduce(
    (sum, [path, { bytesInOutput }]) => sum + (path.includes(part) ? bytesInOutput : 0),
    0,
  );
}

describe('a bundle', () => {
  it('with one lock has less than 420 kB before it is minified, 50 kB of them of zod', async () => {
    const { total, inputs } = await bundle("import { Mutex } from '@zk-recipes/locks'; console.log(Mutex);");
    expect(bytesOf(inputs, '/zod/')).toBeGreaterThan(0);
    expect(bytesOf(inputs, '/zod/')).toBeLessThan(50_000);
    expect(total).toBeLessThan(420_000);
  });

  // What `import { z }` and the re-export of `z` bring along: the whole of zod, with its messages in fifty languages.
  it.each(packageNames())('with all of packages/%s has nothing of zod that is not used', async (name) => {
    const { inputs } = await bundle(
      `export * from '${fileURLToPath(new URL(`../packages/${name}/src/index.ts`, import.meta.url))}';`,
    );
    const brought = Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    expect(brought.map(([path]) => path).filter((path) => /zod\/.*(?:locales|classic|json-schema)/.test(path))).toEqual(
      [],
    );
  });
});
