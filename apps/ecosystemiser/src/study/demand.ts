import { z } from 'zod';
import { valueAt } from '../climate/column.ts';
import type { Column } from '../climate/column.ts';
import type { ClimateYear } from '../climate/climate-year.ts';
import { componentIdentity } from './component-identity.ts';

/** Relative use of electricity in each hour of a day, from midnight on. Only the proportions matter. */
const dayShape = z
  .array(z.number().nonnegative())
  .length(24)
  .refine((shape) => shape.some((weight) => weight > 0), { error: 'expected at least one hour above 0' })
  .readonly();

/** A kind of dwelling: what one of it uses, of electricity (all but heating) and of heat. */
export const demandSchema = z
  .strictObject({
    kind: z.literal('demand'),
    ...componentIdentity,
    electricKwhPerYear: z.number().positive().max(1_000_000),
    weekdayShape: dayShape,
    weekendShape: dayShape,
    /** How much more electricity is used in the middle of January than on average, and how much less in July, as a share. */
    winterSwing: z.number().nonnegative().lt(1),
    /** Heat lost through walls and air for each degree that it is colder outdoors. */
    heatLossKwPerC: z.number().nonnegative().max(100),
    /** The outdoor temperature under which heating starts: sun and people warm the house up to there. */
    heatingBelowC: z.number().min(0).max(25),
    hotWaterKwhPerDay: z.number().nonnegative().max(1000),
  })
  .readonly();
export type Demand = z.infer<typeof demandSchema>;

/** What some dwellings use, hour by hour. */
export interface DemandYear {
  readonly electricKwh: Column;
  readonly thermalKwh: Column;
}

/**
 * The year of some equal dwellings. The hours of electricity sum to the year's use; heat follows the degrees that it is
 * colder outdoors than the heating limit in each hour (degree-hours), and hot water is drawn evenly.
 */
export function demandYear(demand: Demand, dwellings: number, climate: ClimateYear): DemandYear {
  const hours = new Float64Array(climate.hours);
  const weights = hours.map((_, hour) => electricWeight(demand, climate, hour));
  const kwhPerWeight = (dwellings * demand.electricKwhPerYear) / weights.reduce((sum, weight) => sum + weight, 0);
  return {
    electricKwh: weights.map((weight) => weight * kwhPerWeight),
    thermalKwh: hours.map((_, hour) => dwellings * thermalKw(demand, valueAt(climate.temperatureC, hour))),
  };
}

function electricWeight(demand: Demand, climate: ClimateYear, hour: number): number {
  const dayOfWeek = valueAt(climate.dayOfWeek, hour);
  const shape = dayOfWeek === 0 || dayOfWeek === 6 ? demand.weekendShape : demand.weekdayShape;
  const season = Math.cos((2 * Math.PI * (valueAt(climate.dayOfYear, hour) - 15)) / 365);
  return valueAt(shape, valueAt(climate.hourOfDay, hour)) * (1 + demand.winterSwing * season);
}

function thermalKw(demand: Demand, outdoorC: number): number {
  return demand.heatLossKwPerC * Math.max(0, demand.heatingBelowC - outdoorC) + demand.hotWaterKwhPerDay / 24;
}
