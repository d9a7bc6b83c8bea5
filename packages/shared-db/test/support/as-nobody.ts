import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const packageRoot = join(import.meta.dirname, '../..');
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];

/** Whether this process can become an ordinary user: only then do file modes mean anything to root. */
export function canBecomeNobody(): boolean {
  return process.getuid?.() === 0 && spawnSync('setpriv', [...NOBODY, 'true']).status === 0;
}

/** Runs an ES module as an ordinary user and gives what it prints as JSON. `process.argv` from 1 on holds the arguments. */
export function asNobody(program: string, ...args: readonly string[]): unknown {
  const node = [process.execPath, '--input-type=module', '-e', program, '--', ...args];
  return JSON.parse(execFileSync('setpriv', [...NOBODY, ...node], { cwd: packageRoot, encoding: 'utf8' }));
}
