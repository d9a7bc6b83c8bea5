import { systemClock, type Clock } from '@hive/pool/clock';
import { chmodSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { ControlRequest } from '../control/verb.ts';
import { DatabaseError } from '../errors.ts';
import { silentLogger, type Logger } from '../logger.ts';
import type { ServiceSnapshot } from '../snapshot.ts';
import { LineBuffer } from './line-buffer.ts';
import { thisProcess, type ProcessIdentity } from './process-identity.ts';
import {
  decodeRequest,
  encodeAnswer,
  MAX_REQUEST_BYTES,
  refuse,
  type Answer,
  type ControlProgress,
  type Verb,
} from './protocol.ts';
import type { Recording } from './recording.ts';
import { createRuntimeDirectory } from './runtime-directory.ts';
import { MAX_SOCKET_PATH_BYTES, socketName } from './socket-name.ts';
import { removeStaleSockets } from './stale-sockets.ts';

/** How long a client may take to ask. A request is one small write. */
const REQUEST_PATIENCE_MS = 1_000;
/** How long a client may take to fetch its answer. */
const ANSWER_PATIENCE_MS = 5_000;
/** How many may ask at the same time; the next one is hung up on. */
const MAX_CONNECTIONS = 32;
/** How many services one thread may have: far more than any program wants, few enough to search. */
const MAX_SERVICES = 64;

/** How a process makes itself findable. */
export interface PresenceOptions {
  /** What `runtimeDirectory` returned. It is made where it does not exist. */
  readonly directory: string;
  /** Takes the snapshot that is answered. Called for each question. */
  readonly describe: () => ServiceSnapshot | Promise<ServiceSnapshot>;
  /** Gives what was recorded. Default: nothing was. */
  readonly recording?: () => Recording;
  /** Has an order carried out, and says how far that has come before whoever gave it stops waiting. Default: none is taken. */
  readonly obey?: (request: ControlRequest) => Promise<ControlProgress>;
  /** For whom it answers. Default: this process and thread. */
  readonly identity?: ProcessIdentity;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/** A process's socket. Closing it removes the file; closing it again does nothing. */
export interface Presence extends Disposable {
  /** The socket file. */
  readonly path: string;
  /** Stops answering and removes the file; who is being answered is hung up on. */
  close(): void;
}

/**
 * Makes this process findable: opens its socket in the runtime directory and answers who asks, until closed. It never keeps the
 * process alive. Sockets of dead processes are cleaned away on the occasion.
 *
 * Rejects with `PATH` or `PERMISSION` where there is no usable runtime directory. While the main thread is busy nobody is answered.
 */
export async function startPresence(options: PresenceOptions): Promise<Presence> {
  const { directory, identity = thisProcess(), clock = systemClock, logger = silentLogger } = options;
  createRuntimeDirectory(directory);

  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
    converse(socket, (line, allow) => answerTo(line, options, logger, allow), clock);
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.unref();

  const path = await listen(server, directory, identity);
  server.on('error', (error) => {
    logger.warn({ err: error, path }, 'presence: a connection could not be accepted');
  });
  const close = (): void => {
    server.close();
    for (const socket of connections) socket.destroy();
  };
  try {
    // Other users of this host could not pass the directory; the mode is the second lock.
    chmodSync(path, 0o600);
    const removed = await removeStaleSockets(directory);
    if (removed > 0) logger.debug({ directory, removed }, 'presence: sockets of dead processes removed');
  } catch (error) {
    close();
    throw cannotListen(path, error);
  }
  return Object.freeze({ path, close, [Symbol.dispose]: close });
}

/** Makes an answer; `allow` is told when that may take longer, in milliseconds from now. */
type MakeAnswer = (line: Uint8Array, allow: (ms: number) => void) => Promise<string | undefined>;

/** One question, one answer, then the end; every step under a deadline. */
function converse(socket: Socket, answer: MakeAnswer, clock: Clock): void {
  const request = new LineBuffer(MAX_REQUEST_BYTES);
  const hangUp = (): void => {
    socket.destroy();
  };
  let patience = clock.after(REQUEST_PATIENCE_MS, hangUp);
  patience.unref();
  socket.unref();

  const listener = (chunk: Uint8Array): void => {
    const state = request.push(chunk);
    if (state === 'incomplete') return;
    // Whatever else is sent flows away unread: a paused socket would not notice that its client has gone.
    socket.off('data', listener).resume();
    if (state === 'too-long') hangUp();
    else void reply(state.line);
  };
  const allow = (ms: number): void => {
    patience.cancel();
    patience = clock.after(ms, hangUp);
    patience.unref();
  };
  const reply = async (line: Uint8Array): Promise<void> => {
    const text = await answer(line, allow);
    if (text === undefined) {
      hangUp();
      return;
    }
    // What was done for somebody who has gone needs no deadline any more.
    if (socket.destroyed) return;
    allow(ANSWER_PATIENCE_MS);
    socket.end(text);
  };
  socket.on('data', listener);
  // A client that vanishes is no event worth a word; without a listener it would be an uncaught one.
  socket.on('error', hangUp);
  socket.once('close', () => {
    patience.cancel();
  });
}

/** Undefined where the line is no request at all: rubbish gets no answer. */
async function answerTo(
  line: Uint8Array,
  options: PresenceOptions,
  logger: Logger,
  allow: (ms: number) => void,
): Promise<string | undefined> {
  const request = decodeRequest(line);
  switch (request.kind) {
    case 'rubbish':
      return undefined;
    case 'unknown-verb':
      return encodeAnswer(refuse('UNKNOWN_VERB'));
    case 'wrong-order':
      logger.warn({ fault: request.fault }, 'control: an order was refused');
      return encodeAnswer(refuse('WRONG_ORDER'));
    case 'control':
      allow(request.request.timeoutMs);
      return encodeAnswer(await obeyed(request.request, options, logger));
    case 'request':
  }
  try {
    return encodeAnswer(await outcomeOf(request.verb, options));
  } catch (error) {
    logger.error({ err: error }, 'presence: no snapshot could be taken');
    return encodeAnswer(refuse('NO_SNAPSHOT'));
  }
}

async function obeyed(request: ControlRequest, { obey }: PresenceOptions, logger: Logger): Promise<Answer> {
  if (obey === undefined) return refuse('NO_CONTROL');
  try {
    return { kind: 'control', progress: await obey(request) };
  } catch (error) {
    logger.error({ err: error, verb: request.order.verb }, 'control: an order could not be carried out');
    return refuse('ORDER_FAILED');
  }
}

async function outcomeOf(verb: Verb, { describe, recording }: PresenceOptions): Promise<Answer> {
  if (verb === 'snapshot') return { kind: 'snapshot', snapshot: await describe() };
  return recording === undefined ? refuse('NO_RECORDING') : { kind: 'recording', recording: recording() };
}

/** Listens under the first free name of this thread: its first service has the plain one. */
async function listen(server: Server, directory: string, identity: ProcessIdentity): Promise<string> {
  for (let ordinal = 1; ordinal <= MAX_SERVICES; ordinal++) {
    const path = checkedLength(join(directory, socketName(identity, ordinal)));
    try {
      await listening(server, path);
      return path;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cannotListen(path, error);
    }
  }
  throw new DatabaseError('PATH', `this thread has ${MAX_SERVICES} sockets in ${directory} already`, {
    advice: 'close the services that are not needed, or open one and share it',
  });
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

function checkedLength(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  throw new DatabaseError(
    'PATH',
    `socket path ${path} has ${bytes} bytes, and the system allows ${MAX_SOCKET_PATH_BYTES}`,
    {
      advice: 'set HIVE_RUNTIME_DIR to a shorter path',
    },
  );
}

function cannotListen(path: string, cause: unknown): DatabaseError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  const kind = code === 'EACCES' || code === 'EPERM' ? 'PERMISSION' : 'PATH';
  return new DatabaseError(kind, `socket ${path} cannot be opened: ${code}`, {
    advice: 'check the disk and HIVE_RUNTIME_DIR',
    cause,
  });
}
