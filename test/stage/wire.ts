import type { TcpProxy } from '@zk-recipes/test-support';
import { OpCode } from 'zookeeper-ts-client/protocol';

/** Requests that faults are aimed at, by the number that they have on the wire. */
export const wire = {
  create: OpCode.create2,
  createContainer: OpCode.createContainer,
  delete: OpCode.delete,
  exists: OpCode.exists,
  getData: OpCode.getData,
  getChildren: OpCode.getChildren2,
  sync: OpCode.sync,
  multi: OpCode.multi,
  setWatches: OpCode.setWatches,
  setWatches2: OpCode.setWatches2,
  removeWatches: OpCode.removeWatches,
} as const;

/** Number of requests that some work sends, by the name of the operation; pings are left out. */
export async function requestsDuring(proxy: TcpProxy, work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = new Map(proxy.requests);
  await work();
  const names = new Map(Object.entries(OpCode).map(([name, code]) => [code as number, name]));
  const sent: Record<string, number> = {};
  for (const [op, count] of proxy.requests) {
    const during = count - (before.get(op) ?? 0);
    if (op !== OpCode.ping && during > 0) sent[names.get(op) ?? String(op)] = during;
  }
  return sent;
}
