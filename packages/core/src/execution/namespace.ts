import { received, type WatchedEvent } from 'zookeeper-ts-client';

/** Function that receives changes of a watched znode. */
export type WatchFunction = (event: WatchedEvent) => void;

/** Root that contains all paths of a `Keeper`; translates between the paths of its users and real paths. Pure. */
export class Namespace {
  /** Real path of the root; empty if there is no namespace. */
  readonly root: string;

  /** @param name segments without a leading or trailing `/`, e.g. `billing` or `apps/billing`; empty for none */
  constructor(name: string) {
    this.root = name === '' ? '' : `/${name}`;
  }

  /**
   * @param path path relative to the namespace
   * @throws {TypeError} when `path` is not a string that begins with `/`
   */
  toReal(path: string): string {
    if (typeof path !== 'string' || !path.startsWith('/')) {
      throw new TypeError(`Expected \`path\` to start with '/', got ${received(path)}`);
    }
    if (this.root === '') return path;
    return path === '/' ? this.root : this.root + path;
  }

  /** Returns the real path of a znode to create. For a create below `/`, the name consists only of the number or the prefix. */
  toRealChild(path: string): string {
    return path === '/' ? `${this.root}/` : this.toReal(path);
  }

  /** @param path real path; a path outside the namespace is returned unchanged */
  fromReal(path: string): string {
    if (this.root === '' || !path.startsWith(this.root)) return path;
    if (path.length === this.root.length) return '/';
    return path[this.root.length] === '/' ? path.slice(this.root.length) : path;
  }

  /** Returns the event with the path that a user of the namespace sees. */
  localEvent(event: WatchedEvent): WatchedEvent {
    if (this.root === '' || event.path === null) return event;
    return { ...event, path: this.fromReal(event.path) };
  }
}

/** @throws {RangeError} when `name` is not a valid namespace */
export function checkNamespace(name: string): string {
  if (name !== '' && name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new RangeError(
      `Expected \`namespace\` to be znode names joined by '/', without one at either end, got '${name}'`,
    );
  }
  return name;
}

/** Returns the path of the parent; `/` is its own parent. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** Returns the name of the znode: the text after the last `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Returns the paths of all ancestors except `/`, the topmost first. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) ancestors.push(path.slice(0, end));
  return ancestors;
}

/** Returns the path of a child. */
export function childOf(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
