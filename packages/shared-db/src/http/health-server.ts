import type { Clock, Timer } from '@hive/pool';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from '../logger.ts';
import type { HttpAddress } from '../snapshot.ts';
import type { HealthHandler } from './health-handler.ts';

/** When a port that is taken is tried again: the process that this one replaces may need some seconds to end. */
const RETRY_MS = 5_000;
/** How long the first attempt is waited for: only the look-up of a name takes long. */
const FIRST_ATTEMPT_MS = 2_000;
/** How long a client may take to ask, and how long an idle connection stays: a probe takes milliseconds, a slow one holds a place. */
const PATIENCE_MS = 5_000;
const CHECK_MS = 1_000;
/** How many may be connected at the same time; the next one is hung up on. */
const MAX_CONNECTIONS = 64;
/** What all headers of a request may take together: a probe sends some hundred bytes. */
const MAX_HEADER_BYTES = 8 * 1024;

/** What a health server needs. */
export interface HealthServerOptions {
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  readonly handle: HealthHandler;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told where it serves, or in a sentence of ours why it does not, each time that this changes. */
  readonly changed: (state: HealthServerState) => void;
}

/** Whether it serves. */
export type HealthServerState = { readonly address: HttpAddress } | { readonly failure: string };

/** A port with the health routes behind it. */
export interface HealthServer {
  /** Frees the port; who is being answered is hung up on. Closing it again does nothing. */
  close(): void;
}

/**
 * Opens a port for the health routes, and for nothing else. A port that cannot be had is no reason to fail: it is told, and tried again
 * every five seconds until it is there. Resolves after the first attempt, or after two seconds of it, and never rejects. Does not keep the process alive.
 */
export async function startHealthServer(options: HealthServerOptions): Promise<HealthServer> {
  const server = new RetryingServer(options);
  await server.start();
  return server;
}

class RetryingServer implements HealthServer {
  readonly #options: HealthServerOptions;
  #server: Server | undefined;
  #retry: Timer | undefined;
  #failure: string | undefined;
  #closed = false;

  constructor(options: HealthServerOptions) {
    this.#options = options;
  }

  /** The first attempt. One that takes long goes on by itself, and is told like one that fails. */
  async start(): Promise<void> {
    const { host, clock } = this.#options;
    const patience = Promise.withResolvers<void>();
    const timer = clock.after(FIRST_ATTEMPT_MS, () => {
      this.#fail(`${NOT_SERVED}: looking up ${host} takes long; set DB_HTTP_HOST to an address, such as 127.0.0.1`);
      patience.resolve();
    });
    await Promise.race([this.attempt(), patience.promise]);
    timer.cancel();
  }

  async attempt(): Promise<void> {
    const { host, port, handle, clock, logger, changed } = this.#options;
    const server = serverOf(handle);
    try {
      await listening(server, host, port);
    } catch (error) {
      this.#fail(sentenceOf(host, port, codeOf(error)));
      if (!this.#closed) this.#retry = clock.after(RETRY_MS, () => void this.attempt());
      this.#retry?.unref();
      return;
    }
    this.#server = server;
    if (this.#closed) {
      this.close();
      return;
    }
    server.on('error', (error) => {
      logger.warn({ err: error }, 'health: a connection could not be accepted');
    });
    changed({ address: { host, port: (server.address() as AddressInfo).port } });
  }

  /** Said once: every five seconds would fill the log of a process that is otherwise well. */
  #fail(failure: string): void {
    if (failure !== this.#failure && !this.#closed) this.#options.changed({ failure });
    this.#failure = failure;
  }

  close(): void {
    this.#closed = true;
    this.#retry?.cancel();
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = undefined;
  }
}

function serverOf(handle: HealthHandler): Server {
  const server = createServer(
    {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: PATIENCE_MS,
      requestTimeout: PATIENCE_MS,
      keepAliveTimeout: PATIENCE_MS,
      // Node looks after these limits twice a minute otherwise.
      connectionsCheckingInterval: CHECK_MS,
      // A request without a host is answered by the routes, as one with a wrong host is.
      requireHostHeader: false,
    },
    (request, response) => {
      if (handle(request, response)) return;
      response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
      response.end('There is nothing at this path\n');
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();
  return server;
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: in a worker of node:cluster the port would otherwise be shared by processes that are not the same.
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function sentenceOf(host: string, port: number, code: string): string {
  return `${NOT_SERVED}: ${REASONS[code]?.(host, port) ?? `port ${port} of ${host} cannot be opened: ${code}`}`;
}

const NOT_SERVED = 'health is not served over HTTP';

/** Why a port cannot be had, and what to do. It is tried again in any case. */
const REASONS: Readonly<Record<string, (host: string, port: number) => string>> = Object.freeze({
  EADDRINUSE: (host, port) =>
    `port ${port} of ${host} is in use; end the program that has it, or set DB_HTTP_PORT to another port or to 0 for any free one`,
  EACCES: (host, port) =>
    `port ${port} of ${host} may not be opened by this user; set DB_HTTP_PORT to one from 1024 on, or to 0 for any free one`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine; set DB_HTTP_HOST to one that is, such as 127.0.0.1`,
  ENOTFOUND: (host) => `${host} is no name that is known here; set DB_HTTP_HOST to an address, such as 127.0.0.1`,
});

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}
