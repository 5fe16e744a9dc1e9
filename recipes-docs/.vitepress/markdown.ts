import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { MarkdownEnv, MarkdownRenderer } from 'vitepress';
import { guides } from '../guides.mjs';
import { renderDemo } from '../pictures/demo.js';
import { figure, pictureLanguages, pictureWidths } from '../pictures/picture.js';
import { apiLink, apiPages } from './api-pages.js';
import { linkOnSite } from './repository-links.js';
import { pagesFolder, root } from './site.js';

/** What the pages of this site have beside common Markdown. */
export function extendMarkdown(md: MarkdownRenderer): void {
  renderPictures(md);
  breakLongNames(md);
  includeReadme(md);
  linkToRepository(md);
  linkGuides(md);
  linkApi(md);
}

/** Renders blocks in one of the languages of pictures. */
function renderPictures(md: MarkdownRenderer): void {
  const other = md.renderer.rules.fence;
  if (other === undefined) throw new Error('expected a renderer of fenced blocks, received none');
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const { info, content } = tokens[index] as (typeof tokens)[number];
    const render = pictureLanguages.get(info.trim());
    return render === undefined ? other(tokens, index, ...rest) : figure(render, content);
  };
}

/** Lets long names in running text and tables be broken where their parts meet: `ZK_NO_AUTH` after an underscore, `NoAuthError` before a capital. */
function breakLongNames(md: MarkdownRenderer): void {
  const other = md.renderer.rules.code_inline;
  if (other === undefined) throw new Error('expected a renderer of code in lines, received none');
  md.renderer.rules.code_inline = (...args) =>
    other(...args).replaceAll(/(?<=[>\s])[^\s<>&]{13,}/g, (name) =>
      name.replaceAll(/(?<=[a-z])(?=[A-Z])|(?<=[_.(/,])(?=\w)/g, '<wbr>'),
    );
}

/** Puts the first program and the output of the demo, both of the README, in the place of comments that name them. */
function includeReadme(md: MarkdownRenderer): void {
  const readme = readFileSync(`${root}README.md`, 'utf8');
  const program = [...readme.matchAll(/^```ts\n.*?^```$/gms)].find(([block]) =>
    block.includes('new LeaderLatch('),
  )?.[0];
  if (program === undefined) throw new Error('README.md: expected a program with a LeaderLatch, received none');
  md.core.ruler.before('normalize', 'include-readme', (state) => {
    state.src = state.src
      .replace('<!-- README.md: the first program -->', program)
      .replace('<!-- README.md: the demo, as a picture -->', () =>
        figure(renderDemo, readme, { ...pictureWidths, wide: 1_000 }),
      );
  });
}

/** Has links to files of the repository lead to their pages on the site, or to the repository. */
function linkToRepository(md: MarkdownRenderer): void {
  md.core.ruler.after('inline', 'link-to-repository', (state) => {
    const { relativePath } = state.env as MarkdownEnv;
    if (isGenerated(relativePath)) return;
    for (const token of state.tokens.flatMap(({ children }) => children ?? [])) {
      const href = token.type === 'link_open' ? token.attrGet('href') : null;
      if (href === null || !/^(?:\.\.\/|https:)/.test(href)) continue;
      token.attrSet('href', linkOnSite(href, posix.join(pagesFolder, relativePath)));
    }
  });
}

/** Says below the title of a guide what of the API it is about. */
function linkGuides(md: MarkdownRenderer): void {
  md.core.ruler.before('normalize', 'link-guides', (state) => {
    const entries = guides[(state.env as MarkdownEnv).relativePath.replace(/\.md$/, '')];
    if (entries === undefined) return;
    const modules = [...new Set(entries.map((entry) => /^(?:@[\w-]+\/)?[\w-]+/.exec(entry)?.[0] as string))];
    const packages = modules.map((name) => `[\`${name}\`](/packages/${name.replace('@zk-recipes/', '')})`);
    const links = entries.map(apiLink).map(({ text, link }) => `[\`${text}\`](${link})`);
    const line = `<div class="page-links">\n\nPackage: ${packages.join(', ')} · API: ${links.join(', ')}\n\n</div>`;
    state.src = state.src.replace(/^# .+$/m, `$&\n\n${line}`);
  });
}

/** Links the names of classes and interfaces to the API: each where a section names it first. */
function linkApi(md: MarkdownRenderer): void {
  md.core.ruler.after('inline', 'link-api', (state) => {
    const { relativePath } = state.env as MarkdownEnv;
    if (relativePath.startsWith('api/')) return;
    const seen = new Set<string>();
    const home =
      guides[relativePath.replace(/\.md$/, '')]?.[0] ?? `@zk-recipes/${posix.basename(relativePath, '.md')}/`;
    for (const [index, block] of state.tokens.entries()) {
      const heading = state.tokens[index - 1];
      if (heading?.type === 'heading_open') {
        if (heading.tag === 'h2') seen.clear();
        continue;
      }
      if (block.type !== 'inline' || block.children === null) continue;
      let depth = 0;
      block.children = block.children.flatMap((token) => {
        if (token.type === 'link_open') depth += 1;
        if (token.type === 'link_close') depth -= 1;
        if (token.type !== 'code_inline' || depth > 0 || seen.has(token.content)) return [token];
        const pages = apiPages.filter(({ name }) => name === token.content);
        const page = pages.find(({ module }) => home.startsWith(`${module}/`)) ?? pages[0];
        if (page === undefined) return [token];
        seen.add(token.content);
        const open = new state.Token('link_open', 'a', 1);
        open.attrSet('href', page.link);
        return [open, token, new state.Token('link_close', 'a', -1)];
      });
    }
  });
}

function isGenerated(relativePath: string): boolean {
  return /^(?:api|packages|examples)\//.test(relativePath);
}
