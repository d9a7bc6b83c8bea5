import type { ServiceSnapshot } from '@hive/shared-db';
import {
  decodeRequest,
  encodeAnswer,
  type ControlProgress,
  type ControlRequest,
  type Recording,
} from '@hive/shared-db/presence';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from './temporary-directory.ts';

/** A runtime directory in which a test plays the processes. */
export interface RuntimeDirectory extends AsyncDisposable {
  readonly path: string;
  /** Lets a process of this number, and this start, listen and behave as it is told: here, or in another directory. */
  add(pid: number, behave: (socket: Socket) => void, start?: number, elsewhere?: string): Promise<void>;
}

/** One in which every snapshot answers as a process of its own would. */
export async function runtimeDirectory(...snapshots: readonly ServiceSnapshot[]): Promise<RuntimeDirectory> {
  const directory = temporaryDirectory();
  const endings: (() => Promise<void>)[] = [];
  const add = async (
    pid: number,
    behave: (socket: Socket) => void,
    start = 1,
    path = directory.path,
  ): Promise<void> => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      // Whoever asks may hang up at any time.
      socket.on('error', () => undefined);
      behave(socket);
    });
    server.listen(join(path, `process-${pid}-${start}.sock`));
    await once(server, 'listening');
    endings.push(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });
  };
  for (const snapshot of snapshots) await add(snapshot.pid, answering(snapshot));
  return {
    path: directory.path,
    add,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(endings.map((end) => end()));
      directory[Symbol.dispose]();
    },
  };
}

/** Answers every question with the snapshot. */
export function answering(snapshot: ServiceSnapshot): (socket: Socket) => void {
  return saying(encodeAnswer({ kind: 'snapshot', snapshot }));
}

/** The same; an order is answered with what became of it. */
export function obeying(
  snapshot: ServiceSnapshot,
  obey: (request: ControlRequest) => ControlProgress,
): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', (line: Buffer) => {
      const request = decodeRequest(line);
      const answer =
        request.kind === 'control'
          ? ({ kind: 'control', progress: obey(request.request) } as const)
          : ({ kind: 'snapshot', snapshot } as const);
      socket.end(encodeAnswer(answer));
    });
  };
}

/** Answers every question with the recording. */
export function recounting(recording: Recording): (socket: Socket) => void {
  return saying(encodeAnswer({ kind: 'recording', recording }));
}

/** Says the text, whatever is asked. */
export function saying(text: string): (socket: Socket) => void {
  return (socket) => {
    socket.once('data', () => socket.end(text));
  };
}

/** Listens, and hangs up on whoever comes. */
export function hangingUp(socket: Socket): void {
  socket.destroy();
}

/** Listens and never says a word. */
export function silent(): void {
  // Nothing is what it does.
}
