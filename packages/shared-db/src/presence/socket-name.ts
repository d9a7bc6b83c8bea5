import type { ProcessIdentity } from './process-identity.ts';

const PATTERN = /^process-([1-9]\d{0,9})-(\d{1,20})(?:-t([1-9]\d{0,9}))?(?:-n([1-9]\d{0,2}))?\.sock$/;

/** What the system's address structure holds, without its closing NUL: 108 bytes on Linux, 104 on the BSDs and macOS. */
export const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/**
 * The name of a process's socket: pid, start and, for a worker thread, its number; `-n2` and so on for the second service of one
 * thread.
 */
export function socketName({ pid, start, thread }: ProcessIdentity, ordinal = 1): string {
  return `process-${pid}-${start}${thread === 0 ? '' : `-t${thread}`}${ordinal === 1 ? '' : `-n${ordinal}`}.sock`;
}

/** Whose socket a file of this name would be; undefined for any other file. */
export function parseSocketName(name: string): ProcessIdentity | undefined {
  const [matched, pid, start, thread] = PATTERN.exec(name) ?? [];
  if (matched === undefined || pid === undefined || start === undefined) return undefined;
  return { pid: Number(pid), start, thread: Number(thread ?? 0) };
}
