import { promisify } from 'node:util';
import ZooKeeper from 'zookeeper';
import { pump } from '../workload.mjs';

/** The npm package `zookeeper`: Apache's client in C, callbacks. */
export async function connect(connectString, data) {
  const client = new ZooKeeper.ZooKeeper({
    connect: connectString,
    timeout: 30_000,
    debug_level: 1,
    host_order_deterministic: false,
  });
  await promisify(client.connect.bind(client))({});
  const operations = (succeed, fail) => {
    const done = (code, error) => (code === 0 ? succeed() : fail(new Error(error)));
    return {
      create: (path) => client.a_create(path, data, 0, done),
      get: (path) => client.a_get(path, false, done),
      set: (path) => client.a_set(path, data, -1, done),
      exists: (path) => client.a_exists(path, false, done),
      delete: (path) => client.a_delete_(path, -1, done),
    };
  };
  return {
    prepare: (operation, paths, window) => () => pump(operations, operation, paths, window),
    close: async () => client.close(),
  };
}
