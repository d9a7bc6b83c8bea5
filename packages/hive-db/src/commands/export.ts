import { closeSync, lstatSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { exportOf } from '../documents/export.ts';
import type { ExitCode } from '../exit-code.ts';
import { announce, inquire, outcomeOf } from '../inquiry.ts';
import { say, type Invocation } from '../invocation.ts';
import { count } from '../render/figures.ts';
import { encode, printDocument } from '../render/json.ts';
import { safe } from '../render/safe-text.ts';
import { WrongUse } from '../wrong-use.ts';

/** How every export begins, and nothing else does. */
const BEGINNING = '{\n  "schema": "hive-db/export/';
const STANDARD_OUTPUT = '-';

/**
 * Everything that all processes know of themselves as one document, to a file or standard output. The file appears complete or not at
 * all, and only this user may read it: it holds labels and paths. An earlier export is replaced; any other file is refused.
 */
export async function exportSnapshots(invocation: Invocation, output: string): Promise<ExitCode> {
  const { io } = invocation;
  const target = output === STANDARD_OUTPUT ? undefined : checkedTarget(output, io.cwd);
  const inquiry = await inquire(invocation);
  const document = exportOf(inquiry);
  announce(invocation, inquiry);
  if (target === undefined) printDocument(io.stdout, document);
  else {
    writeWhole(target, `${encode(document, 2)}\n`);
    say(invocation, `${count(document.processes.length, 'process', 'processes')} exported to ${safe(target, 4_096)}`);
  }
  return outcomeOf(inquiry);
}

/** The absolute path, where nothing is yet or an earlier export: `--output data/orders.db` is a slip that would cost a database. */
function checkedTarget(output: string, cwd: string): string {
  const path = resolve(cwd, output);
  const refuse = (what: string): never => {
    throw new WrongUse(`--output ${safe(output, 4_096)} ${what}`);
  };
  if (output === '' || output.includes('\0')) refuse('is no name that a file can have');
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return path;
    if (!stats.isFile() || beginningOf(path) !== BEGINNING)
      refuse('is there already and is no earlier export; name a new file');
    return path;
  } catch (error) {
    if (error instanceof WrongUse) throw error;
    return refuse(`cannot be used: ${codeOf(error)}`);
  }
}

function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.partial`;
  try {
    writeFileSync(partial, text, { flag: 'wx', mode: 0o600 });
    renameSync(partial, path);
  } catch (error) {
    // Whoever else made a file of that name keeps it.
    if (codeOf(error) !== 'EEXIST') rmSync(partial, { force: true });
    throw new WrongUse(`--output ${safe(path, 4_096)} cannot be written: ${codeOf(error)}`);
  }
}

function beginningOf(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(BEGINNING.length);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
