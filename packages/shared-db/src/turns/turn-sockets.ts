import { linkSync, lstatSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { threadId } from 'node:worker_threads';
import { DatabaseError } from '../errors.ts';
import { socketOwner } from '../presence/probe.ts';
import { createRuntimeDirectory, namesInRuntimeDirectory } from '../presence/runtime-directory.ts';
import { MAX_SOCKET_PATH_BYTES } from '../presence/socket-name.ts';

/** Raised when arbiter and participants say anything new to each other: those of two versions must not meet. */
const VERSION = 1;
const NAME = /^v(?<version>\d{1,3})-(?<device>\d{1,20})-(?<inode>\d{1,20})-(?<epoch>[1-9]\d{0,8})\.sock$/;
const NEW_NAME = /^new-(?<pid>[1-9]\d{0,9})-\d{1,10}-(?<device>\d{1,20})-(?<inode>\d{1,20})-[1-9]\d{0,8}\.sock$/;

/** Which arbiters a file has had. */
export interface Epochs {
  /** The newest whose socket is this user's; 0 where there is none. Nothing is said of whether anybody listens on it. */
  readonly live: number;
  /** The newest whose name is taken, by whatever; 0 where there is none. */
  readonly newest: number;
}

/**
 * The sockets of the arbiters of one database file: in the directory `turns` of the runtime directory, named by device and inode, because
 * a file has many paths, and by an epoch: the newest is the one that counts, so that an arbiter is deposed by making a newer one.
 */
export class TurnSockets {
  readonly #directory: string;
  readonly #file: string;

  /** @param key stands for the database file, as `device:inode`. */
  constructor(runtimeDirectory: string, key: string) {
    this.#directory = join(resolve(runtimeDirectory), 'turns');
    this.#file = key.replace(':', '-');
  }

  /** The file that the turns are about, as names of sockets say it: `device-inode`. */
  get file(): string {
    return this.#file;
  }

  /** Throws `PATH` where the system could not open a socket of that name. */
  path(epoch: number): string {
    return this.#checked(`v${VERSION}-${this.#file}-${epoch}.sock`);
  }

  /** Where this thread makes the socket of an epoch, before anybody can find it. Throws what `path` throws. */
  newPath(epoch: number): string {
    return this.#checked(`new-${process.pid}-${threadId}-${this.#file}-${epoch}.sock`);
  }

  /** Gives the socket at `newPath` its name. False where that is taken, by whatever. */
  publish(epoch: number): boolean {
    const path = this.newPath(epoch);
    try {
      linkSync(path, this.path(epoch));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    } finally {
      rmSync(path, { force: true });
    }
  }

  #checked(name: string): string {
    const path = join(this.#directory, name);
    const bytes = Buffer.byteLength(path);
    if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
    throw new DatabaseError(
      'PATH',
      `socket path ${path} has ${bytes} bytes, and the system allows ${MAX_SOCKET_PATH_BYTES}`,
      { advice: 'set HIVE_RUNTIME_DIR to a shorter path' },
    );
  }

  /** Throws `PATH` or `PERMISSION` where the directory is not this user's alone. Costs one look at each socket of the file. */
  epochs(): Epochs {
    const taken = this.#taken();
    const live = taken.findLast((epoch) => socketOwner(this.path(epoch)) === 'own');
    return { live: live ?? 0, newest: taken.at(-1) ?? 0 };
  }

  /** What tells the socket of an epoch from a later one of the same name; undefined where there is none. */
  identity(epoch: number): string | undefined {
    const stats = lstatSync(this.path(epoch), { throwIfNoEntry: false });
    return stats?.isSocket() === true ? `${stats.dev}:${stats.ino}:${stats.mtimeMs}` : undefined;
  }

  /** Whether newcomers would still come to that socket. Costs some tens of microseconds. */
  isCurrent(epoch: number, identity: string | undefined): boolean {
    try {
      return this.identity(epoch) === identity && this.epochs().live === epoch;
    } catch {
      // A directory that is no longer this user's alone is no place to meet.
      return false;
    }
  }

  /**
   * Makes the directory, with mode 0700, where it does not exist, and room for the socket of an epoch. Throws what
   * `createRuntimeDirectory` throws.
   */
  prepare(epoch: number): void {
    createRuntimeDirectory(resolve(this.#directory, '..'));
    createRuntimeDirectory(this.#directory);
    // Of a process of the same number that was killed a moment too early.
    rmSync(this.newPath(epoch), { force: true });
  }

  /** Removes the socket of an epoch, unless its name is another's by now. */
  remove(epoch: number, identity: string | undefined): void {
    if (identity !== undefined && this.identity(epoch) === identity) rmSync(this.path(epoch), { force: true });
  }

  /**
   * Removes the sockets of the epochs before one, and of those who were killed before theirs had its name. What is no socket of this
   * user's is left alone.
   */
  removeBefore(epoch: number): void {
    const older = this.#taken().filter((one) => one < epoch);
    for (const path of [...older.map((one) => this.path(one)), ...this.#unpublished()])
      if (socketOwner(path) === 'own') rmSync(path, { force: true });
  }

  /** The sockets of processes that have ended before they could give them their names. */
  #unpublished(): readonly string[] {
    return namesInRuntimeDirectory(this.#directory)
      .filter((name) => {
        const { pid, device, inode } = NEW_NAME.exec(name)?.groups ?? {};
        return `${device}-${inode}` === this.#file && hasEnded(Number(pid));
      })
      .map((name) => join(this.#directory, name));
  }

  /** In ascending order. */
  #taken(): readonly number[] {
    const start = `v${VERSION}-${this.#file}-`;
    return namesInRuntimeDirectory(this.#directory)
      .filter((name) => name.startsWith(start))
      .flatMap((name) => {
        const epoch = NAME.exec(name)?.groups?.['epoch'];
        return epoch === undefined ? [] : [Number(epoch)];
      })
      .toSorted((a, b) => a - b);
  }
}

/** One of another pid namespace seems to have ended, and may live: then it makes its arbiter a moment later. */
function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
