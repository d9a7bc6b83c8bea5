import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../dist/program.js';
import type { Io } from '../dist/io.js';

const root = join(import.meta.dirname, '../../..');
const FOLDERS = ['docs', 'packages', 'apps', 'tools/start'];
/** What is compiled, installed or only tried out speaks to nobody. */
const ELSEWHERE = new Set(['node_modules', 'dist', 'test', 'schemas']);
const TEXTS = /\.(?:md|ts|js|mjs)$/;
/** Words that follow the name of the command in a sentence about it. */
const PROSE = new Set(['itself', 'cannot']);

/** Every file that may tell a person to run something. */
function textsIn(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return ELSEWHERE.has(entry.name) ? [] : textsIn(path);
    return TEXTS.test(entry.name) ? [path] : [];
  });
}

/** `hive-db config print` in a text, as `config print`. */
function commandsIn(text: string): readonly string[] {
  const found = text.matchAll(/(?<![\w/@-])hive-db (?<verb>[a-z][a-z-]*)(?: (?<next>[a-z]+))?/g);
  return Array.from(found, ({ groups = {} }) => {
    const { verb = '', next } = groups;
    return verb === 'config' && next !== undefined ? `${verb} ${next}` : verb;
  }).filter((command) => !PROSE.has(command));
}

function verbs(): readonly string[] {
  const nowhere = { stdout: { write: () => true }, stderr: { write: () => true } } as unknown as Io;
  return createProgram(nowhere, () => undefined).commands.flatMap((command) => [
    command.name(),
    ...command.commands.map((part) => `${command.name()} ${part.name()}`),
  ]);
}

describe('advice and documents', () => {
  const named = [
    join(root, 'README.md'),
    join(root, 'CONTRIBUTING.md'),
    ...FOLDERS.flatMap((one) => textsIn(join(root, one))),
  ].flatMap((path) =>
    commandsIn(readFileSync(path, 'utf8')).map((command) => ({ command, file: relative(root, path) })),
  );

  it('name only commands that there are', () => {
    const known = verbs();
    expect(named.filter(({ command }) => !known.includes(command))).toEqual([]);
  });

  it('are found, also where a sentence names the command', () => {
    expect(commandsIn('see it with hive-db diagnose; `npx hive-db config print --origin`, hive-db itself')).toEqual([
      'diagnose',
      'config print',
    ]);
    const commands = named.map(({ command }) => command);
    expect(commands).toEqual(expect.arrayContaining(['status', 'diagnose', 'deprecations', 'config validate']));
  });
});
