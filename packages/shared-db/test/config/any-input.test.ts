import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { resolveSettings, type CodeSettings, type SettingsSources } from '@hive/shared-db/config';
import { DatabaseError } from '@hive/shared-db';
import { replay } from '../support/replay.ts';

const key = fc.oneof(
  fc.constantFrom('database', 'databases', 'pool', 'health', 'size', 'orders', 'path', 'recycle', '__proto__'),
  fc.string({ maxLength: 6 }),
);
const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({
    unit: fc.constantFrom('\n', '  ', ':', ' ', '- ', '{', '}', '"', '&a', '*a', 'database', 'pool', '3'),
  }),
  fc.object({ key, maxDepth: 4 }).map((tree) => stringify(JSON.parse(JSON.stringify(tree)))),
);
const env = fc.dictionary(
  fc.oneof(
    fc.constantFrom('DB_POOL_SIZE', 'DB_ORDERS__PATH', 'DB_POOL_RECYCLE_FILE', 'HIVE_RUNTIME_DIR', 'DB__', 'DB_X__'),
    fc.string({ maxLength: 20 }),
  ),
  fc.string({ maxLength: 10 }),
);

function outcomeOf(sources: Partial<SettingsSources>): string {
  try {
    return Object.isFrozen(resolveSettings({ databases: ['orders'], ...sources })) ? 'settings' : 'something soft';
  } catch (error) {
    const refused = error instanceof DatabaseError && error.code === 'HIVEDB_E_CONFIG';
    return refused && !error.message.includes('\n') ? 'one sentence' : String(error);
  }
}

describe('any input', () => {
  it.each([
    ['a settings file', text.map((yaml) => ({ file: { path: 'settings.yaml', text: yaml } }))],
    ['an environment', env.map((variables) => ({ env: variables }))],
    ['code', fc.anything().map((code) => ({ code: code as CodeSettings }))],
  ])('as %s gives settings or one sentence that says what is wrong', (_, sources) => {
    fc.assert(
      fc.property<[Partial<SettingsSources>]>(sources, (given) => {
        expect(['settings', 'one sentence']).toContain(outcomeOf(given));
      }),
      replay({ numRuns: 500 }),
    );
  });
});
