import { describe, expect, it } from 'vitest';
import { describeOrigins, resolveSettings } from '@hive/shared-db/config';

function thresholdsOf(health: string) {
  const settings = resolveSettings({ file: { path: 'f', text: `database: { health: { ${health} } }` }, databases: [] });
  return { settings, thresholds: settings.thresholds };
}

describe('a duration', () => {
  it.each([
    ['250ms', 250, '250ms'],
    ['5s', 5_000, '5s'],
    ['1.001s', 1_001, '1001ms'],
    ['0.25s', 250, '250ms'],
    ['10m', 600_000, '10m'],
    ['90m', 5_400_000, '90m'],
    ['1h', 3_600_000, '1h'],
    ['168h', 604_800_000, '168h'],
    ['10', 10_000, '10s'],
    ['0.5', 500, '500ms'],
    ['604800', 604_800_000, '168h'],
  ])('may be written %s', (written, ms, text) => {
    const { settings, thresholds } = thresholdsOf(`leaseAge: ${written}`);
    expect(thresholds.leaseMs).toBe(ms);
    expect(describeOrigins(settings).find(({ key }) => key === 'database.health.leaseAge')?.value).toBe(text);
  });
});

describe('a size', () => {
  it.each([
    ['4096', 4_096, '4KiB'],
    ['5000B', 5_000, '5000B'],
    ['64KiB', 65_536, '64KiB'],
    ['64MiB', 67_108_864, '64MiB'],
    ['1.5GiB', 1_610_612_736, '1536MiB'],
    ['1TiB', 1_099_511_627_776, '1TiB'],
  ])('may be written %s', (written, bytes, text) => {
    const { settings, thresholds } = thresholdsOf(`walSize: ${written}`);
    expect(thresholds.walBytes).toBe(bytes);
    expect(describeOrigins(settings).find(({ key }) => key === 'database.health.walSize')?.value).toBe(text);
  });
});
