import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { startShop } from './support/program.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { busyService, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';

describe('deprecations', () => {
  it('lists old APIs, their call sites and what to write instead', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
    expect(await run(['deprecations', '--runtime-dir', directory.path])).toEqual({
      code: 0,
      out: [
        'quiet  pid 12  up 60 min',
        '  no deprecated calls',
        '',
        'shop  pid 4711  up 60 min',
        '  HIVEDB_DEP0001  2 calls',
        '    use service.database(name)',
        '    at a.ts:1:1',
        '    at b.ts:2:2',
        '',
      ].join('\n'),
      err: '',
    });
  });

  it('finds the call site in a real process', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    const { out } = await run(['deprecations', '--json', '--runtime-dir', shop.runtimeDirectory]);
    const { processes } = JSON.parse(out) as { processes: { deprecations: { call_sites: string[] }[] }[] };
    expect(processes[0]?.deprecations).toMatchObject([
      { code: 'HIVEDB_DEP0001', replacement: 'service.database(name)', calls: 1 },
    ]);
    expect(processes[0]?.deprecations[0]?.call_sites[0]).toMatch(/service\.mjs:\d+/);
  });
});
