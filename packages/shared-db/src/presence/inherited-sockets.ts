import { systemClock } from '@hive/pool/clock';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { startOf, type ProcessIdentity } from './process-identity.ts';

/** A socket file whose process looks gone. */
export interface SuspectSocket {
  readonly name: string;
  readonly identity: ProcessIdentity;
}

/** A line of /proc/net/unix: its flags, its number, and the last part of the path that it was bound to. */
const LINE = /^[\da-f]+: [\da-f]+ [\da-f]+ (?<flags>[\da-f]+) [\da-f]+ [\da-f]+ +(?<inode>\d+) .*?(?<name>[^/]+)$/i;
/** `__SO_ACCEPTCON` of linux/net.h: it listens. */
const LISTENS = 0x1_0000;
/** The unit in which /proc tells when a process started (`USER_HZ`). */
const TICK_MS = 10;
/** How far the two times that are compared may be apart though they are one: each is cut to its tick. Nobody starts and listens in less. */
const BLUR_MS = 2 * TICK_MS;

/**
 * Names of sockets on which, though their process has ended, somebody listens who never answers: a child that has kept what its parent had
 * open. It was started after the socket was made, so it is not who made it; a process of another container, which has another number
 * here, was before. Linux only. Looks at every open file of every process, but only where there is a listener of a process that looks gone.
 */
export function inheritedSockets(directory: string, suspects: readonly SuspectSocket[]): ReadonlySet<string> {
  const byInode = listeners(new Map(suspects.map((suspect) => [suspect.name, suspect])));
  if (byInode.size === 0) return new Set();
  const holders = holdersOf(byInode);
  const inherited = [...byInode].filter(([inode, { name, identity }]) => {
    const starts = (holders.get(inode) ?? []).map((pid) => startOf(pid));
    const madeAt = lstatSync(join(directory, name), { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    // Whose start it has is who it is named by, whatever the clock of this machine was set to since.
    return (
      starts.length > 0 && starts.every((start) => start !== identity.start && startedAt(start) > madeAt - BLUR_MS)
    );
  });
  return new Set(inherited.map(([, { name }]) => name));
}

/** Milliseconds since 1970. Of a process that has ended meanwhile: for ever ago, so that nothing is concluded from it. */
function startedAt(start: string | undefined): number {
  return start === undefined ? -Infinity : systemClock.wallTime() - uptime() * 1_000 + Number(start) * TICK_MS;
}

/** By the number of the listening socket. */
function listeners(suspects: ReadonlyMap<string, SuspectSocket>): ReadonlyMap<string, SuspectSocket> {
  const found = new Map<string, SuspectSocket>();
  if (suspects.size === 0) return found;
  for (const line of readLines('/proc/net/unix')) {
    const { flags = '', inode = '', name = '' } = LINE.exec(line)?.groups ?? {};
    const suspect = suspects.get(name);
    if (suspect !== undefined && (Number.parseInt(flags, 16) & LISTENS) !== 0) found.set(inode, suspect);
  }
  return found;
}

function holdersOf(sockets: ReadonlyMap<string, unknown>): ReadonlyMap<string, readonly number[]> {
  const pids = namesIn('/proc').filter((name) => /^\d+$/.test(name));
  const uses = pids.flatMap((pid) =>
    namesIn(`/proc/${pid}/fd`).flatMap((descriptor) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkAt(`/proc/${pid}/fd/${descriptor}`))?.[1];
      return inode !== undefined && sockets.has(inode) ? [{ pid: Number(pid), inode }] : [];
    }),
  );
  const groups = Map.groupBy(uses, ({ inode }) => inode);
  return new Map([...groups].map(([inode, group]) => [inode, group.map(({ pid }) => pid)]));
}

// A process may end, or be somebody else's, between any two looks.
function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return [];
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
