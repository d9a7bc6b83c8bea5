import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { openReader } from './open.ts';

const SCRIPT = fileURLToPath(import.meta.url);
/** A gigabyte is checked in a few seconds. */
const DEADLINE_MS = 60_000;

/**
 * Checks a file with `quick_check` in a child process, which alone can be killed when it takes too long. Resolves with what is
 * wrong, or undefined when nothing was found.
 */
export function verifyFile(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(process.execPath, [SCRIPT, path], { timeout: DEADLINE_MS, killSignal: 'SIGKILL' }, (error, stdout) => {
      if (error === null) resolve(stdout.trim() === 'ok' ? undefined : stdout.trim());
      else resolve(error.killed === true ? `the check took longer than ${DEADLINE_MS} ms` : error.message);
    });
  });
}

if (process.argv[1] === SCRIPT) {
  const handle = openReader(process.argv[2] ?? '', DEADLINE_MS);
  process.stdout.write(`${String(handle.pragma('quick_check(10)', { simple: true }))}\n`);
  handle.close();
}
