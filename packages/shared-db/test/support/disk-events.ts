import { readFileSync } from 'node:fs';
import { preloadedLibrary } from './preloaded-library.ts';

/** What a process has done to a disk. Names are relative to the directory that was watched; '.' is that directory itself. */
export type DiskEvent =
  | { readonly kind: 'write'; readonly inode: number; readonly at: number; readonly data: Buffer }
  | { readonly kind: 'cut'; readonly inode: number; readonly size: number }
  /** A name for a file that has just been made, for one that exists, or for a directory; and a name that has gone. */
  | { readonly kind: 'create' | 'link'; readonly name: string; readonly inode: number }
  | { readonly kind: 'directory' | 'remove'; readonly name: string }
  /** Of a file, or, with its name, of a directory. */
  | {
      readonly kind: 'sync begins' | 'sync ends';
      readonly sync: number;
      readonly inode: number;
      readonly name?: string;
    }
  /** Something that the process said. */
  | { readonly kind: 'mark'; readonly text: string };

/** Writes down what processes do to a disk. Gone when the scope ends. */
export interface DiskRecorder extends Disposable {
  /** What they are started with. `syncUs` is how long each sync takes, in microseconds. */
  environment(recording: DiskRecording, syncUs: number): Readonly<Record<string, string>>;
}

/** Where what is done below a directory is written down. */
export interface DiskRecording {
  readonly root: string;
  /** Outside it: where the processes say what they have told their callers, and where everything goes. */
  readonly marks: string;
  readonly log: string;
}

/** Undefined where no library can be preloaded. */
export function diskRecorder(): DiskRecorder | undefined {
  const library = preloadedLibrary('disk-events');
  if (library === undefined) return undefined;
  return {
    environment: ({ root, marks, log }, syncUs) => ({
      ...library.environment,
      HIVE_DISK_ROOT: root,
      HIVE_DISK_MARKS: marks,
      HIVE_DISK_LOG: log,
      HIVE_SYNC_US: String(syncUs),
    }),
    [Symbol.dispose]: () => {
      library[Symbol.dispose]();
    },
  };
}

const HEAD_BYTES = 32;

/** Reads a log back, oldest first. */
export function diskEvents(log: string): readonly DiskEvent[] {
  const bytes = readFileSync(log);
  const events: DiskEvent[] = [];
  for (let from = 0; from < bytes.length;) {
    const [kind, nameLength, dataLength, sync] = [0, 4, 8, 12].map((at) => bytes.readUInt32LE(from + at)) as [
      number,
      number,
      number,
      number,
    ];
    const inode = Number(bytes.readBigUInt64LE(from + 16));
    const at = Number(bytes.readBigUInt64LE(from + 24));
    const name = bytes.toString('utf8', from + HEAD_BYTES, from + HEAD_BYTES + nameLength);
    from += HEAD_BYTES + nameLength + dataLength;
    const data = bytes.subarray(from - dataLength, from);
    const known = nameLength === 0 ? {} : { name };
    events.push(eventOf(String.fromCharCode(kind), { inode, at, sync, data, known }));
  }
  return events;
}

interface Details {
  readonly inode: number;
  readonly at: number;
  readonly sync: number;
  readonly data: Buffer;
  readonly known: { readonly name?: string };
}

function eventOf(kind: string, { inode, at, sync, data, known }: Details): DiskEvent {
  const { name = '' } = known;
  switch (kind) {
    case 'w':
      return { kind: 'write', inode, at, data };
    case 't':
      return { kind: 'cut', inode, size: at };
    case 'c':
      return { kind: 'create', name, inode };
    case 'l':
      return { kind: 'link', name, inode };
    case 'd':
      return { kind: 'directory', name };
    case 'u':
      return { kind: 'remove', name };
    case 'b':
      return { kind: 'sync begins', sync, inode, ...known };
    case 'e':
      return { kind: 'sync ends', sync, inode, ...known };
    case 'm':
      return { kind: 'mark', text: data.toString() };
    default:
      throw new Error(`the recording has an event of an unknown kind: ${kind}`);
  }
}
