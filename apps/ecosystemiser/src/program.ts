import { Command } from 'commander';
import { readConfig, type Config } from './config.ts';
import type { ExitCode } from './exit-code.ts';
import type { Io } from './io.ts';

interface Options {
  readonly dataDir?: string;
  readonly kind?: string;
  readonly json?: true;
}

/**
 * The command line as commander sees it. Each command is loaded when it is called, so that a wrong option costs no start. `done` is
 * told how the command ended.
 */
export function createProgram(io: Io, done: (code: ExitCode) => void): Command {
  const program = new Command('hive-ecosystemiser');
  program
    .description('Computes energy studies that are asked for over the bus, and shows what it has stored.')
    .helpCommand(false)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => {
        write(`hive-ecosystemiser: ${oneSentence(text)}\n`);
      },
    })
    .exitOverride();
  const command = (name: string, about: string): Command =>
    program
      .command(name)
      .description(about)
      .option('--data-dir <directory>', 'where the databases are (default: ECOSYSTEMISER_DATA_DIR, else .hive)');
  const config = (options: Options): Config => readConfig(options, io);

  command('serve', 'compute studies until it is interrupted').action(async (options: Options) => {
    const { serve } = await import('./commands/serve.ts');
    done(await serve(config(options), io));
  });
  command('studies', 'the stored studies and their summaries')
    .option('--json', 'print one JSON document')
    .action(async (options: Options) => {
      const { studies } = await import('./commands/studies.ts');
      done(await studies(config(options), options.json === true, io));
    });
  command('series', 'the hourly values of a study, as CSV')
    .argument('<study>', 'its name or id')
    .argument('<name>', 'the series, such as importKwh')
    .option('--json', 'print one JSON document')
    .action(async (study: string, name: string, options: Options) => {
      const { series } = await import('./commands/series.ts');
      done(await series(config(options), { study, name, json: options.json === true }, io));
    });
  command('components', 'the component library')
    .option('--kind <kind>', 'only pv, battery, heat-pump, demand or grid')
    .option('--json', 'print one JSON document')
    .action(async (options: Options) => {
      const { components } = await import('./commands/components.ts');
      done(await components(config(options), { kind: options.kind, json: options.json === true }, io));
    });
  return program;
}

/** Commander's words as one sentence of ours: `unknown command 'sreve' (did you mean serve?)`. */
function oneSentence(text: string): string {
  const sentence = text
    .trim()
    .replace(/^error: /, '')
    .replace('. Expected ', ': expected ')
    .replace(/\s*\n\(Did you mean (.*)\?\)$/, ' (did you mean $1?)');
  return sentence.includes('did you mean') ? sentence : `${sentence.replace(/\.$/, '')}; see --help`;
}
