import { z } from 'zod';
import { componentIdentity } from './component-identity.ts';

/** The coefficient of performance as a quadratic function of the lift, fitted for a range of lifts. */
interface CopCurve {
  readonly constant: number;
  readonly perC: number;
  readonly perC2: number;
  readonly minLiftC: number;
  readonly maxLiftC: number;
}

const copCurveSchema = z
  .strictObject({
    constant: z.number().positive().max(20),
    perC: z.number().negative(),
    perC2: z.number().nonnegative(),
    minLiftC: z.number().nonnegative(),
    maxLiftC: z.number().positive().max(100),
  })
  .refine(({ minLiftC, maxLiftC }) => minLiftC < maxLiftC, {
    error: 'expected minLiftC to be less than maxLiftC',
    path: ['minLiftC'],
  })
  .refine((curve) => curve.perC + 2 * curve.perC2 * curve.maxLiftC < 0, {
    error: 'expected a curve that falls up to maxLiftC',
    path: ['perC2'],
  })
  .refine((curve) => copAtLift(curve, curve.maxLiftC) >= 1, {
    error: 'expected a COP of at least 1 at maxLiftC',
    path: ['maxLiftC'],
  })
  .readonly();

/** A kind of heat pump that takes its heat from the outdoor air, with a resistance heater for what it cannot cover. */
export const heatPumpSchema = z
  .strictObject({
    kind: z.literal('heat-pump'),
    ...componentIdentity,
    /** Temperature of the water that leaves it. */
    supplyC: z.number().min(20).max(80),
    cop: copCurveSchema,
  })
  .readonly();
export type HeatPump = z.infer<typeof heatPumpSchema>;

/** What a heat pump does in one hour, in kWh. */
export interface HeatPumpHour {
  readonly thermalKwh: number;
  readonly electricKwh: number;
  /** Heat, and as much electricity, of the resistance heater. */
  readonly backupKwh: number;
}

/** Heat out over electricity in. Outside of the lifts that the curve was fitted for, the value at their end holds. */
export function heatPumpCop({ cop, supplyC }: HeatPump, outdoorC: number): number {
  return copAtLift(cop, Math.min(Math.max(supplyC - outdoorC, cop.minLiftC), cop.maxLiftC));
}

/** One hour of a heat pump: it covers the demand up to its size, the resistance heater the rest. */
export function heatPumpHour(cop: number, sizeKw: number, demandKwh: number): HeatPumpHour {
  const thermalKwh = Math.min(demandKwh, sizeKw);
  return { thermalKwh, electricKwh: thermalKwh / cop, backupKwh: demandKwh - thermalKwh };
}

function copAtLift({ constant, perC, perC2 }: CopCurve, liftC: number): number {
  return constant + perC * liftC + perC2 * liftC ** 2;
}
