import type { Clock } from '@hive/shared-db';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pause } from '../pause.ts';
import { Refusal } from '../refusal.ts';

/** How long a client may take to send a request: it comes from this machine. */
const REQUEST_TIMEOUT_MS = 30_000;

/** Where to listen. Port 0 lets the system choose one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A port of this machine. It is taken before anything else is opened, so a port in use costs nothing; until there is somebody to
 * answer, requests are told to come back.
 */
export class Listener {
  readonly #server: Server;
  readonly url: string;
  #handler: RequestListener = answerStarting;

  private constructor(server: Server, host: string) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
    server.on('request', (request, response) => {
      this.#handler(request, response);
    });
  }

  /** Throws a `Refusal` when the port cannot be had. */
  static async open({ host, port }: Address): Promise<Listener> {
    const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS });
    try {
      server.listen({ host, port, exclusive: true });
      await once(server, 'listening');
      return new Listener(server, host);
    } catch (error) {
      throw new Refusal(`port ${port} on ${host} ${faultOf(error)}`, { cause: error });
    }
  }

  answerWith(handler: RequestListener): void {
    this.#handler = handler;
  }

  /** Takes no more requests, lets those in hand be answered for `graceMs`, then hangs up. */
  async close(clock: Clock, graceMs: number): Promise<void> {
    const closed = new AbortController();
    this.#server.close(() => {
      closed.abort();
    });
    this.#server.closeIdleConnections();
    await pause(clock, graceMs, closed.signal);
    this.#server.closeAllConnections();
  }
}

function answerStarting(...[, response]: Parameters<RequestListener>): void {
  const body = JSON.stringify({ code: 'STARTING', message: 'The orchestrator is starting.' });
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' }).end(body);
}

function faultOf(error: unknown): string {
  const { code } = error as { readonly code?: unknown };
  switch (code) {
    case 'EADDRINUSE':
      return 'is in use by another process: give another one with --port';
    case 'EACCES':
      return 'is not for this user: give one above 1023 with --port';
    default:
      return `cannot be listened on (${String(code)})`;
  }
}
