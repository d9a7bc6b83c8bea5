import { describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { defaultStudies } from '../src/study/default-studies.ts';
import { Refusal } from '../src/study/refusal.ts';
import { planStudy } from '../src/study/study-plan.ts';
import { parseStudySpec } from '../src/study/study-spec.ts';
import { shippedLibrary } from './support/shipped-library.ts';

const year = await loadSeattleYear();
const valid = defaultStudies[2]!;

/** The sentence with which something is refused. */
function refusalOf(attempt: () => unknown): string {
  try {
    attempt();
  } catch (error) {
    if (error instanceof Refusal) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a study', () => {
  it('survives being sent as JSON and is frozen all the way down', () => {
    const spec = parseStudySpec(JSON.parse(JSON.stringify(valid)), 'task 1');
    expect(spec).toEqual(valid);
    for (const part of [spec, spec.site, spec.demand, spec.heatPump, spec.pv, spec.pv[0], spec.battery, spec.grid])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it.each([
    ['no object', 7, 'task 1: expected object, found 7.'],
    ['no name', { ...valid, name: undefined }, 'task 1: name: expected string, found nothing.'],
    [
      'a name that is no slug',
      { ...valid, name: '../etc' },
      `task 1: name: expected a lower-case letter and then at most 62 letters, digits or hyphens, found '../etc'.`,
    ],
    [
      'a mistyped key',
      { ...valid, heatPump: { id: 'heat-pump-floor', thermalKW: 3 } },
      `task 1: heatPump: expected only known keys, found 'thermalKW'; did you mean "thermalKw"?`,
    ],
    ['a key too many', { ...valid, colour: 'red' }, `task 1: expected only known keys, found 'colour'.`],
    [
      'half a dwelling',
      { ...valid, demand: { id: 'dwelling-flat', dwellings: 0.5 } },
      'task 1: demand.dwellings: expected int, found 0.5.',
    ],
    [
      'a roof that overhangs',
      { ...valid, pv: [{ id: 'pv-perc-roof', peakKw: 1, tiltDeg: 91, azimuthDeg: 0 }] },
      'task 1: pv.0.tiltDeg: expected number to be <=90, found 91.',
    ],
    [
      'an empty battery',
      { ...valid, battery: { id: 'battery-lead-acid', capacityKwh: 0 } },
      'task 1: battery.capacityKwh: expected number to be >0, found 0.',
    ],
    [
      'not a number for a size',
      { ...valid, grid: { id: 'grid-seattle-flat', exportLimitKw: NaN } },
      'task 1: grid.exportLimitKw: expected number, found NaN.',
    ],
    ['no word about the battery', { ...valid, battery: undefined }, 'task 1: battery: expected object, found nothing.'],
  ])('with %s is refused', (_, input, sentence) => {
    expect(refusalOf(() => parseStudySpec(input, 'task 1'))).toBe(sentence);
  });

  it.each([
    ['demand.id', { demand: { id: 'dwelling-flet', dwellings: 1 } }, 'dwelling-flet', 'demand', 'dwelling-flat'],
    [
      'heatPump.id',
      { heatPump: { id: 'heat-pump-flor', thermalKw: 1 } },
      'heat-pump-flor',
      'heat-pump',
      'heat-pump-floor',
    ],
    ['pv.1.id', { pv: [valid.pv[0]!, { ...valid.pv[0]!, id: 'pv-perk-roof' }] }, 'pv-perk-roof', 'pv', 'pv-perc-roof'],
    [
      'battery.id',
      { battery: { id: 'battery-lead-acd', capacityKwh: 1 } },
      'battery-lead-acd',
      'battery',
      'battery-lead-acid',
    ],
    [
      'grid.id',
      { grid: { id: 'grid-seattle-flit', exportLimitKw: 1 } },
      'grid-seattle-flit',
      'grid',
      'grid-seattle-flat',
    ],
  ])('with an unknown %s is refused when it is planned', (key, change, found, kind, nearest) => {
    const spec = parseStudySpec({ ...valid, name: 'mine', ...change }, 'task 1');
    expect(refusalOf(() => planStudy(spec, shippedLibrary, year))).toBe(
      `study "mine": ${key}: expected the id of a component of kind ${kind}, found '${found}'; did you mean "${nearest}"?`,
    );
  });

  it('at a place without a climate is refused when it is planned', () => {
    const spec = parseStudySpec(
      { ...valid, name: 'mine', site: { place: 'seatle', groundReflectance: 0.2 } },
      'task 1',
    );
    expect(refusalOf(() => planStudy(spec, shippedLibrary, year))).toBe(
      `study "mine": site.place: expected the place of the climate, found 'seatle'; did you mean "seattle"?`,
    );
  });
});
