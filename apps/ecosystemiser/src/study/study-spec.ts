import { z } from 'zod';
import { slug } from './component-identity.ts';
import { parseOrRefuse } from './refusal.ts';

/** What to study: which components, how large, where. Limits keep a study inside what double precision balances to 1e-9 kWh. */
const studySpecSchema = z
  .strictObject({
    name: slug,
    description: z.string().max(500),
    site: z
      .strictObject({
        /** The id of a place with a climate. */
        place: slug,
        /** Share of the light that the ground reflects; 0.2 is grass and gravel, 0.6 old snow. */
        groundReflectance: z.number().min(0).max(1),
      })
      .readonly(),
    demand: z.strictObject({ id: slug, dwellings: z.int().min(1).max(1000) }).readonly(),
    heatPump: z.strictObject({ id: slug, thermalKw: z.number().positive().max(100_000) }).readonly(),
    pv: z
      .array(
        z
          .strictObject({
            id: slug,
            peakKw: z.number().positive().max(100_000),
            /** From the horizontal. */
            tiltDeg: z.number().min(0).max(90),
            /** Clockwise from north: 180 faces south. */
            azimuthDeg: z.number().min(0).lt(360),
          })
          .readonly(),
      )
      .max(16)
      .readonly(),
    /** Its usable capacity; null for none. */
    battery: z
      .strictObject({ id: slug, capacityKwh: z.number().positive().max(100_000) })
      .readonly()
      .nullable(),
    /** What exceeds the export limit is curtailed. */
    grid: z.strictObject({ id: slug, exportLimitKw: z.number().nonnegative().max(1_000_000) }).readonly(),
  })
  .readonly();
export type StudySpec = z.infer<typeof studySpecSchema>;

/** A frozen study from outside input, or a `Refusal`. Whether its components exist is seen when it is planned. */
export function parseStudySpec(input: unknown, origin: string): StudySpec {
  return parseOrRefuse(studySpecSchema, input, origin);
}
