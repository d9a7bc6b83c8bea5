import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { expect, it } from 'vitest';

const here = resolve(import.meta.dirname, '..');

it('the README is a program that runs', async () => {
  using directory = temporaryDirectory();
  const text = readFileSync(join(here, 'README.md'), 'utf8');
  const blocks = Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code = '']) => code);
  symlinkSync(resolve(here, '../../node_modules'), directory.file('node_modules'));
  writeFileSync(directory.file('package.json'), '{ "type": "module" }');
  writeFileSync(directory.file('tour.ts'), blocks.join('\n'));
  const { stdout } = await promisify(execFile)(process.execPath, ['tour.ts'], {
    cwd: directory.path,
    env: { ...process.env, HIVE_RUNTIME_DIR: directory.file('run') },
  });
  expect(stdout).toBe("[ { id: 1, state: 'packed' } ]\n");
});
