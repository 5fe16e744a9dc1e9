import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.xml': 'application/xml',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
};

/**
 * Serves a folder on the loopback interface, below a base path, as GitHub Pages does: `/x` is `x.html`, `/x/` is `x/index.html`.
 *
 * @returns its address with the base path, and a function that ends it
 */
export async function serve(folder, base) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://localhost').pathname);
    const file = path.startsWith(base) ? normalize(`/${path.slice(base.length)}`) : undefined;
    const candidates = file === undefined ? [] : file.endsWith('/') ? [`${file}index.html`] : [file, `${file}.html`];
    for (const candidate of candidates) {
      try {
        const body = await readFile(join(folder, candidate));
        response
          .writeHead(200, {
            'content-type': types[extname(candidate)] ?? 'application/octet-stream',
            // Every page has the same scripts.
            'cache-control': 'max-age=600',
          })
          .end(body);
        return;
      } catch (error) {
        if (!['ENOENT', 'EISDIR', 'ENOTDIR'].includes(error.code)) throw error;
      }
    }
    response.writeHead(404, { 'content-type': 'text/plain' }).end(`Not found: ${path}`);
  });
  await new Promise((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${server.address().port}${base}`;
  const close = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { address, close };
}
