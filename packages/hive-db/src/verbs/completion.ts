import { Argument, type Command } from 'commander';
import type { Shell } from '../completion-script.ts';
import { examples } from '../examples.ts';
import { EXIT } from '../exit-code.ts';
import type { Run } from './verb.ts';

const SHELLS: readonly Shell[] = ['bash', 'zsh', 'fish'];

export function addCompletion(program: Command, run: Run): void {
  const completion = program
    .command('completion')
    .description('a script that makes a shell complete verbs, options and names of open databases')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: Shell) => {
      await run(async ({ io }) => {
        const { completionScript } = await import('../completion-script.ts');
        io.stdout.write(completionScript(shell));
        return EXIT.fine;
      });
    });
  examples(completion, [
    ['source <(hive-db completion bash)', 'in ~/.bashrc; for zsh the same'],
    ['hive-db completion fish | source', 'in config.fish'],
  ]);
}
