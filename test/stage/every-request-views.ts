import { PATH, type Remains } from './every-request-performance.js';
import { withoutNumber } from './every-request-seen.js';

/** Everything counts: what was done once must not have been done twice. */
export function exactly(remains: Remains): Remains {
  return remains;
}

/** All but how often something changed, and which number it was. */
export function unversioned({ tree, ...remains }: Remains): Remains {
  const lines = tree.map((line) => withoutNumber(line).replace(/ v\d+ c\d+$/, ''));
  return { ...remains, tree: lines };
}

/** Empty containers and the directory itself do not count, nor how often something changed. */
export function bare({ tree, ...remains }: Remains): Remains {
  const isPlace = (line: string): boolean => {
    const [path, kind] = line.split(' ');
    return kind === 'container' || PATH.startsWith(String(path));
  };
  const tenants = tree.filter((line) => !isPlace(line));
  const isInhabited = (line: string): boolean => tenants.some((other) => other.startsWith(`${line.split(' ')[0]}/`));
  const kept = tree.filter((line) => !isPlace(line) || isInhabited(line));
  return unversioned({ ...remains, tree: kept });
}
