import { Namespace } from '../execution/namespace.js';
import type { Keeper } from '../keeper.js';

/** Returns the path of a znode with its namespace, as `keeper.zookeeper` expects it. */
export function realPath({ namespace }: Keeper, path: string): string {
  return new Namespace(namespace).toReal(path);
}
