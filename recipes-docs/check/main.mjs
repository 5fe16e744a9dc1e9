/**
 * `npm run docs:check`, on the site as it was built: opens every page in a headless Chromium, at three widths, and searches. Fails for a
 * page that is not there, a dead link or anchor, an error of a page's console, something wider than its column, a picture whose
 * text leaves it, and a search that does not find what it has to.
 *
 * `--screenshots FOLDER` saves pictures of some pages there; `--only TEXT` opens only the pages whose path contains that.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { guides } from '../guides.mjs';
import { Chromium } from './chromium.mjs';
import { measure } from './measure.mjs';
import { serve } from './site-server.mjs';

/** Limit of the whole check, in milliseconds. */
const LIMIT_MS = 20 * 60_000;

/** Widths of a window, in pixels: a telephone, a small screen, a large one. */
const WIDTHS = [390, 1024, 1440];

/** Pages that are open at the same time. */
const TABS = 2;

/** What readers look for, and where they have to find it: a page whose path begins with one of these is among the first results. */
const SEARCHES = {
  'graceful shutdown': ['graceful-shutdown'],
  kubernetes: ['graceful-shutdown', 'production-checklist', 'comparison'],
  cron: ['cron', 'examples/cron-once'],
  metrics: ['connection-states', 'production-checklist', 'queue', 'packages/', 'examples/', 'api/'],
  'session expired': ['sessions', 'connection-states', 'troubleshooting', 'faq'],
  postgres: [
    'examples/fencing-with-postgres',
    'api/@zk-recipes/two-phase-commit/postgres',
    'two-phase-commit',
    'comparison',
  ],
};

const SHOWN = [
  '',
  'mutex',
  'queue',
  'two-phase-commit',
  'holds',
  'examples/cron-once',
  'api/@zk-recipes/locks/classes/Mutex',
];

const { values } = parseArgs({ options: { screenshots: { type: 'string' }, only: { type: 'string', default: '' } } });
const root = fileURLToPath(new URL('../..', import.meta.url));
const dist = join(root, 'recipes-docs/.vitepress/dist');
const constants = readFileSync(join(root, 'recipes-docs/.vitepress/site.ts'), 'utf8');
const constant = (name) =>
  new RegExp(`${name} = '([^']+)'`).exec(constants)?.[1] ?? fail(`site.ts: expected ${name}, received none`);
const [siteAddress, repositoryAddress] = [constant('siteAddress'), constant('repositoryAddress')];

function fail(message) {
  throw new Error(message);
}

/** Paths of all pages below the site's address, as its links have them. */
function pagesOf(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.html') && path !== '404.html')
    .map((path) => path.replace(/(?:^|(?<=\/))index\.html$/, '').replace(/\.html$/, ''))
    .sort();
}

const faults = [];
const report = (page, text) => faults.push(`${page === '' ? '(start page)' : page}: ${text}`);

/** Opens one page, measures it at each width, and keeps its links and anchors. */
async function visit(tab, address, page, visited) {
  await tab.resize(WIDTHS[0]);
  await tab.open(address + page);
  visited.set(
    page,
    await tab.run(() => ({
      title: document.title,
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
      links: [...document.querySelectorAll('a[href]')].map(({ href }) => href),
    })),
  );
  for (const width of WIDTHS) {
    await tab.resize(width);
    for (const text of await tab.run(measure)) report(page, `at ${width} px: ${text}`);
    if (values.screenshots !== undefined && SHOWN.includes(page)) await show(tab, page, width);
  }
  for (const text of tab.complaints) report(page, text);
}

/** Saves pictures of a page, in light and dark. */
async function show(tab, page, width) {
  for (const scheme of ['light', 'dark']) {
    await tab.run((isDark) => document.documentElement.classList.toggle('dark', isDark), scheme === 'dark');
    const name = `${page === '' ? 'start' : page.replaceAll('/', '_')}-${width}-${scheme}.png`;
    writeFileSync(join(values.screenshots, name), await tab.screenshot({ whole: true }));
  }
  await tab.run(() => document.documentElement.classList.remove('dark'));
}

/** Looks where each link leads: to a page and an anchor of the site, a file of it, or a file of the repository. */
function checkLinks(address, pages, visited) {
  for (const [page, { links }] of visited) {
    for (const link of new Set(links)) {
      const own = [address, siteAddress].find((start) => link.startsWith(start));
      if (own !== undefined) {
        const [path, anchor] = link.slice(own.length).split('#').map(decodeURIComponent);
        const target = path.replace(/\.html$/, '').replace(/(?:^|(?<=\/))index$/, '');
        // Of a page that could not be opened that is told already, and its anchors are not known.
        const ids = visited.get(target)?.ids;
        if (!pages.includes(target) && !(path !== '' && existsSync(join(dist, path))))
          report(page, `dead link ${link}`);
        else if (anchor && ids !== undefined && !ids.includes(anchor)) report(page, `dead anchor ${link}`);
      }
      const file = new RegExp(`^${repositoryAddress}/(?:blob|tree|edit)/main/([^#]*)`).exec(link)?.[1];
      if (file !== undefined && !existsSync(join(root, decodeURIComponent(file))))
        report(page, `no such file: ${link}`);
    }
  }
}

/** Looks whether each guide links to the parts of the API that it is about, and they back to it. */
function checkGuides(address, visited) {
  const leads = (from, to) => visited.get(from)?.links.some((link) => link.split('#')[0] === address + to);
  for (const [guide, entries] of Object.entries(guides)) {
    for (const entry of entries) {
      const name = entry.slice(entry.lastIndexOf('/') + 1);
      const module = entry.slice(0, entry.lastIndexOf('/'));
      const candidates = [`api/${module}/classes/${name}`, `api/${module}/interfaces/${name}`, `api/${entry}/`];
      const page = candidates.find((path) => visited.has(path));
      if (page === undefined) report(guide, `no page of the API for ${entry}`);
      else if (!leads(guide, page)) report(guide, `no link to ${page}`);
      else if (!leads(page, guide)) report(page, `no link to ${guide}`);
    }
  }
}

/** Searches as a reader does, by the box in the bar. */
async function search(tab, address, query, expected) {
  await tab.resize(1440);
  await tab.open(address);
  await tab.run(() => document.querySelector('.VPNavBarSearch button').click());
  await tab.until(() => document.querySelector('.VPLocalSearchBox input') !== null);
  await tab.run((text) => {
    const input = document.querySelector('.VPLocalSearchBox input');
    input.value = text;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }, query);
  const found = await tab
    .until(() => {
      const results = [...document.querySelectorAll('.VPLocalSearchBox a.result')].map(({ href }) => href);
      return results.length > 0 && results;
    })
    .catch(() => []);
  const paths = found.map((href) => href.slice(address.length));
  console.log(`  '${query}': ${paths.slice(0, 5).join(', ') || 'nothing'}`);
  const first = paths.slice(0, 8);
  if (!first.some((path) => expected.some((start) => path.startsWith(start)))) {
    report(
      'search',
      `'${query}': expected ${expected.join(' or ')} among the first, received ${first.join(', ') || 'nothing'}`,
    );
  }
  for (const text of tab.complaints) report('search', text);
}

/** Files that are there for programs. */
function checkFiles() {
  for (const name of ['favicon.svg', 'sitemap.xml', 'llms.txt']) {
    if (!existsSync(join(dist, name))) report(name, 'is not there');
  }
  const listed = readFileSync(join(dist, 'llms.txt'), 'utf8').matchAll(/\]\(([^)]+)\)/g);
  for (const [, link] of listed) {
    if (!existsSync(join(dist, link.slice(siteAddress.length)))) report('llms.txt', `dead link ${link}`);
  }
}

async function check(browser, address) {
  const pages = pagesOf(dist);
  const chosen = pages.filter((page) => page.includes(values.only));
  if (values.screenshots !== undefined) mkdirSync(values.screenshots, { recursive: true });
  const visited = new Map();
  const waiting = [...chosen];
  let opened = 0;
  const work = async () => {
    const tab = await browser.newTab();
    for (let page = waiting.shift(); page !== undefined; page = waiting.shift()) {
      await visit(tab, address, page, visited).catch((error) => report(page, error.message));
      opened += 1;
      if (opened % 50 === 0) console.log(`  ${opened} of ${chosen.length}`);
    }
  };
  console.log(`Opens ${chosen.length} pages, at ${WIDTHS.join(', ')} px`);
  await Promise.all(Array.from({ length: TABS }, work));
  checkLinks(address, pages, visited);
  if (values.only !== '') return;
  checkGuides(address, visited);
  checkFiles();
  console.log('Searches');
  const tab = await browser.newTab();
  for (const [query, expected] of Object.entries(SEARCHES)) await search(tab, address, query, expected);
}

const limit = setTimeout(() => {
  console.error(`The check took longer than ${LIMIT_MS / 60_000} minutes`);
  process.exit(1);
}, LIMIT_MS);
const server = await serve(dist, new URL(siteAddress).pathname);
const browser = Chromium.launch();
try {
  await check(browser, server.address);
} finally {
  clearTimeout(limit);
  await browser.close();
  await server.close();
}
for (const fault of faults) console.log(fault);
console.log(faults.length === 0 ? 'The site is as it should be' : `${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
