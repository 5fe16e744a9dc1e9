import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SiteConfig } from 'vitepress';
import { siteAddress } from './site.js';

/** Sections of `llms.txt`, and which pages are in them, by their paths. */
const sections: readonly (readonly [string, RegExp])[] = [
  ['Guides', /^[\w-]+\.md$/],
  ['Packages', /^packages\//],
  ['Examples', /^examples\//],
  ['API', /^api\/.*index\.md$/],
];

/** Writes `llms.txt`, an index of the site for language models, and beside each page that it names the page's Markdown. */
export function writeLlms({ pages, srcDir, outDir, site }: SiteConfig): void {
  const lines = [`# ${site.title}`, '', `> ${site.description}`];
  for (const [title, pattern] of sections) {
    lines.push('', `## ${title}`, '');
    for (const page of pages.filter((path) => pattern.test(path) && path !== 'index.md').sort()) {
      const text = readFileSync(`${srcDir}/${page}`, 'utf8').replace(/^---\n.*?\n---\n+/s, '');
      mkdirSync(dirname(`${outDir}/${page}`), { recursive: true });
      writeFileSync(`${outDir}/${page}`, text);
      const summary = summaryOf(text);
      lines.push(`- [${titleOf(text) ?? page}](${siteAddress}${page})${summary === '' ? '' : `: ${summary}`}`);
    }
  }
  writeFileSync(`${outDir}/llms.txt`, `${lines.join('\n')}\n`);
}

/** The title of a page's text. */
function titleOf(text: string): string | undefined {
  return /^# (.+)$/m.exec(text)?.[1]?.replaceAll('\\', '');
}

/** The first paragraph below a page's title, without its markup; empty where it begins with something else. */
export function summaryOf(text: string): string {
  const first = text
    .replace(/<div class="page-links">.*?<\/div>/gs, '')
    .split(/\n{2,}/)
    .map((paragraph) => paragraph.trim())
    .find((paragraph) => paragraph !== '' && !/^(?:#|---)/.test(paragraph));
  if (first === undefined || !/^[\p{L}`*[]/u.test(first)) return '';
  return first
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[`*\\]/g, '')
    .replaceAll(/\s+/g, ' ');
}
