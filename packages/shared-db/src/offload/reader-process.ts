import { Worker } from 'node:worker_threads';
import { bareEnvironment } from '../bare-environment.ts';
import type { FromReader, ToReader } from './message.ts';
import type { ReaderData } from './reader-thread.ts';

/**
 * The main thread of a child process that reads: it only passes messages on, so that it notices when its parent has died while a
 * statement runs in the other thread.
 */
const workerData: ReaderData = { packages: undefined, claims: undefined };
const worker = new Worker(new URL('reader-thread.js', import.meta.url), {
  workerData,
  name: 'database reader',
  execArgv: [],
  env: bareEnvironment(),
});
worker.on('message', (message: FromReader) => {
  process.send?.(message);
});
// Nothing else ends a thread in the middle of a statement; and whoever started this is told by its end.
worker.on('error', end);
worker.on('exit', end);
process.on('message', (message: ToReader) => {
  worker.postMessage(message);
});
process.on('disconnect', end);

function end(): void {
  process.kill(process.pid, 'SIGKILL');
}
