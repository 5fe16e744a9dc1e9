import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { apiNavigation } from './api-pages.js';
import { summaryOf, writeLlms } from './llms.js';
import { extendMarkdown } from './markdown.js';
import { writeRepositoryPages } from './repository-pages.js';
import { pagesFolder, repositoryAddress, siteAddress, version } from './site.js';

const base = new URL(siteAddress).pathname;
const [packages, examples] = [writeRepositoryPages('packages'), writeRepositoryPages('examples')];

export default defineConfig({
  title: 'zk-recipes',
  description:
    'Coordination recipes on Apache ZooKeeper for TypeScript: leader election, locks, barriers, queues, two-phase commit',
  base,
  cleanUrls: true,
  lang: 'en',
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: `${base}favicon.svg` }]],
  sitemap: { hostname: siteAddress },
  markdown: { config: extendMarkdown },
  transformPageData({ relativePath, frontmatter }, { siteConfig }) {
    const source = frontmatter['source'] ?? `${pagesFolder}/${relativePath}`;
    const isOfApi = relativePath.startsWith('api/');
    const summary = summaryOf(
      readFileSync(`${siteConfig.srcDir}/${relativePath}`, 'utf8').replace(/^---\n.*?\n---\n+/s, ''),
    );
    return {
      ...(relativePath === 'index.md' || summary === '' ? {} : { description: summary }),
      // The pages of the API are made from the sources: there is no text to edit.
      frontmatter: {
        ...frontmatter,
        ...(isOfApi ? { editLink: false } : { edit: `${repositoryAddress}/edit/main/${source}` }),
      },
    };
  },
  buildEnd: writeLlms,
  // Addresses for readers of their own server, not links.
  ignoreDeadLinks: 'localhostLinks',
  // All pages of the API are in the index of the search.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Recipes', link: '/leader-latch', activeMatch: '^/[\\w-]+$' },
      { text: 'Examples', link: '/examples/leader-election-service', activeMatch: '^/examples/' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      {
        text: `v${version}`,
        items: [
          { text: 'Versions and stability', link: '/versions' },
          { text: 'Releases', link: `${repositoryAddress}/releases` },
          { text: 'Contributing', link: `${repositoryAddress}/blob/main/CONTRIBUTING.md` },
        ],
      },
    ],
    socialLinks: [{ icon: 'github', link: repositoryAddress }],
    editLink: { text: 'Edit this page', pattern: ({ frontmatter }) => frontmatter['edit'] },
    outline: { level: [2, 3] },
    sidebar: [
      {
        text: 'Deciding',
        items: [
          { text: 'Choosing a recipe', link: '/choosing-a-recipe' },
          { text: 'Beside other systems', link: '/comparison' },
          { text: 'Migrating', link: '/migrating' },
          { text: 'Benchmarks', link: '/benchmarks' },
          { text: 'Questions and answers', link: '/faq' },
        ],
      },
      {
        text: 'Recipes',
        items: [
          { text: 'Leader latch', link: '/leader-latch' },
          { text: 'Leader selector', link: '/leader-selector' },
          { text: 'Mutex', link: '/mutex' },
          { text: 'Read/write lock', link: '/read-write-lock' },
          { text: 'Semaphore', link: '/semaphore' },
          { text: 'Multi-lock', link: '/multi-lock' },
          { text: 'Revocation', link: '/revocation' },
          { text: 'Barrier', link: '/barrier' },
          { text: 'Double barrier', link: '/double-barrier' },
          { text: 'Queue', link: '/queue' },
          { text: 'Priority queue', link: '/priority-queue' },
          { text: 'Delay queue', link: '/delay-queue' },
          { text: 'Queue with ids', link: '/id-queue' },
          { text: 'Sharded queue', link: '/sharded-queue' },
          { text: 'Simple queue', link: '/simple-queue' },
          { text: 'Two-phase commit', link: '/two-phase-commit' },
        ],
      },
      {
        text: 'What recipes share',
        items: [
          { text: 'Holds', link: '/holds' },
          { text: 'Unknown outcomes', link: '/unknown-outcomes' },
          { text: 'Connection states', link: '/connection-states' },
          { text: 'Sessions', link: '/sessions' },
          { text: 'Security', link: '/security' },
          { text: 'Graceful shutdown', link: '/graceful-shutdown' },
          { text: 'Troubleshooting', link: '/troubleshooting' },
          { text: 'Versions and stability', link: '/versions' },
        ],
      },
      {
        text: 'In production',
        items: [
          { text: 'Session timeouts', link: '/session-timeouts' },
          { text: 'Production checklist', link: '/production-checklist' },
          { text: 'A blocked event loop', link: '/blocked-event-loop' },
          { text: 'A lock around a cron job', link: '/cron' },
        ],
      },
      {
        text: 'Testing',
        items: [
          { text: 'Test server', link: '/test-server' },
          { text: 'Testing with fake time', link: '/testing-with-fake-time' },
        ],
      },
      { text: 'Examples', collapsed: false, items: examples },
      { text: 'Packages', collapsed: true, items: packages },
      {
        text: 'API',
        items: [
          '@zk-recipes/leader-election',
          '@zk-recipes/locks',
          '@zk-recipes/barriers',
          '@zk-recipes/queues',
          '@zk-recipes/two-phase-commit',
          '@zk-recipes/two-phase-commit/postgres',
          '@zk-recipes/two-phase-commit/testing',
          '@zk-recipes/core',
          '@zk-recipes/core/recipe-kit',
          '@zk-recipes/test-server',
          'zookeeper-ts-client',
        ].map(apiNavigation),
      },
    ],
    footer: { message: 'Apache-2.0' },
  },
});
