import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Report } from './report.ts';
import { parseResults } from './results.ts';
import type { Suite } from './scenario.ts';

/** Runs a suite in a process of its own: its figures do not depend on what was measured before. Rejects where it does not end well. */
export async function runApart({ name }: Suite, args: readonly string[]): Promise<Report> {
  const main = fileURLToPath(new URL('main.js', import.meta.url));
  const child = spawn(process.execPath, [main, name, '--json', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const said = await text(child.stdout);
  const [status] = await closed;
  if (status !== 0) throw new Error(`the suite ${name} ended with ${status ?? 'a signal'}`);
  const [report] = parseResults(said, `what ${name} printed`);
  if (report === undefined) throw new Error(`BUG: ${name} has printed no report`);
  return report;
}
