import { existsSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { pagesFolder, repositoryAddress, root, siteAddress } from './site.js';

/**
 * Where a link of a document leads on the site: to a page of the site where the repository's file is one, else to the file in the
 * repository.
 *
 * @param href the link, as the document has it
 * @param document path of the document below the root
 * @throws Error when there is no such file
 */
export function linkOnSite(href: string, document: string): string {
  const published = href.startsWith(siteAddress) ? `/${href.slice(siteAddress.length)}` : undefined;
  if (published !== undefined) return published;
  const inRepository = new RegExp(`^${repositoryAddress}/(?:blob|tree)/main/(.*)$`).exec(href)?.[1];
  if (inRepository === undefined && /^(?:[a-z]+:|#|\/)/.test(href)) return href;
  const [path = '', anchor] = (inRepository ?? posix.join(posix.dirname(document), href)).split('#', 2);
  const hash = anchor === undefined ? '' : `#${anchor}`;
  const file = path.replace(/\/$/, '');
  if (!existsSync(root + file))
    throw new Error(`${document}: expected a file of the repository, received a link to '${href}'`);
  const page = pageOf(file);
  if (page !== undefined) return page + hash;
  return `${repositoryAddress}/${statSync(root + file).isDirectory() ? 'tree' : 'blob'}/main/${file}${hash}`;
}

/** The site's page that shows a file or folder of the repository, if there is one. */
function pageOf(file: string): string | undefined {
  const page = new RegExp(`^${pagesFolder}/([\\w-]+)\\.md$`).exec(file)?.[1];
  if (page !== undefined) return page === 'index' ? '/' : `/${page}`;
  const folder = /^((?:packages|examples)\/[\w-]+)(?:\/README\.md)?$/.exec(file)?.[1];
  return folder !== undefined && existsSync(`${root}${folder}/README.md`) ? `/${folder}` : undefined;
}

/** Rewrites the links of a document, outside of its code, for the site. */
export function withLinksOnSite(text: string, document: string): string {
  let isCode = false;
  return text
    .split('\n')
    .map((line) => {
      if (line.startsWith('```')) isCode = !isCode;
      if (isCode) return line;
      return line.replaceAll(/\]\(([^)\s]+)\)/g, (_, href: string) => `](${linkOnSite(href, document)})`);
    })
    .join('\n');
}
