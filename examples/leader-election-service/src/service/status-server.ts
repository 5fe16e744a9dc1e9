import { createServer, type Server, type ServerResponse } from 'node:http';

/** What the HTTP server tells about the process. */
export interface ServiceStatus {
  readonly name: string;
  readonly pid: number;
  /** What the connection to ZooKeeper is worth. */
  readonly connection: string;
  /** Whether it leads, beyond doubt. */
  readonly leads: boolean;
  /** For how long that is certain. */
  readonly validForMs: number;
  readonly fencingToken: string | null;
  /** Names of all that stand for election, the leader first. */
  readonly candidates: readonly string[];
}

/** What the answers are made from. */
export interface StatusSource {
  /** Whether the process can do its work, be it as the leader or in waiting. */
  isHealthy(): boolean;
  status(): Promise<ServiceStatus>;
}

/** `GET /healthz`, for whoever restarts processes (200 or 503), and `GET /status`, for people. */
export function createStatusServer(source: StatusSource): Server {
  return createServer((request, response) => {
    switch (request.method === 'GET' && request.url) {
      case '/healthz': {
        const healthy = source.isHealthy();
        return answer(response, healthy ? 200 : 503, { healthy });
      }
      case '/status':
        source.status().then(
          (status) => answer(response, 200, status),
          (error: Error) => answer(response, 503, { error: error.message }),
        );
        return;
      default:
        return answer(response, 404, { error: 'Not found: there are GET /healthz and GET /status' });
    }
  });
}

function answer(response: ServerResponse, statusCode: number, body: object): void {
  response.writeHead(statusCode, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
