import type { Command } from 'commander';

/** In place of commander's own, which answers what is no verb with the whole help. */
export function addHelpVerb(program: Command): void {
  program
    .helpCommand(false)
    .command('help')
    .description('print the help of a verb')
    .argument('[verb...]')
    .action((words: readonly string[]) => {
      commandCalled(words, program).help();
    });
}

function commandCalled(words: readonly string[], program: Command): Command {
  let command = program;
  for (const word of words) {
    const { commands } = command;
    if (commands.length === 0) program.error(`error: ${command.name()} has no part '${word}'`);
    const next = commands.find((one) => one.name() === word);
    // It has no such verb, and says so with the nearest.
    if (next === undefined) command.parse([word], { from: 'user' });
    else command = next;
  }
  return command;
}
