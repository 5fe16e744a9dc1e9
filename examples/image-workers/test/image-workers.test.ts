import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Keeper } from '@zk-recipes/core';
import { PeerProcess, until } from '@zk-recipes/test-support';
import { describeOnSharedServer, freshPath, sharedServer } from '@zk-recipes/test-support/vitest';
import { PNG } from 'pngjs';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { imageJobs } from '../src/image-jobs.js';

const example = fileURLToPath(new URL('..', import.meta.url));
const compiler = fileURLToPath(new URL('../../../node_modules/typescript/bin/tsc', import.meta.url));
const IMAGES = 12;
const WORKERS = 3;

/** What a worker says of its work. */
interface Told {
  readonly event: string;
  readonly worker: string;
  readonly image: string;
  readonly copy: 'thumbnail' | 'archive';
  readonly attempt: number;
  readonly token: string;
}

// Its processes run what is compiled.
beforeAll(() => promisify(execFile)(process.execPath, [compiler, '-b', example]));

describeOnSharedServer('the image workers', () => {
  let keeper: Keeper;
  let namespace: string;
  let folder: string;
  let told: Told[];
  const afterwards: (() => unknown)[] = [];

  beforeEach(async () => {
    namespace = freshPath('images').slice(1);
    keeper = await Keeper.connect({ connectString: sharedServer().connectString, namespace });
    folder = await mkdtemp(join(tmpdir(), 'zk-recipes-images-'));
    told = [];
  });

  afterEach(async () => {
    for (const undo of afterwards.splice(0).reverse()) await undo();
    await rm(folder, { recursive: true });
    await keeper.usingNamespace('').delete().deletingChildren().quietly().forPath(`/${namespace}`);
    await keeper.close();
  });

  /** Of another width, height and colour each. */
  function draw(index: number): Buffer {
    const image = new PNG({ width: 200 + index, height: 100 + 2 * index });
    for (let at = 0; at < image.data.length; at += 4) image.data.set([index * 20, at % 256, 255 - index, 255], at);
    return PNG.sync.write(image);
  }

  async function run(program: string, settings: object = {}): Promise<PeerProcess> {
    const { connectString } = sharedServer();
    const all = {
      ...{ ZOOKEEPER_CONNECT: connectString, NAMESPACE: namespace, SESSION_TIMEOUT_MS: 4_000, RETRY_MS: 50 },
      ...{ ORIGINALS: join(folder, 'originals'), COPIES: join(folder, 'copies'), ...settings },
    };
    const assignments = Object.entries(all).map(([name, value]) => `${name}=${value}`);
    const file = fileURLToPath(new URL(`../dist/${program}/main.js`, import.meta.url));
    const peer = await PeerProcess.run('env', [...assignments, process.execPath, file]);
    peer.onMessage((message) => told.push(message as unknown as Told));
    afterwards.push(() => peer.kill());
    return peer;
  }

  /** Each is there, was made once, and is as large as it should be; and there is nothing else. */
  async function expectCopies(copy: Told['copy'], names: readonly string[]): Promise<void> {
    const made = told.filter((message) => message.event === 'made' && message.copy === copy);
    expect(made.map(({ image }) => image).sort()).toEqual([...names].sort());
    expect((await readdir(join(folder, 'copies', copy))).sort()).toEqual([...names].sort());
    for (const name of names) {
      const original = PNG.sync.read(await readFile(join(folder, 'originals', name)));
      const { width, height } = PNG.sync.read(await readFile(join(folder, 'copies', copy, name)));
      expect(width).toBe(copy === 'thumbnail' ? 160 : original.width);
      expect(height).toBe(Math.round((original.height * width) / original.width));
    }
  }

  /** Several take what comes next at the same time: an archive copy may be begun beside the last thumbnails, but no earlier. */
  function expectUrgentFirst(begun: readonly Told[]): void {
    const inOrder = [...begun].sort((one, other) => Number(BigInt(one.token) - BigInt(other.token)));
    const firstArchive = inOrder.findIndex(({ copy }) => copy === 'archive');
    const late = inOrder.slice(firstArchive).filter(({ copy }) => copy === 'thumbnail');
    expect(late.length).toBeLessThan(WORKERS);
  }

  it('make each copy once, thumbnails first, whoever is killed, and put aside what is no image', {
    timeout: 60_000,
  }, async () => {
    const names = Array.from({ length: IMAGES }, (_, index) => `image-${index}.png`);
    await mkdir(join(folder, 'originals'));
    await Promise.all(names.map((name, index) => writeFile(join(folder, 'originals', name), draw(index))));
    await writeFile(join(folder, 'originals', 'torn.png'), draw(1).subarray(0, 500));
    await writeFile(join(folder, 'originals', 'letter.png'), 'Dear customer');
    const submission = await run('submit');
    await submission.receive({ event: 'submitted', images: IMAGES + 2 });
    await rm(join(folder, 'originals', 'image-7.png'));

    const victim = await run('worker', { WORKER: 'victim', WORK_MS: 3_600_000 });
    const lost = (await victim.receive({ event: 'begins' })) as unknown as Told;
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, (_, index) => run('worker', { WORKER: `worker-${index}` })),
    );
    await until(() => told.find(({ event }) => event === 'made'), { what: 'the others to be at work' });
    await victim.kill();
    const jobs = imageJobs(keeper);
    await until(async () => (await jobs.size()) === 0 || undefined, { what: 'all jobs to be done' });
    const stopped = await Promise.all(workers.map((worker) => worker.receive({ event: 'started' })));
    for (const { pid } of stopped) process.kill(pid as number, 'SIGTERM');
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual(workers.map(() => 0));

    for (const copy of ['thumbnail', 'archive'] as const) {
      await expectCopies(
        copy,
        names.filter((name) => name !== 'image-7.png'),
      );
    }
    const isLost = ({ image, copy }: Told) => image === lost.image && copy === lost.copy;
    expect(told.filter((message) => message.event === 'made' && isLost(message))).toMatchObject([{ attempt: 2 }]);
    const begun = told.filter(
      ({ event, worker, attempt }) => event === 'begins' && worker !== 'victim' && attempt === 1,
    );
    expectUrgentFirst(begun);

    const letters = (await jobs.deadLetters()).map(({ data, attempts, reason }) => {
      const [image] = /[\w-]+\.png/.exec(data.toString()) ?? [];
      return { image, attempts, reason };
    });
    const reasons = {
      'image-7.png': { attempts: 3, reason: expect.stringMatching(/^gave up after 3 attempts: ENOENT/) },
      'letter.png': { attempts: 1, reason: 'no PNG' },
      'torn.png': { attempts: 1, reason: expect.stringMatching(/^a broken PNG: ./) },
    };
    const both = Object.entries(reasons).flatMap(([image, expected]) => [
      { image, ...expected },
      { image, ...expected },
    ]);
    expect(letters.sort((one, other) => (one.image ?? '').localeCompare(other.image ?? ''))).toEqual(both);
  });
});
