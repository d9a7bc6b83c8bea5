import { describe, expect, it, vi } from 'vitest';
import { deprecationLedger, noteDeprecated } from '@hive/shared-db';
import { companion } from './support/companion.ts';

/** An old API, and uses of it: the second and the third are at one place. */
const PROGRAM = `
  import { deprecationLedger, noteDeprecated } from '@hive/shared-db';
  const warnings = [];
  process.on('warning', ({ name, code, message }) => warnings.push({ name, code, message }));
  const deprecation = { code: 'HIVEDB_DEP0999', api: 'getDbConnection()', replacement: 'getConnection()' };
  function getDbConnection() { noteDeprecated(deprecation, getDbConnection); return 'works'; }
  class OldPool { constructor() { noteDeprecated({ ...deprecation, code: 'HIVEDB_DEP0998', api: 'OldPool' }, OldPool); } }
  const uses = [getDbConnection()];
  for (let i = 0; i < 2; i++)
    uses.push(getDbConnection());
  new OldPool();
  await new Promise((resolve) => setImmediate(resolve));
  say(JSON.stringify({ uses, warnings, ledger: deprecationLedger() }));
`;

describe('an API that is going away', () => {
  it('works, warns once per place that uses it, and is counted each time', async () => {
    await using program = companion(PROGRAM);
    const { uses, warnings, ledger } = JSON.parse(await program.hear()) as Record<string, unknown[]>;
    expect(uses).toEqual(['works', 'works', 'works']);
    const message = expect.stringMatching(
      /^getDbConnection\(\) is deprecated: use getConnection\(\) \(called at .+:\d+:\d+\)$/,
    ) as string;
    expect(warnings).toEqual([
      { name: 'DeprecationWarning', code: 'HIVEDB_DEP0999', message },
      { name: 'DeprecationWarning', code: 'HIVEDB_DEP0999', message },
      { name: 'DeprecationWarning', code: 'HIVEDB_DEP0998', message: expect.stringContaining('OldPool is deprecated') },
    ]);
    expect(ledger).toEqual([
      {
        code: 'HIVEDB_DEP0999',
        replacement: 'getConnection()',
        calls: 3,
        callSites: [expect.stringMatching(/:\d+:\d+$/), expect.stringMatching(/:\d+:\d+$/)],
      },
      { code: 'HIVEDB_DEP0998', replacement: 'getConnection()', calls: 1, callSites: [expect.any(String)] },
    ]);
  });

  it('throws where the process is started so that deprecations throw, and names who called', async () => {
    await using program = companion(`process.throwDeprecation = true;\n${PROGRAM}`);
    const { code, stderr } = await program.end();
    expect(code).not.toBe(0);
    expect(stderr).toContain('getDbConnection() is deprecated: use getConnection()');
  });

  it('is counted without end, while only some places are remembered', () => {
    const deprecation = { code: 'HIVEDB_DEP0997', api: 'old()', replacement: 'fresh()' } as const;
    using warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    // Every call from a function that is compiled anew is a place of its own.
    for (let i = 0; i < 80; i++) {
      const old = (): void => {
        noteDeprecated(deprecation, old);
      };
      // oxlint-disable-next-line typescript/no-implied-eval -- a place of its own for each call
      (new Function('old', `${'\n'.repeat(i)}old()`) as (fn: () => void) => void)(old);
    }
    expect(warned).toHaveBeenCalledTimes(50);
    const entry = deprecationLedger().find(({ code }) => code === deprecation.code);
    expect(entry?.calls).toBe(80);
    expect(entry?.callSites).toHaveLength(50);
  });
});
