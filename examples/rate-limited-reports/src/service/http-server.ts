import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { TooManyWaitersError } from '@zk-recipes/locks';
import type { Reports } from './reports.js';

/** When somebody who was sent away may try again, in seconds. */
const RETRY_AFTER_S = '5';

/**
 * `POST /reports/<name>`: the report, or 429, "busy, try later". With `?wait`, JSON lines: the position in the line, each time that it
 * changes, and then the report. `GET /status`; `PUT /limit/<number>`.
 */
export function createHttpServer(reports: Reports): Server {
  return createServer((request, response) => {
    answer(reports, request, response).catch((error: Error) => {
      if (response.closed) return;
      // Once lines have been sent it is too late for a status.
      if (!response.headersSent) response.writeHead(503, { 'content-type': 'application/json' });
      response.end(line({ error: error.message }));
    });
  });
}

async function answer(reports: Reports, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const [, what, argument = ''] = pathname.split('/');
  switch (`${request.method} ${what}`) {
    case 'POST reports':
      return await order(reports, argument, searchParams.has('wait'), response);
    case 'GET status':
      return send(response, 200, await reports.status());
    case 'PUT limit':
      if (!/^\d{1,4}$/.test(argument)) return send(response, 400, { error: 'Expected /limit/<number>' });
      await reports.setLimit(Number(argument));
      return send(response, 200, { limit: Number(argument) });
    default:
      return send(response, 404, { error: 'There are POST /reports/<name>, GET /status and PUT /limit/<number>' });
  }
}

async function order(reports: Reports, name: string, mayWait: boolean, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  // Who hangs up leaves the line, or gives the lease back.
  response.once('close', () => gone.abort());
  const onQueued = (position: number): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    response.write(line({ position }));
  };
  try {
    const report = await reports.order({ name, gone: gone.signal, ...(mayWait ? { onQueued } : {}) });
    if (report === null) return busy(response);
    if (response.headersSent) response.end(line({ report }));
    else send(response, 200, { report });
  } catch (error) {
    if (!(error instanceof TooManyWaitersError)) throw error;
    busy(response);
  }
}

function busy(response: ServerResponse): void {
  response.setHeader('retry-after', RETRY_AFTER_S);
  send(response, 429, { error: 'busy, try later' });
}

function send(response: ServerResponse, statusCode: number, body: object): void {
  response.writeHead(statusCode, { 'content-type': 'application/json' }).end(line(body));
}

function line(body: object): string {
  return `${JSON.stringify(body)}\n`;
}
