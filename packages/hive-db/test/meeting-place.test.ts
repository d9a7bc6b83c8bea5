import { openDatabaseService, sqlite, type DatabaseService } from '@hive/shared-db';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, type Circumstances } from './support/command-line.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

/** A service that has been given this environment. */
function serviceWith(env: NonNullable<Circumstances['env']>, directory: string): Promise<DatabaseService> {
  return openDatabaseService({
    app: 'shop',
    databases: { orders: sqlite({ path: join(directory, 'orders.db') }) },
    env,
  });
}

describe('processes and hive-db with one environment', () => {
  it.for<readonly [what: string, variables: (directory: string) => Readonly<Record<string, string>>]>([
    ['that names the runtime directory', (directory) => ({ HIVE_RUNTIME_DIR: join(directory, 'run') })],
    [
      'that names a file which holds it',
      (directory) => {
        const file = join(directory, 'where');
        writeFileSync(file, `${join(directory, 'run')}\n`);
        return { HIVE_RUNTIME_DIR_FILE: file };
      },
    ],
  ])('meet, %s', async ([, variables]) => {
    using directory = temporaryDirectory();
    const env = { ...variables(directory.path), HIVE_PROFILE: 'test', HIVE_HOME: '/x' };
    await using _service = await serviceWith(env, directory.path);
    const { code, out, err } = await run(['status', '--json'], { env });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ processes: [{ app: 'shop', pid: process.pid }] });
  });

  it.each([
    [{ HIVE_RUNTIME_DIRECTORY: '/run/hive' }, 'HIVE_RUNTIME_DIRECTORY is not a setting; the nearest valid key is'],
    [{ HIVE_RUNTIMEDIR: '/run/hive' }, 'HIVE_RUNTIMEDIR is not a setting; the nearest valid key is'],
    [{ HIVE_RUNTIME_DIR: 'run' }, 'HIVE_RUNTIME_DIR must be an absolute path, not "run"'],
    [{ HIVE_RUNTIME_DIR: '' }, 'HIVE_RUNTIME_DIR must be an absolute path, not ""'],
    [{ HIVE_RUNTIME_DIR_FILE: '/nowhere/file' }, 'HIVE_RUNTIME_DIR_FILE must name a readable text file, but'],
    [{ HIVE_RUNTIME_DIR: '/run/hive', HIVE_RUNTIME_DIR_FILE: '/x' }, 'HIVE_RUNTIME_DIR_FILE are both set'],
  ])('refuse the same with the same sentence: %j', async (env, sentence) => {
    using directory = temporaryDirectory();
    const error = await serviceWith(env, directory.path).then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).toContain(sentence);
    expect(await run(['status'], { env })).toEqual({ code: 2, out: '', err: `hive-db: ${error?.message}\n` });
    // Who says where to look needs no environment, and neither does who looks at a file.
    const elsewhere = await run(['status', '--runtime-dir', directory.path], { env });
    expect(elsewhere).toMatchObject({ code: 0, err: expect.stringContaining('no process found') as string });
    expect((await run(['status', join(directory.path, 'none.db')], { env })).err).toContain('does not exist');
  });
});
