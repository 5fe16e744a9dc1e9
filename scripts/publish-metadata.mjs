/**
 * Writes the address of the repository wherever it is needed: into `package.json` of every package and of the root, and into the links of
 * documents. `node scripts/publish-metadata.mjs` writes; `test/publishing.test.ts` checks that nothing is left to write.
 *
 * To move the repository, change `REPOSITORY` and run this script.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The address of the repository: no other file is edited by hand to change it. */
export const REPOSITORY = 'https://github.com/zk-recipes/zk-recipes';

/** The branch to which links in documents lead. */
const BRANCH = 'main';

const AUTHOR = 'The zk-recipes contributors';

/** Documents and settings in which addresses are kept up to date, besides the READMEs of packages. */
const DOCUMENTS = /\.(?:md|yml|json|ts|mjs)$/;

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The fields of a `package.json` that npm shows or needs to publish it.
 *
 * @param {string} folder the package's folder below the root; `''` for the root, which is not published
 * @param {string} repository the address of the repository
 */
export function metadataOf(folder, repository = REPOSITORY) {
  return {
    homepage: folder === '' ? `${repository}#readme` : `${repository}/tree/${BRANCH}/${folder}#readme`,
    bugs: { url: `${repository}/issues` },
    repository: { type: 'git', url: `git+${repository}.git`, ...(folder === '' ? {} : { directory: folder }) },
    author: AUTHOR,
    ...(folder === '' ? {} : { publishConfig: { access: 'public', provenance: true } }),
  };
}

/**
 * The text of a `package.json` with the metadata, behind its licence.
 *
 * @param {string} text
 * @param {string} folder
 * @param {string} repository
 */
export function withMetadata(text, folder, repository = REPOSITORY) {
  const metadata = metadataOf(folder, repository);
  const fields = Object.entries(JSON.parse(text)).filter(([name]) => !(name in metadata));
  const at = fields.findIndex(([name]) => name === 'license') + 1;
  const ordered = [...fields.slice(0, at), ...Object.entries(metadata), ...fields.slice(at)];
  return `${JSON.stringify(Object.fromEntries(ordered), undefined, 2)}\n`;
}

/**
 * The text of a package's README with links that also work outside of the repository, on npm's page for example.
 *
 * @param {string} text
 * @param {string} folder the package's folder below the root
 * @param {string} repository
 */
export function withAbsoluteLinks(text, folder, repository = REPOSITORY) {
  return text.replace(/\]\((\.[^)#]*)(#[^)]*)?\)/g, (_, path, anchor = '') => {
    const target = posix.join(folder, path).replace(/\/$/, '');
    const kind = posix.extname(target) === '' ? 'tree' : 'blob';
    return `](${repository}/${kind}/${BRANCH}/${target}${anchor})`;
  });
}

/**
 * The files of the repository that this script would change, each with its new text.
 *
 * @param {string} repository
 * @returns {{ path: string, text: string }[]}
 */
export function changes(repository = REPOSITORY) {
  const read = (path) => readFileSync(join(root, path), 'utf8');
  const former = JSON.parse(read('package.json')).repository?.url.replace(/^git\+(.*)\.git$/, '$1') ?? repository;
  const folders = readdirSync(join(root, 'packages')).map((name) => `packages/${name}`);
  const manifests = new Map(['', ...folders].map((folder) => [posix.join(folder, 'package.json'), folder]));
  const readmes = new Map(folders.map((folder) => [`${folder}/README.md`, folder]));
  const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root });
  const paths = tracked.toString().split('\n');
  return [...new Set([...paths, ...manifests.keys(), ...readmes.keys()])]
    .filter((path) => DOCUMENTS.test(path) && path !== 'scripts/publish-metadata.mjs' && existsSync(join(root, path)))
    .map((path) => {
      const before = read(path);
      let text = before.replaceAll(former, repository);
      if (manifests.has(path)) text = withMetadata(text, manifests.get(path), repository);
      if (readmes.has(path)) text = withAbsoluteLinks(text, readmes.get(path), repository);
      return { path, before, text };
    })
    .filter(({ before, text }) => text !== before)
    .map(({ path, text }) => ({ path, text }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { path, text } of changes()) {
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}
