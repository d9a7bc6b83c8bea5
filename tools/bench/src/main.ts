import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { complaint } from './complaint.ts';
import { renderInto } from './document.ts';
import { runScenario } from './harness.ts';
import { describeMachine } from './machine.ts';
import { renderMarkdown } from './markdown.ts';
import { reasonOf } from './reason.ts';
import { tablesOf, type Report, type Table } from './report.ts';
import { parseResults, resultsOf } from './results.ts';
import type { Suite } from './scenario.ts';
import { runApart } from './suite-process.ts';
import { suites } from './suites/registry.ts';
import { renderText } from './text.ts';

interface Options {
  readonly json?: true;
  readonly markdown?: true;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly only?: string;
}

const program = new Command('bench')
  .description('Measures this repository against its named peers, side by side in one process.')
  .configureOutput({ outputError: (text, write) => write(`bench: ${complaint(text)}\n`) })
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
for (const suite of suites)
  measuring(suite.name, suite.about)
    .addOption(new Option('--only <scenario>', 'one scenario alone').choices(suite.scenarios().map(({ name }) => name)))
    .action(async (options: Options) => print(await runSuite(suite, options), options));
measuring('all', 'every suite, one after the other, each in a process of its own').action(runAll);
program
  .command('render')
  .description('writes what --json has printed into the document, with charts beside it')
  .argument('<file>', 'what --json has printed, of one suite or of all')
  .option('--document <file>', 'a document with a place for each suite', 'docs/benchmarks.md')
  .action((file: string, { document }: { readonly document: string }) => {
    try {
      const written = renderInto(document, parseResults(readFileSync(file, 'utf8'), file));
      process.stdout.write(`${written.join('\n')}\n`);
    } catch (error) {
      program.error(`render: ${reasonOf(error)}`);
    }
  });
await program.parseAsync();
// A contestant that has failed may have left timers behind, and nobody waits for those.
await new Promise((resolve) => process.stdout.write('', resolve));
process.exit();

function measuring(name: string, about: string): Command {
  return program
    .command(name)
    .description(about)
    .option('--json', 'one JSON document with the raw figures')
    .option('--markdown', 'the tables as they stand in docs/benchmarks.md')
    .option('--rounds <count>', 'how often everybody is measured; else as often as the scenario needs', wholeNumber)
    .option(
      '--seconds <count>',
      'how long the soak is, and for how long is written without a pause in "log under saturation"; else 60',
      wholeNumber,
    );
}

async function runSuite(suite: Suite, { rounds, seconds, only }: Options): Promise<Report> {
  const machine = await describeMachine(suite.packages);
  const tables: Table[] = [];
  const scenarios = suite.scenarios(seconds === undefined ? {} : { longMs: seconds * 1_000 });
  for (const scenario of scenarios.filter(({ name }) => only === undefined || name === only))
    tables.push(...tablesOf(scenario, await runScenario(scenario, { rounds, progress })));
  progress('');
  return { schema: `hive-bench/${suite.name}/v1`, suite: suite.name, machine, scenarios: tables };
}

/** For a reader, each as soon as it is there; as JSON, all at the end. */
async function runAll(options: Options): Promise<void> {
  const args = (['rounds', 'seconds'] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}`, `${value}`];
  });
  const reports: Report[] = [];
  for (const suite of suites)
    try {
      const report = await runApart(suite, args);
      reports.push(report);
      if (options.json !== true) print(report, options);
    } catch (error) {
      process.stderr.write(`bench: ${reasonOf(error)}\n`);
      process.exitCode = 1;
    }
  if (options.json === true) printJson(resultsOf(reports));
}

function print(report: Report, { json, markdown }: Options): void {
  if (json === true) printJson(report);
  else process.stdout.write(`${markdown === true ? renderMarkdown(report) : renderText(report)}\n`);
}

function printJson(document: unknown): void {
  process.stdout.write(`${JSON.stringify(document, null, 1)}\n`);
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
