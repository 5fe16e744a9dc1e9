import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the site is published, with a slash at its end. The site's pages expect to be served below the path of this address. */
export const siteAddress = 'https://zk-recipes.github.io/zk-recipes/';

/** Where the repository is. */
export const repositoryAddress = 'https://github.com/zk-recipes/zk-recipes';

/** The repository's root folder on this machine, with a slash at its end. */
export const root: string = fileURLToPath(new URL('../..', import.meta.url));

/** The folder of the site's pages, below the root. */
export const pagesFolder = 'recipes-docs';

/** The version of the packages that the site describes. */
export const version: string = JSON.parse(readFileSync(`${root}packages/core/package.json`, 'utf8')).version;
