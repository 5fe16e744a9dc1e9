import { Namespace } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';

/** Path of a znode without namespace: that by which `keeper.zookeeper` knows it. */
export function realPath({ namespace }: Keeper, path: string): string {
  return new Namespace(namespace).toReal(path);
}
