import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { Alarm } from '@hive/pool/alarm';
import type { Clock } from '@hive/pool/clock';
import type { Logger } from '../logger.ts';
import { Arbiter, type ArbiterAction, type ArbiterEvent, type ArbiterOptions } from './arbiter.ts';
import { decodeToArbiter, encodeFrame, FrameReader, type ToArbiter } from './frame.ts';
import type { TurnSockets } from './turn-sockets.ts';

/** How many processes may take turns at one file: more than any host runs. The next one is told, and polls. */
const MAX_CLIENTS = 512;
/** What may wait to be read by one process: hundreds of messages. Who has stopped reading has stopped, and is not waited for. */
const MAX_UNREAD_BYTES = 4_096;
/** How often, at most, it looks whether its socket is still the one that newcomers find. */
const CHECK_EVERY_MS = 100;
/** For how long it waits for somebody to come: who has had it made comes at once, unless he has closed his file meanwhile. */
const LONELY_MS = 2_000;

export interface ArbiterServerOptions extends ArbiterOptions {
  readonly sockets: TurnSockets;
  readonly epoch: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told when it has stepped down by itself. */
  readonly ended: () => void;
}

/** An arbiter that listens. It never keeps its process alive. */
export interface ArbiterServer {
  /** Hangs up on everybody, who will find another, and removes its socket. Closing it again does nothing. */
  close(): void;
}

/**
 * Makes the arbiter of one epoch, and removes the sockets of those before it, which is how they notice. Undefined where there is one
 * of this epoch already. Rejects where no socket can be made.
 */
export async function startArbiter(options: ArbiterServerOptions): Promise<ArbiterServer | undefined> {
  const { sockets, epoch } = options;
  const path = sockets.newPath(epoch);
  sockets.prepare(epoch);
  const server = createServer();
  server.unref();
  try {
    await listening(server, path);
    // Other users of this host could not pass the directory; the mode is the second lock.
    chmodSync(path, 0o600);
    // A listener removes, when it closes, what has the name that it was given, whoever has made that meanwhile: so it is given another.
    if (!sockets.publish(epoch)) {
      server.close();
      return undefined;
    }
    sockets.removeBefore(epoch);
  } catch (error) {
    server.close();
    throw error;
  }
  return new SocketArbiter(server, options);
}

class SocketArbiter implements ArbiterServer {
  readonly #server: Server;
  readonly #sockets: TurnSockets;
  readonly #epoch: number;
  readonly #identity: string | undefined;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ended: () => void;
  readonly #arbiter: Arbiter;
  readonly #alarm: Alarm;
  readonly #clients = new Map<number, Socket>();
  #nextClient = 1;
  #checkedAt: number;
  #isClosed = false;

  constructor(server: Server, options: ArbiterServerOptions) {
    this.#server = server;
    this.#sockets = options.sockets;
    this.#epoch = options.epoch;
    this.#identity = options.sockets.identity(options.epoch);
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.#ended = options.ended;
    this.#arbiter = new Arbiter(options);
    this.#checkedAt = this.#clock.now();
    this.#alarm = new Alarm(this.#clock, () => {
      this.#handle({ kind: 'tick' });
    });
    this.#clock
      .after(LONELY_MS, () => {
        this.#leaveIfAlone();
      })
      .unref();
    server.on('connection', (socket) => {
      this.#welcome(socket);
    });
    server.on('error', (error) => {
      this.#logger.warn(
        { err: error, path: this.#sockets.path(this.#epoch) },
        'turns: a connection could not be accepted',
      );
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#alarm.cancel();
    this.#sockets.remove(this.#epoch, this.#identity);
    this.#server.close();
    for (const socket of this.#clients.values()) socket.destroy();
  }

  #welcome(socket: Socket): void {
    // A client that vanishes is no event worth a word; without a listener it would be an uncaught one.
    socket.on('error', () => {
      socket.destroy();
    });
    socket.unref();
    if (this.#isClosed || this.#clients.size >= MAX_CLIENTS) {
      socket.end(encodeFrame({ kind: 'full' }));
      return;
    }
    const client = this.#nextClient++;
    const frames = new FrameReader(decodeToArbiter);
    this.#clients.set(client, socket);
    socket.on('data', (chunk: Uint8Array) => {
      const messages = frames.push(chunk);
      if (messages === undefined) socket.destroy();
      else this.#hear(client, messages);
    });
    socket.once('close', () => {
      this.#clients.delete(client);
      if (this.#isClosed) return;
      this.#handle({ kind: 'left', client });
      this.#leaveIfAlone();
    });
    this.#handle({ kind: 'joined', client });
  }

  /** A file that nobody writes any more costs no descriptor: whoever comes to it next makes another arbiter. */
  #leaveIfAlone(): void {
    if (this.#clients.size === 0) this.#stepDown();
  }

  #hear(client: number, messages: readonly ToArbiter[]): void {
    // Whom it has hung up on may still have been read from.
    if (this.#isClosed || !this.#clients.has(client)) return;
    const isAsked = messages.some(({ kind }) => kind === 'want');
    if (isAsked && this.#clock.now() - this.#checkedAt >= CHECK_EVERY_MS) this.#check();
    if (!this.#isClosed) this.#handle({ kind: 'heard', client, messages });
  }

  /** An arbiter that newcomers do not find any more has been deposed, perhaps while its process stood still. */
  #check(): void {
    this.#checkedAt = this.#clock.now();
    if (!this.#sockets.isCurrent(this.#epoch, this.#identity)) this.#stepDown();
  }

  #stepDown(): void {
    if (this.#isClosed) return;
    this.close();
    this.#ended();
  }

  #handle(event: ArbiterEvent): void {
    const now = this.#clock.now();
    for (const action of this.#arbiter.handle(event, now)) this.#perform(action);
    this.#alarm.by(this.#arbiter.dueAt ?? Infinity, now);
  }

  #perform(action: ArbiterAction): void {
    switch (action.kind) {
      case 'send': {
        const socket = this.#clients.get(action.client);
        socket?.write(encodeFrame(action.message));
        if (socket !== undefined && socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
        return;
      }
      case 'hang-up':
        this.#clients.get(action.client)?.destroy();
        return;
      case 'overdue':
        this.#logger.warn(
          { holder: action.pid, ms: action.ms, file: this.#sockets.file },
          `turns: process ${action.pid} has kept its turn to write for ${Math.round(action.ms)} ms; the next in line tries for the lock beside it`,
        );
    }
  }
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Exclusive: in a worker of node:cluster the socket would otherwise be opened by, and shared through, the primary.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
