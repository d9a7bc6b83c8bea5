import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { bareEnvironment } from '../bare-environment.ts';
import { Claims } from './claims.ts';
import { WINDOW, type FromReader, type ToReader } from './message.ts';
import type { Package } from './packed-rows.ts';
import type { ReaderData } from './reader-thread.ts';

/** The way to one reader, a thread or a process. Never keeps this process alive. */
export interface Transport {
  /** Where requests can be taken back; undefined where what was sent cannot, and one at a time is, to one that has begun to work. */
  readonly claims: Claims | undefined;
  /** Whether `kill` ends it in the middle of a statement. */
  readonly mortal: boolean;
  readonly pid: number | undefined;
  post(message: ToReader): void;
  /** The next part of a large result, in the order in which they were sent. One at a time: unpacking costs time here. */
  nextPackage(): Package | undefined;
  /** Ends it at once; a thread only when its statement is done. */
  kill(): void;
}

/** What a transport tells. */
export interface TransportEvents {
  /** It has begun to work. */
  readonly started: () => void;
  readonly heard: (message: FromReader) => void;
  /** It has ended, for whatever reason. Told once. */
  readonly gone: (reason: string) => void;
}

/** Starts a worker thread that reads. Costs about ten megabytes and thirty milliseconds of its own. */
export function startThread({ started, heard, gone }: TransportEvents): Transport {
  const claims = Claims.withPlaces(WINDOW);
  const { port1: packages, port2 } = new MessageChannel();
  const worker = new Worker(new URL('reader-thread.js', import.meta.url), {
    workerData: { packages: port2, claims: claims.memory } satisfies ReaderData,
    transferList: [port2],
    name: 'database reader',
    // As the sentinel: what this process was started with is none of its business.
    execArgv: [],
    env: bareEnvironment(),
    // No limit of its own: where a text does not fit into the heap of a thread, V8 ends the whole process, sooner for a smaller heap.
  });
  let reason = 'it ended';
  worker.on('online', started);
  worker.on('message', heard);
  worker.on('error', (error) => {
    reason = error.message;
  });
  worker.on('exit', () => {
    packages.close();
    gone(reason);
  });
  // After the listeners: whoever listens to a worker keeps the process alive from then on.
  worker.unref();
  packages.unref();
  return {
    claims,
    mortal: false,
    pid: undefined,
    post: (message) => {
      worker.postMessage(message);
    },
    nextPackage: () => receiveMessageOnPort(packages)?.message as Package | undefined,
    kill: () => {
      void worker.terminate();
    },
  };
}

/** Starts a child process that reads, and ends with this one. Costs about forty megabytes and a tenth of a second. */
export function startProcess({ started, heard, gone }: TransportEvents): Transport {
  const child = fork(fileURLToPath(new URL('reader-process.js', import.meta.url)), [], {
    serialization: 'advanced',
    execArgv: [],
    env: bareEnvironment(),
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const packages: Package[] = [];
  const end = once(gone);
  child.on('message', (message) => {
    const said = message as FromReader;
    if (said.kind === 'ready') started();
    else if (said.kind === 'package') packages.push(said);
    else heard(said);
  });
  child.on('error', ({ message }) => {
    end(message);
  });
  child.on('exit', (code, signal) => {
    end(`it ended with ${signal ?? `code ${code}`}`);
  });
  child.unref();
  child.channel?.unref();
  return {
    claims: undefined,
    mortal: true,
    pid: child.pid,
    post: (message) => {
      post(child, message);
    },
    nextPackage: () => packages.shift(),
    kill: () => {
      child.kill('SIGKILL');
    },
  };
}

/** To one that has just died is no error: its end is told. */
function post(child: ChildProcess, message: ToReader): void {
  if (child.connected) child.send(message, () => undefined);
}

function once(tell: (reason: string) => void): (reason: string) => void {
  let told = false;
  return (reason) => {
    if (told) return;
    told = true;
    tell(reason);
  };
}
