import { once } from 'node:events';
import zookeeper from 'node-zookeeper-client';
import { pump } from '../workload.mjs';

/** The npm package `node-zookeeper-client`: JavaScript, callbacks. */
export async function connect(connectString, data) {
  const client = zookeeper.createClient(connectString, { sessionTimeout: 30_000 });
  client.connect();
  await once(client, 'connected');
  const operations = (succeed, fail) => {
    const done = (error) => (error ? fail(error) : succeed());
    return {
      create: (path) => client.create(path, data, done),
      get: (path) => client.getData(path, done),
      set: (path) => client.setData(path, data, done),
      exists: (path) => client.exists(path, done),
      delete: (path) => client.remove(path, done),
    };
  };
  return {
    prepare: (operation, paths, window) => () => pump(operations, operation, paths, window),
    close: async () => {
      client.close();
      await once(client, 'disconnected');
    },
  };
}
