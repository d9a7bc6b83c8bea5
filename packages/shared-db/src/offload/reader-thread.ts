import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { Claims } from './claims.ts';
import type { FromReader, ToReader } from './message.ts';
import type { Package } from './packed-rows.ts';
import { Reader } from './reader.ts';

/** What a thread that reads starts with. */
export interface ReaderData {
  /** Where packages go, to be fetched one at a time; undefined where they are sent like everything else. */
  readonly packages: MessagePort | undefined;
  /** Undefined where no request is ever taken back. */
  readonly claims: SharedArrayBuffer | undefined;
}

const port = parentPort ?? raise('a reader is a worker thread');
const { packages, claims } = workerData as ReaderData;
const reader = new Reader(
  {
    send: (message) => {
      post(message);
    },
    pack: (request, rows) => {
      if (packages === undefined) post({ kind: 'package', request, rows });
      else packages.postMessage({ request, rows } satisfies Package, [rows.buffer]);
    },
  },
  claims && new Claims(claims),
);

port.on('message', (message: ToReader) => {
  reader.hear(message);
  if (message.kind !== 'end') return;
  packages?.close();
  port.close();
});
// Its engine is loaded, which takes most of the time until here.
if (claims === undefined) post({ kind: 'ready' });

function post(message: FromReader): void {
  port.postMessage(message);
}

function raise(what: string): never {
  throw new Error(`BUG: ${what}`);
}
