import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DatabaseError } from '../errors.ts';
import { classifyCode } from './classify.ts';
import { SqliteError } from './engine.ts';
import { openReader } from './open.ts';

const SCRIPT = fileURLToPath(import.meta.url);
/** A gigabyte is checked in a few seconds. */
const DEADLINE_MS = 60_000;
/** How long the check waits for a process that has the file for itself. */
const LOCK_TIMEOUT_MS = 10_000;

/** What the child process found out, or why it found out nothing. */
interface Finding {
  readonly checked: boolean;
  readonly text: string;
}

/**
 * Checks a file with `quick_check` in a child process, which alone can be killed when it takes too long. Resolves with what is
 * wrong, or undefined when nothing was found. Rejects with `FENCED` when the check could not be made.
 */
export function verifyFile(path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { timeout: DEADLINE_MS, killSignal: 'SIGKILL' } as const;
    execFile(process.execPath, [SCRIPT, path], options, (error, stdout) => {
      if (error !== null) {
        reject(
          notChecked(path, error.killed === true ? `it took longer than ${DEADLINE_MS} ms` : 'it broke off', error),
        );
        return;
      }
      const { checked, text } = JSON.parse(stdout) as Finding;
      if (checked) resolve(text === 'ok' ? undefined : text);
      else reject(notChecked(path, text));
    });
  });
}

function notChecked(path: string, why: string, cause?: Error): DatabaseError {
  return new DatabaseError('FENCED', `${path} could not be checked after an I/O error: ${why}`, {
    cause,
    advice: 'remove the reason and use it again; it is not written before it has been checked',
  });
}

/** What `quick_check` finds first, or that the damage does not even let it begin. */
function check(path: string): Finding {
  try {
    const handle = openReader(path, LOCK_TIMEOUT_MS);
    return { checked: true, text: String(handle.pragma('quick_check(1)', { simple: true })) };
  } catch (error) {
    if (!(error instanceof SqliteError)) return { checked: false, text: String(error) };
    const { kind, message } = classifyCode(error.code, error.message, 'statement');
    return { checked: kind === 'CORRUPT' || kind === 'NOT_A_DATABASE', text: message };
  }
}

if (process.argv[1] === SCRIPT) process.stdout.write(`${JSON.stringify(check(process.argv[2] ?? ''))}\n`);
