import { received, type WatchedEvent } from 'zookeeper-ts-client';

/** Hears of a change of a watched znode. */
export type WatchFunction = (event: WatchedEvent) => void;

/** A root below which all paths of a `Keeper` lie: translates between its users' paths and the real ones. Pure. */
export class Namespace {
  /** Real path of the root; empty when it is the root of all. */
  readonly root: string;

  /** @param name segments without a leading or trailing `/`, e.g. `billing` or `apps/billing`; empty for none */
  constructor(name: string) {
    this.root = name === '' ? '' : `/${name}`;
  }

  /**
   * @param path as a user of the namespace gives it
   * @throws {TypeError} it is not a string that begins with `/`
   */
  toReal(path: string): string {
    if (typeof path !== 'string' || !path.startsWith('/')) {
      throw new TypeError(`Expected \`path\` to start with '/', got ${received(path)}`);
    }
    if (this.root === '') return path;
    return path === '/' ? this.root : this.root + path;
  }

  /** The real path of a znode that is to be created: of one below `/` it is only the number or the prefix that makes the name. */
  toRealChild(path: string): string {
    return path === '/' ? `${this.root}/` : this.toReal(path);
  }

  /** @param path a real path; returned as it is when it lies outside */
  fromReal(path: string): string {
    if (this.root === '' || !path.startsWith(this.root)) return path;
    if (path.length === this.root.length) return '/';
    return path[this.root.length] === '/' ? path.slice(this.root.length) : path;
  }

  /** The event as a user of the namespace is to see it. */
  localEvent(event: WatchedEvent): WatchedEvent {
    if (this.root === '' || event.path === null) return event;
    return { ...event, path: this.fromReal(event.path) };
  }
}

/** @throws {RangeError} not the name of a namespace */
export function checkNamespace(name: string): string {
  if (name !== '' && name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw new RangeError(
      `Expected \`namespace\` to be znode names joined by '/', without one at either end, got '${name}'`,
    );
  }
  return name;
}

/** Path of the parent; `/` is its own. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** Name of the znode: what follows the last `/`. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Paths of all ancestors but `/`, the topmost first. */
export function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let end = path.indexOf('/', 1); end > 0; end = path.indexOf('/', end + 1)) ancestors.push(path.slice(0, end));
  return ancestors;
}

/** Path of a child. */
export function childOf(path: string, name: string): string {
  return path === '/' ? `/${name}` : `${path}/${name}`;
}
