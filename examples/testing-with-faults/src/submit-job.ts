import { ConnectionLossError, type ZooKeeper } from 'zookeeper-ts-client';

/**
 * Submits a job exactly once, whatever the network does: the znode's name begins with the job's id, so that after a lost
 * connection it can be seen whether the job is there.
 *
 * @param folder where jobs are, one znode each; it must exist
 * @param id of the job, never used for another
 * @returns path of the job's znode
 */
export async function submitJob(zk: ZooKeeper, folder: string, id: string, data: string): Promise<string> {
  for (;;) {
    try {
      const { path } = await zk.create(`${folder}/${id}-`, data, { mode: 'PERSISTENT_SEQUENTIAL' });
      return path;
    } catch (error) {
      if (!(error instanceof ConnectionLossError)) throw error;
      const existing = error.outcome === 'unknown' ? await findJob(zk, folder, id) : undefined;
      if (existing !== undefined) return `${folder}/${existing}`;
    }
  }
}

async function findJob(zk: ZooKeeper, folder: string, id: string): Promise<string | undefined> {
  for (;;) {
    try {
      const { children } = await zk.getChildren(folder);
      return children.find((name) => name.startsWith(`${id}-`));
    } catch (error) {
      // Reading is safe to repeat.
      if (!(error instanceof ConnectionLossError)) throw error;
    }
  }
}
