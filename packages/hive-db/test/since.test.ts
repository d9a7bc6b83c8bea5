import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from './support/command-line.ts';
import { runtimeDirectory } from './support/runtime-directory.ts';
import { saturatedService } from './support/snapshots.ts';

const LASTING = 'for 3 min (since 2026-11-21T11:57:00Z)';

describe('a reason of a verdict', () => {
  it.each([
    ['status', `\n  warn  orders: saturated  ${LASTING}\n`],
    ['health-check', `\n  warn orders  ${LASTING}\n    98 % of 4 connections in use over`],
    ['monitor', `\n    warning orders  ${LASTING}\n`],
    ['diagnose', `warning  saturated  orders in shop (pid 4711)  ${LASTING}\n`],
  ])('has its beginning in %s', async (verb, expected) => {
    await using directory = await runtimeDirectory(saturatedService());
    const { out } = await run([verb, '--runtime-dir', directory.path]);
    expect(out).toContain(expected);
    const json = await run([verb, '--json', '--runtime-dir', directory.path]);
    expect(json.out).toContain('"since": "2026-11-21T11:57:00.000Z"');
    expect(json.out).toContain('"for_seconds": 180');
  });

  it('and what a process remembers of the last minute are in an export, from which status shows the reason again', async () => {
    await using directory = await runtimeDirectory(saturatedService());
    const { out } = await run(['export', '--runtime-dir', directory.path]);
    const { processes } = JSON.parse(out) as { processes: { databases: object[] }[] };
    expect(processes[0]?.databases[0]).toMatchObject({
      lately: { window_seconds: 61, utilisation_ratio: 0.98, acquire_seconds: 0.012, usual_acquire_seconds: null },
      thresholds: { acquire_factor: 10, error_ratio: 0.05 },
    });
    const file = join(directory.path, 'export.json');
    writeFileSync(file, out);
    const again = await run(['status', '-i', file]);
    expect(again.out).toContain(`warn  orders: saturated  ${LASTING}`);
  });
});
