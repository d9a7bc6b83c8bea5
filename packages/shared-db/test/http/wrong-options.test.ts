import { createHealthHandler, type HealthHandlerOptions } from '@hive/shared-db/http';
import { describe, expect, it } from 'vitest';
import { outcomeOf } from '../support/outcome.ts';
import { healthyService } from '../support/snapshots.ts';

const snapshot = () => healthyService();

describe('a health handler', () => {
  it.each<readonly [unknown, string]>([
    [undefined, 'createHealthHandler was given undefined; expected { snapshot }'],
    [{}, 'the option snapshot of createHealthHandler is undefined; expected a function that takes one'],
    [{ snapshot: {} }, 'the option snapshot of createHealthHandler is an object; expected a function that takes one'],
    [{ snapshot, detail: 'always' }, 'createHealthHandler has no option detail; did you mean details'],
    [
      { snapshot, details: 'sometimes' },
      'the option details of createHealthHandler is "sometimes"; expected never, when-authorized, always',
    ],
    [{ snapshot, token: 42_042 }, 'the option token of createHealthHandler is "a number"; expected a text'],
    [
      { snapshot, allowedHosts: 'localhost' },
      'the option allowedHosts of createHealthHandler is "localhost"; expected a list of host names',
    ],
    [{ snapshot, allowedHosts: [5] }, 'the option allowedHosts of createHealthHandler is a list; expected a list of'],
    [
      { snapshot, livezFailsAfterMs: '5s' },
      'the option livezFailsAfterMs of createHealthHandler is "5s"; expected milliseconds',
    ],
    [{ snapshot, thresholds: 5 }, 'the option thresholds of createHealthHandler is 5; expected an object'],
    [{ snapshot, clock: {} }, 'the option clock of createHealthHandler is an object; expected a clock'],
    [{ snapshot, logger: {} }, 'logger has no function debug; expected an object with debug, info, warn, error'],
  ])('refuses what is no option in one sentence: %o', (options, sentence) => {
    expect(outcomeOf(() => createHealthHandler(options as HealthHandlerOptions))).toMatchObject({
      code: 'HIVEDB_E_CONFIG',
      message: expect.stringContaining(sentence) as string,
    });
  });
});
