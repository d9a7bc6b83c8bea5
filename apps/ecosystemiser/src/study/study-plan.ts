import type { ClimateYear } from '../climate/climate-year.ts';
import type { Battery } from './battery.ts';
import type { ComponentLibrary } from './component-library.ts';
import type { Demand } from './demand.ts';
import type { Grid } from './grid.ts';
import type { HeatPump } from './heat-pump.ts';
import type { Pv } from './pv.ts';
import { Refusal } from './refusal.ts';
import type { StudySpec } from './study-spec.ts';

/** A study whose components have been found: everything to compute it but the climate. */
export interface StudyPlan {
  readonly spec: StudySpec;
  readonly demand: Demand;
  readonly heatPump: HeatPump;
  readonly pv: readonly { readonly pv: Pv; readonly size: StudySpec['pv'][number] }[];
  readonly battery: { readonly battery: Battery; readonly capacityKwh: number } | null;
  readonly grid: Grid;
}

/** Finds the components of a study, or throws a `Refusal` for one that the library or the climate does not have. */
export function planStudy(spec: StudySpec, library: ComponentLibrary, climate: ClimateYear): StudyPlan {
  const origin = `study "${spec.name}"`;
  const { place } = spec.site;
  if (place !== climate.place.id) {
    const candidates = [climate.place.id];
    throw new Refusal({ origin, key: 'site.place', expected: 'the place of the climate', found: place, candidates });
  }
  return {
    spec,
    demand: library.get('demand', spec.demand.id, origin, 'demand.id'),
    heatPump: library.get('heat-pump', spec.heatPump.id, origin, 'heatPump.id'),
    pv: spec.pv.map((size, index) => ({ pv: library.get('pv', size.id, origin, `pv.${index}.id`), size })),
    battery: spec.battery && {
      battery: library.get('battery', spec.battery.id, origin, 'battery.id'),
      capacityKwh: spec.battery.capacityKwh,
    },
    grid: library.get('grid', spec.grid.id, origin, 'grid.id'),
  };
}
