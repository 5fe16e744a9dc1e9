import { existsSync, readdirSync } from 'node:fs';
import { pagesFolder, root } from './site.js';

const api = `${root}${pagesFolder}/api`;

/** A class or an interface that has a page of its own. */
export interface ApiPage {
  /** The module that exports it, such as `@zk-recipes/core/recipe-kit`. */
  readonly module: string;
  readonly name: string;
  readonly kind: 'classes' | 'interfaces';
  readonly link: string;
}

/** All pages of classes and interfaces, in the order of their paths. */
export const apiPages: readonly ApiPage[] = existsSync(api)
  ? readdirSync(api, { recursive: true, encoding: 'utf8' })
      .sort()
      .flatMap((path): ApiPage[] => {
        const [, module, kind, name] = /^(.+)\/(classes|interfaces)\/(\w+)\.md$/.exec(path) ?? [];
        if (module === undefined || name === undefined) return [];
        return [{ module, name, kind: kind as ApiPage['kind'], link: `/api/${module}/${kind}/${name}` }];
      })
  : [];

/** The page of an entry of `guides`: of a module, or of what it exports. */
export function apiLink(entry: string): { text: string; link: string } {
  const page = apiPages.find(({ module, name }) => `${module}/${name}` === entry);
  if (page !== undefined) return { text: page.name, link: page.link };
  if (existsSync(`${api}/${entry}/index.md`)) return { text: entry, link: `/api/${entry}/` };
  throw new Error(`guides.mjs: expected a class, an interface or a module of the API, received '${entry}'`);
}

/** An entry of the navigation for a module, with its classes below it. */
export function apiNavigation(module: string): {
  text: string;
  link: string;
  collapsed: true;
  items: { text: string; link: string }[];
} {
  const classes = apiPages.filter((page) => page.module === module && page.kind === 'classes');
  return {
    text: module,
    link: `/api/${module}/`,
    collapsed: true,
    items: classes.map(({ name, link }) => ({ text: name, link })),
  };
}
