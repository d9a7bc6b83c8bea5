import { describe, expect, it } from 'vitest';
import { parseLibraryFile } from '../src/component-data/library-file.ts';
import { ComponentLibrary } from '../src/study/component-library.ts';
import { Refusal } from '../src/study/refusal.ts';
import { shippedComponents, shippedLibrary } from './support/shipped-library.ts';

const battery = `
  - kind: battery
    id: box
    name: Box
    chargeEfficiency: 0.9
    dischargeEfficiency: 0.9
    chargeKwPerKwh: 0.5
    dischargeKwPerKwh: 0.5
    standbyLossPerHour: 0.0
`;
const curve = '{ constant: 6.81, perC: -0.121, perC2: 0.00063, minLiftC: 15, maxLiftC: 60 }';
const heatPump = `components: [{ kind: heat-pump, id: pump, name: Pump, supplyC: 35, cop: ${curve} }]`;

const findBattery = (id: string) => shippedLibrary.get('battery', id, 'study "a"', 'battery.id');
const parse = (text: string) => parseLibraryFile('boxes.yaml', text);

describe('the shipped library', () => {
  it('has several variants of every kind, each with an id of its own', () => {
    const kinds = Map.groupBy(shippedComponents, ({ kind }) => kind);
    expect([...kinds.keys()].toSorted()).toEqual(['battery', 'demand', 'grid', 'heat-pump', 'pv']);
    for (const components of kinds.values()) expect(components.length).toBeGreaterThanOrEqual(3);
    expect(new Set(shippedComponents.map(({ id }) => id)).size).toBe(shippedComponents.length);
  });

  it('finds a component by kind and id', () => {
    expect(shippedLibrary.get('battery', 'battery-lead-acid', 'x', 'y').name).toBe('Lead-acid battery bank');
  });

  it('refuses an id of another kind or none, and names the nearest of the right kind', () => {
    expect(() => findBattery('battery-lead-asid')).toThrow(
      `study "a": battery.id: expected the id of a component of kind battery, found 'battery-lead-asid'; did you mean "battery-lead-acid"?`,
    );
    expect(() => findBattery('pv-perc-roof')).toThrow(
      `expected the id of a component of kind battery, found 'pv-perc-roof'.`,
    );
  });
});

describe('a library', () => {
  it('of two components with one id is a bug of its builder', () => {
    const [box] = parse(`components:${battery}`);
    expect(() => new ComponentLibrary([box!, box!])).toThrow('BUG: two components have the id "box"');
  });
});

describe('a library file', () => {
  it('becomes frozen components', () => {
    const components = parse(`components:${battery}`);
    expect(components).toEqual([
      {
        kind: 'battery',
        id: 'box',
        name: 'Box',
        chargeEfficiency: 0.9,
        dischargeEfficiency: 0.9,
        chargeKwPerKwh: 0.5,
        dischargeKwPerKwh: 0.5,
        standbyLossPerHour: 0,
      },
    ]);
    expect(Object.isFrozen(components)).toBe(true);
    expect(Object.isFrozen(components[0])).toBe(true);
    const grid = shippedLibrary.get('grid', 'grid-seattle-time-of-use', 'x', 'y');
    expect(Object.isFrozen(grid.bands)).toBe(true);
    expect(Object.isFrozen(grid.bands[0])).toBe(true);
  });

  it.each([
    ['nothing', '', 'boxes.yaml: expected object, found null.'],
    ['a list', '- 1', 'boxes.yaml: expected object, found [Array].'],
    ['no components', 'components: []', 'boxes.yaml: components: expected array to have >=1 items, found [].'],
    ['another key', `parts: []\ncomponents:${battery}`, `boxes.yaml: expected only known keys, found 'parts'.`],
    [
      'an unknown kind',
      `components:${battery.replace('kind: battery', 'kind: batery')}`,
      `boxes.yaml: components.0.kind: expected one of pv, battery, heat-pump, demand, grid, found 'batery'; did you mean "battery"?`,
    ],
    [
      'no kind',
      `components:${battery.replace('kind: battery', 'kind:')}`,
      'boxes.yaml: components.0.kind: expected one of pv, battery, heat-pump, demand, grid, found null.',
    ],
    [
      'a mistyped key',
      `components:${battery.replace('chargeKwPerKwh', 'chargeKWPerKWh')}`,
      `boxes.yaml: components.0: expected only known keys, found 'chargeKWPerKWh'; did you mean "chargeKwPerKwh"?`,
    ],
    [
      'a missing key',
      `components:${battery.replace('    chargeEfficiency: 0.9\n', '')}`,
      'boxes.yaml: components.0.chargeEfficiency: expected number, found nothing.',
    ],
    [
      'a word for a number',
      `components:${battery.replace('chargeEfficiency: 0.9', 'chargeEfficiency: high')}`,
      `boxes.yaml: components.0.chargeEfficiency: expected number, found 'high'.`,
    ],
    [
      'more energy out than in',
      `components:${battery.replace('chargeEfficiency: 0.9', 'chargeEfficiency: 1.1')}`,
      'boxes.yaml: components.0.chargeEfficiency: expected number to be <=1, found 1.1.',
    ],
    [
      'an infinite number',
      `components:${battery.replace('chargeKwPerKwh: 0.5', 'chargeKwPerKwh: .inf')}`,
      'boxes.yaml: components.0.chargeKwPerKwh: expected number, found Infinity.',
    ],
    [
      'an id that is no slug',
      `components:${battery.replace('id: box', 'id: Box 1')}`,
      `boxes.yaml: components.0.id: expected a lower-case letter and then at most 62 letters, digits or hyphens, found 'Box 1'.`,
    ],
    [
      'one id twice',
      `components:${battery}${battery}`,
      `boxes.yaml: components.1.id: expected an id that no component before it has, found 'box'.`,
    ],
    [
      'a COP that rises with the lift',
      heatPump.replace('perC2: 0.00063', 'perC2: 0.002'),
      'boxes.yaml: components.0.cop.perC2: expected a curve that falls up to maxLiftC, found [Object].',
    ],
    [
      'a COP below 1',
      heatPump.replace('constant: 6.81', 'constant: 3'),
      'boxes.yaml: components.0.cop.maxLiftC: expected a COP of at least 1 at maxLiftC, found [Object].',
    ],
    [
      'lifts that do not span a range',
      heatPump.replace('minLiftC: 15', 'minLiftC: 60'),
      'boxes.yaml: components.0.cop.minLiftC: expected minLiftC to be less than maxLiftC, found [Object].',
    ],
    [
      'no YAML',
      'components:\n  - kind: [battery',
      `boxes.yaml: line 2: expected YAML (Flow sequence in block collection must be sufficiently indented and end with a ]), found '  - kind: [battery'.`,
    ],
    [
      'a key twice',
      `components:${battery}components: []`,
      `boxes.yaml: line 10: expected YAML (Map keys must be unique), found 'components: []'.`,
    ],
    [
      'an alias without an anchor',
      'components: *nowhere',
      `boxes.yaml: expected YAML (Unresolved alias (the anchor must be set before the alias): nowhere), found 'components: *nowhere'.`,
    ],
  ])('with %s is refused', (_, text, sentence) => {
    let refusal: unknown;
    try {
      parse(text);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Refusal);
    expect((refusal as Refusal).message).toBe(sentence);
  });
});
