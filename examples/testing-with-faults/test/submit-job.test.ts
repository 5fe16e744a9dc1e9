import { TestServer } from '@zk-recipes/test-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ZooKeeper } from 'zookeeper-ts-client';
import { submitJob } from '../src/index.js';

describe('submitJob', () => {
  let server: TestServer;
  let zk: ZooKeeper;

  beforeEach(async () => {
    server = await TestServer.start();
    zk = await ZooKeeper.connect(server.connectString);
    await zk.create('/jobs', null);
  });

  afterEach(async () => {
    await zk.close();
    await server.stop();
  });

  const jobs = () => server.dump('/jobs').flatMap(({ path }) => (path === '/jobs' ? [] : [path]));

  it('submits a job', async () => {
    expect(await submitJob(zk, '/jobs', 'resize-1', 'photo')).toBe('/jobs/resize-1-0000000000');
  });

  it('submits it once when the reply is lost: the job is there already', async () => {
    const lost = server.faults.dropReplyOnce({ op: 'create' });
    const path = await submitJob(zk, '/jobs', 'resize-1', 'photo');
    expect((await lost).path).toBe('/jobs/resize-1-');
    expect(jobs()).toEqual([path]);
  });

  it('submits it once when the request is lost: nothing is there, so it tries again', async () => {
    const lost = server.faults.dropRequestOnce({ op: 'create' });
    const path = await submitJob(zk, '/jobs', 'resize-1', 'photo');
    await lost;
    expect(jobs()).toEqual([path]);
  });

  it('submits it once when the reply is lost, and then the look for it as well', async () => {
    const lost = [server.faults.dropReplyOnce({ op: 'create' }), server.faults.dropReplyOnce({ op: 'getChildren' })];
    const path = await submitJob(zk, '/jobs', 'resize-1', 'photo');
    await Promise.all(lost);
    expect(jobs()).toEqual([path]);
  });

  it('does not hide what else is wrong', async () => {
    await expect(submitJob(zk, '/missing', 'resize-1', 'photo')).rejects.toThrow(/NONODE/);
  });
});
