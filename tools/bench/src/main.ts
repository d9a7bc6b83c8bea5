import { Command, InvalidArgumentError, Option } from 'commander';
import { runScenario } from './harness.ts';
import { describeMachine } from './machine.ts';
import { tablesOf, type Report, type Table } from './report.ts';
import type { Suite } from './scenario.ts';
import { suites } from './suites/registry.ts';
import { renderMarkdown } from './markdown.ts';
import { renderText } from './text.ts';

interface Options {
  readonly json?: true;
  readonly markdown?: true;
  readonly rounds?: number;
  readonly only?: string;
}

const program = new Command('bench')
  .description('Measures this repository against its named peers, side by side in one process.')
  .configureOutput({ outputError: (text, write) => write(text) })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
for (const suite of suites)
  program
    .command(suite.name)
    .description(suite.about)
    .option('--json', 'one JSON document with the raw figures')
    .option('--markdown', 'the tables as they stand in docs/benchmarks.md')
    .option('--rounds <count>', 'how often everybody is measured; else as often as the scenario needs', wholeNumber)
    .addOption(new Option('--only <scenario>', 'one scenario alone').choices(suite.scenarios().map(({ name }) => name)))
    .action(async (options: Options) => print(await runSuite(suite, options), options));
await program.parseAsync();
// A contestant that has failed may have left timers behind, and nobody waits for those.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit();

async function runSuite(suite: Suite, { rounds, only }: Options): Promise<Report> {
  const machine = await describeMachine(suite.packages);
  const tables: Table[] = [];
  for (const scenario of suite.scenarios().filter(({ name }) => only === undefined || name === only))
    tables.push(...tablesOf(scenario, await runScenario(scenario, { rounds, progress })));
  progress('');
  return { schema: `hive-bench/${suite.name}/v1`, suite: suite.name, machine, scenarios: tables };
}

function print(report: Report, { json, markdown }: Options): void {
  if (json === true) process.stdout.write(`${JSON.stringify(report, null, 1)}\n`);
  else process.stdout.write(`${markdown === true ? renderMarkdown(report) : renderText(report)}\n`);
}

/** One line that is written over, for somebody who looks on; nothing in a pipe. */
function progress(what: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${what}`);
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  return value;
}
