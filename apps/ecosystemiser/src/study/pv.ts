import { z } from 'zod';
import { componentIdentity } from './component-identity.ts';

/** A kind of photovoltaic array with its inverter, for each kW of peak power. */
export const pvSchema = z
  .strictObject({
    kind: z.literal('pv'),
    ...componentIdentity,
    /** Change of power for each degree that the cells are warmer than 25 °C, as a share: -0.0035 is a third of a percent less. */
    powerPerC: z.number().min(-0.01).max(0),
    /** Heat that the modules lose in still air, and what each m/s of wind adds (Faiman's U0 and U1). */
    heatLossWPerM2C: z.number().positive().max(100),
    windHeatLossWsPerM3C: z.number().nonnegative().max(50),
    /** Lost to dirt, shade, wiring, mismatch and age, as a share. */
    systemLoss: z.number().nonnegative().lt(1),
    inverterEfficiency: z.number().positive().max(1),
    /** Peak power of the modules over the rated power of the inverter, which cuts off what exceeds it. */
    peakToInverter: z.number().min(0.5).max(3),
  })
  .readonly();
export type Pv = z.infer<typeof pvSchema>;

/**
 * What an array feeds in, in kW of alternating current, from the light on its plane.
 * Power: PVWatts (Dobos, NREL/TP-6A20-62641, 2014). Temperature of the cells: Faiman, Progress in Photovoltaics 16 (2008).
 */
export function pvKw(pv: Pv, peakKw: number, planeWPerM2: number, outdoorC: number, windMPerS: number): number {
  const cellC = outdoorC + planeWPerM2 / (pv.heatLossWPerM2C + pv.windHeatLossWsPerM3C * windMPerS);
  const warmth = 1 + pv.powerPerC * (cellC - 25);
  const directCurrentKw = peakKw * (planeWPerM2 / 1000) * Math.max(0, warmth) * (1 - pv.systemLoss);
  return Math.min(directCurrentKw * pv.inverterEfficiency, peakKw / pv.peakToInverter);
}
