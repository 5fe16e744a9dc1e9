import { fileURLToPath } from 'node:url';
import { PeerProcess } from '@zk-recipes/test-support';
import { compileForPeers } from './holding-peers.js';

const script = fileURLToPath(new URL('queue-taker.mjs', import.meta.url));

/** Somebody in a Node process of its own who takes from a queue, and settles nothing. @see queue-taker.mjs for what it says */
export const QueueProcess = {
  async start(
    server: string,
    path: string,
    sessionTimeoutMs: number,
    kind: 'queue' | 'ahead' | 'simple',
  ): Promise<PeerProcess> {
    compileForPeers();
    const process = await PeerProcess.run('node', [script, server, path, String(sessionTimeoutMs), kind]);
    await process.receive({ event: 'ready' });
    return process;
  },
};
