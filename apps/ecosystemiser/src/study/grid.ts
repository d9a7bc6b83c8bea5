import { z } from 'zod';
import { componentIdentity } from './component-identity.ts';

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;

/** Hours with a price of their own, on some days of the week, in local standard time. */
const priceBandSchema = z
  .strictObject({
    days: z.array(z.enum(days)).min(1).max(7).readonly(),
    fromHour: z.int().min(0).max(23),
    /** The band ends when this hour begins. */
    toHour: z.int().min(1).max(24),
    importPerKwh: z.number().nonnegative(),
  })
  .refine(({ fromHour, toHour }) => fromHour < toHour, {
    error: 'expected an hour after fromHour',
    path: ['toHour'],
  })
  .readonly();

/** A connection to the grid: what energy costs and earns, and what its generation emits. */
export const gridSchema = z
  .strictObject({
    kind: z.literal('grid'),
    ...componentIdentity,
    /** ISO 4217. */
    currency: z.string().regex(/^[A-Z]{3}$/, 'expected three capital letters'),
    fixedPerDay: z.number().nonnegative(),
    /** The price of the hours that no band names. */
    importPerKwh: z.number().nonnegative(),
    /** Where bands overlap, the first one counts. */
    bands: z.array(priceBandSchema).max(24).readonly(),
    exportPerKwh: z.number().nonnegative(),
    importCo2KgPerKwh: z.number().nonnegative().max(2),
  })
  .readonly();
export type Grid = z.infer<typeof gridSchema>;

/** The price of a kWh from the grid at an hour of the week; 0 is Sunday. */
export function importPricePerKwh(grid: Grid, dayOfWeek: number, hourOfDay: number): number {
  const band = grid.bands.find(
    ({ days: some, fromHour, toHour }) =>
      some.some((day) => days[dayOfWeek] === day) && fromHour <= hourOfDay && hourOfDay < toHour,
  );
  return (band ?? grid).importPerKwh;
}
