import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { withLinksOnSite } from './repository-links.js';
import { pagesFolder, repositoryAddress, root } from './site.js';

/** A page of the site that is made from a README of the repository. */
export interface RepositoryPage {
  readonly text: string;
  readonly link: string;
}

/** Folders of the repository whose READMEs are pages of the site. */
export type RepositoryFolder = 'packages' | 'examples';

/**
 * Writes the READMEs of `packages` or `examples` as pages of the site, with links that work there.
 *
 * @returns the pages, for the navigation
 */
export function writeRepositoryPages(folder: RepositoryFolder): RepositoryPage[] {
  const target = `${root}${pagesFolder}/${folder}`;
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target);
  const names = readdirSync(root + folder).filter((name) => existsSync(`${root}${folder}/${name}/README.md`));
  return names.map((name) => {
    const source = `${folder}/${name}/README.md`;
    const text = withLinksOnSite(readFileSync(root + source, 'utf8'), source);
    const sources = `Sources: [${folder}/${name}](${repositoryAddress}/tree/main/${folder}/${name})`;
    const page = text.replace(/^(# .+)$/m, `$1\n\n<div class="page-links">\n\n${sources}\n\n</div>`);
    writeFileSync(`${target}/${name}.md`, `---\nsource: ${source}\n---\n\n${page}`);
    const title = /^# (.+)$/m.exec(text)?.[1] ?? name;
    return { text: title, link: `/${folder}/${name}` };
  });
}
