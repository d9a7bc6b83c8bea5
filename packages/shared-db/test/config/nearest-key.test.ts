import { describe, expect, it } from 'vitest';
// By itself: no two settings are equally near to a word that somebody would write.
import { likelyKey, nearestKey } from '../../dist/config/nearest-key.js';

describe('the nearest of names that are equally near', () => {
  it.each<readonly [string, readonly string[], string]>([
    ['bat', ['cat', 'hat', 'rat'], 'cat'],
    ['bat', ['rat', 'hat', 'cat'], 'rat'],
    ['shard3', ['shard2', 'shard1'], 'shard2'],
    ['databases.bat.size', ['databases.house.size', 'databases.rat.size', 'databases.cat.size'], 'databases.rat.size'],
    ['pool_size', ['poolSize', 'pool.size'], 'poolSize'],
  ])('to %s is the first', (written, names, nearest) => {
    expect(nearestKey(written, names)).toBe(nearest);
    expect(likelyKey(written, new Set(names))).toBe(nearest);
  });

  it('is none where there are none', () => {
    expect(nearestKey('bat', [])).toBeUndefined();
    expect(likelyKey('bat', [])).toBeUndefined();
  });
});
