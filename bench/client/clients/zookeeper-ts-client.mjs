import { ZooKeeper } from '../../../packages/zookeeper-ts-client/dist/index.js';
import { pump } from '../workload.mjs';

/** This project's client. */
export async function connect(connectString, data) {
  const zookeeper = await ZooKeeper.connect(connectString, { sessionTimeoutMs: 30_000 });
  const operations = (succeed, fail) => ({
    create: (path) => zookeeper.create(path, data).then(succeed, fail),
    get: (path) => zookeeper.getData(path).then(succeed, fail),
    set: (path) => zookeeper.setData(path, data).then(succeed, fail),
    exists: (path) => zookeeper.exists(path).then(succeed, fail),
    delete: (path) => zookeeper.delete(path).then(succeed, fail),
  });
  return {
    prepare: (operation, paths, window) => () => pump(operations, operation, paths, window),
    close: () => zookeeper.close(),
  };
}
