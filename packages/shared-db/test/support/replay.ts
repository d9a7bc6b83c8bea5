import type { Parameters } from 'fast-check';

/** Whether one case is run again instead of many new ones. */
export function isReplay(): boolean {
  return process.env['HIVE_PATH'] !== undefined;
}

/**
 * Settings for `fc.assert`. A failure prints its seed and path; `HIVE_SEED` and `HIVE_PATH` in the environment run exactly that
 * case again.
 */
export function replay<T>(parameters: Parameters<T> = {}): Parameters<T> {
  const { HIVE_SEED: seed, HIVE_PATH: path } = process.env;
  return {
    ...parameters,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  };
}
