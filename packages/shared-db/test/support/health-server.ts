import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHealthHandler, type HealthHandlerOptions } from '@hive/shared-db/http';

interface Response {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether to say which host is meant. Default true; HTTP/1.0 does not. */
  readonly setHost?: boolean;
}

/** A real HTTP server with the health handler in front of an application that answers 418 to everything else. */
export interface HealthServer extends AsyncDisposable {
  ask(path: string, asking?: Asking): Promise<Response>;
}

export async function healthServer(options: HealthHandlerOptions): Promise<HealthServer> {
  const handle = createHealthHandler(options);
  const server = createServer({ requireHostHeader: false }, (incoming, response) => {
    if (!handle(incoming, response)) response.writeHead(418).end('the application');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    ask: (path, { method = 'GET', headers = {}, setHost = true } = {}) =>
      new Promise((resolve, reject) => {
        const to = { host: '127.0.0.1', port, path, method, headers, setHost, agent: false };
        const outgoing = request(to, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const body = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
          });
        });
        outgoing.on('error', reject);
        outgoing.end();
      }),
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
