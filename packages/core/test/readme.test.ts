import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { expect, it, vi } from 'vitest';

describeOnSharedServer('the README', () => {
  it('runs as written', async () => {
    const text = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    const [, code = ''] = /^```ts\n(.*?)^```$/ms.exec(text) ?? [];
    const program = code
      .replace("from '@zk-recipes/core'", "from '../../src/index.js'")
      .replace('localhost:2181', sharedServer().connectString)
      .replace("namespace: 'billing'", `namespace: '${freshPath('readme').slice(1)}'`);
    const folder = new URL('./.cache/', import.meta.url);
    await mkdir(folder, { recursive: true });
    const file = new URL('readme.ts', folder);
    const printed: string[] = [];
    const log = vi.spyOn(console, 'log').mockImplementation((...words) => void printed.push(words.join(' ')));
    try {
      await writeFile(file, program);
      await import(file.pathname);
    } finally {
      log.mockRestore();
      await rm(folder, { recursive: true });
    }
    // The children of a znode go in any order.
    expect([...printed.slice(0, 2), ...printed.slice(2, 4).sort(), ...printed.slice(4)]).toEqual([
      'rate 0.19, version 0',
      expect.stringMatching(/^I am \/workers\/_c_(\S+) among _c_\1$/),
      'NodeDeleted /config/log-0000000001',
      'NodeDeleted /config/rate',
      'NodeDeleted /config',
      'PersistentWatchRemoved /config',
    ]);
  });
});
