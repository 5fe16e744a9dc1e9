import { readFileSync } from 'node:fs';
import { PageEvent } from 'typedoc';
import { guides } from './guides.mjs';

/** A plugin of TypeDoc: links from the pages of the API to the guides, as `guides.mjs` has them. */
export function load(app) {
  app.renderer.on(PageEvent.END, (page) => {
    if (typeof page.contents !== 'string') return;
    const entry = page.url.replace(/\/index\.md$/, '').replace(/\/(?:classes|interfaces)\/(\w+)\.md$/, '/$1');
    const names = Object.keys(guides).filter((guide) => isAbout(guides[guide], entry));
    if (names.length === 0) return;
    const links = names.map((name) => `[${titleOf(name)}](/${name})`).join(' · ');
    const line = `<div class="page-links">\n\n${names.length === 1 ? 'Guide' : 'Guides'}: ${links}\n\n</div>`;
    page.contents = page.contents.replace(/^# .+$/m, `$&\n\n${line}`);
  });
}

/** Whether a guide is about what an entry names; about a module if it is about anything in it. */
function isAbout(entries, entry) {
  return entries.some((name) => name === entry || name.replace(/\/\w+$/, '') === entry);
}

function titleOf(guide) {
  const text = readFileSync(new URL(`${guide}.md`, import.meta.url), 'utf8');
  return /^# (.+)$/m.exec(text)[1];
}
