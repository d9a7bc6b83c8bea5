import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { EXIT } from '../dist/exit-code.js';
import type { Io } from '../dist/io.js';
import { createProgram } from '../dist/program.js';

const root = join(import.meta.dirname, '../../..');
const readme = textOf('packages/hive-db/README.md');
const guide = textOf('docs/guides/operating.md');
const nowhere = { stdout: { write: () => true }, stderr: { write: () => true } } as unknown as Io;
const program = createProgram(nowhere, () => undefined);

function textOf(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Every verb that help lists but help itself, the verbs of `config` one by one. */
function verbs(): readonly Command[] {
  const listed = program
    .createHelp()
    .visibleCommands(program)
    .filter((verb) => verb.name() !== 'help');
  return listed.flatMap((verb) => (verb.commands.length > 0 ? verb.commands : [verb]));
}

/** `config print`, `status [file...]`. */
function spelled(verb: Command): string {
  const parts = [...(verb.parent === program ? [] : [verb.parent?.name() ?? '']), verb.name()];
  const operands = verb.registeredArguments.map((one) => {
    const name = one.variadic ? `${one.name()}...` : one.name();
    return one.required ? `<${name}>` : `[${name}]`;
  });
  return [...parts, ...operands].join(' ');
}

/** The rows of a table of the README: each cell as it stands there. */
function rowsBelow(head: string): readonly (readonly string[])[] {
  const [, table = ''] = readme.split(`${head}\n`);
  const [body = ''] = table.trimEnd().split('\n\n');
  return body
    .split('\n')
    .slice(1)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

function codeIn(cell: string): readonly string[] {
  return Array.from(cell.matchAll(/`([^`]+)`/g), ([, word = '']) => word);
}

describe('the documents of hive-db', () => {
  const rows = rowsBelow('| verb | options of its own | document |');

  it('list every verb with its operands and options, as help does, and no other', () => {
    const listed = rows.map(([verb = '', options = '']) => [codeIn(verb)[0], ...codeIn(options)]);
    const known = verbs().map((verb) => [spelled(verb), ...verb.options.map(({ long }) => long ?? '')]);
    expect(listed).toEqual(known);
  });

  it('name every contract, beside its verb', () => {
    const named = rows.flatMap(([, , document = '']) =>
      Array.from(document.matchAll(/\[([\w-]+)\]\(schemas\/([\w.-]+)\)/g), ([, name = '', file]) => {
        expect(file).toBe(`${name}.v1.schema.json`);
        return `${name}.v1.schema.json`;
      }),
    );
    expect(named.toSorted()).toEqual(readdirSync(join(root, 'packages/hive-db/schemas')).toSorted());
  });

  it('say what is in each folder', () => {
    const named = rowsBelow('| folder | what |').flatMap(([folder = '']) => codeIn(folder));
    const entries = readdirSync(join(root, 'packages/hive-db/src'), { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `src/${name}`);
    expect(named.toSorted()).toEqual(folders.toSorted());
  });

  it('name the options of all verbs', () => {
    const [, shared = ''] = /^All verbs take (.*?)\n\n/ms.exec(readme) ?? [];
    const named = new Set(shared.match(/--[a-z-]+/g));
    const known = program
      .createHelp()
      .visibleOptions(program)
      .map(({ long }) => long);
    expect(named).toEqual(new Set(known));
  });

  it('show every verb in the operating guide', () => {
    for (const verb of verbs()) expect(guide).toContain(`hive-db ${spelled(verb).replace(/ [[<].*/, '')}`);
  });

  it.each(['packages/hive-db/README.md', 'docs/guides/operating.md'])('give the exit codes as they are: %s', (file) => {
    const [, list = ''] = /Exit codes: (.*?)\./s.exec(textOf(file)) ?? [];
    expect(list.match(/\d+/g)?.map(Number)).toEqual(Object.values(EXIT));
  });

  it('know every step that mends something', () => {
    const sources = ['fixes/database-file-fixes', 'fixes/runtime-directory-fixes'].map((file) =>
      textOf(`packages/hive-db/src/${file}.ts`),
    );
    const words = sources.flatMap((text) =>
      Array.from(text.matchAll(/(?:word: '|id: `)([a-z]+(?:-[a-z]+)*)/g), ([, word = '']) => word),
    );
    const steps = Array.from(
      guide.matchAll(/^\| `([a-z-]+)(?: FILE)?` \| (?:none|low|high)/gm),
      ([, word = '']) => word,
    );
    expect(steps.toSorted()).toEqual([...new Set(words)].toSorted());
  });
});
