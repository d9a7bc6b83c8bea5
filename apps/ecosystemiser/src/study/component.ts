import { z } from 'zod';
import { batterySchema } from './battery.ts';
import { demandSchema } from './demand.ts';
import { gridSchema } from './grid.ts';
import { heatPumpSchema } from './heat-pump.ts';
import { pvSchema } from './pv.ts';

/** One entry of the component library: technical values of something that a study sizes and combines. */
export const componentSchema = z.discriminatedUnion('kind', [
  pvSchema,
  batterySchema,
  heatPumpSchema,
  demandSchema,
  gridSchema,
]);
export type Component = z.infer<typeof componentSchema>;
export type ComponentKind = Component['kind'];
export type ComponentOf<Kind extends ComponentKind> = Extract<Component, { readonly kind: Kind }>;

/** Every kind, in the order in which people are told them. */
export const componentKinds = [
  'pv',
  'battery',
  'heat-pump',
  'demand',
  'grid',
] as const satisfies readonly ComponentKind[];
