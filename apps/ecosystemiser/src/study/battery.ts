import { z } from 'zod';
import { componentIdentity } from './component-identity.ts';

/** A kind of battery with its inverter. Capacities are usable ones, powers and efficiencies those of the alternating current. */
export const batterySchema = z
  .strictObject({
    kind: z.literal('battery'),
    ...componentIdentity,
    /** Share of the energy taken in that is stored. */
    chargeEfficiency: z.number().positive().max(1),
    /** Share of the energy taken from the store that is given out. */
    dischargeEfficiency: z.number().positive().max(1),
    chargeKwPerKwh: z.number().positive().max(10),
    dischargeKwPerKwh: z.number().positive().max(10),
    /** Share of what is stored that is lost in an hour by standing still. */
    standbyLossPerHour: z.number().nonnegative().max(0.1),
  })
  .readonly();
export type Battery = z.infer<typeof batterySchema>;

/** What happens to a battery in one hour, in kWh. Charge and discharge are measured outside, the store inside. */
export interface BatteryHour {
  readonly chargeKwh: number;
  readonly dischargeKwh: number;
  readonly lossKwh: number;
  /** At the end of the hour. */
  readonly storedKwh: number;
}

/** One hour of a battery: it takes as much of the surplus, or covers as much of the deficit, as its limits allow. */
export function batteryHour(
  battery: Battery,
  capacityKwh: number,
  storedBeforeKwh: number,
  surplusKwh: number,
  deficitKwh: number,
): BatteryHour {
  const standbyKwh = storedBeforeKwh * battery.standbyLossPerHour;
  const availableKwh = storedBeforeKwh - standbyKwh;
  const roomKwh = (capacityKwh - availableKwh) / battery.chargeEfficiency;
  const chargeKwh = Math.min(surplusKwh, roomKwh, capacityKwh * battery.chargeKwPerKwh);
  const dischargeKwh = Math.min(
    deficitKwh,
    availableKwh * battery.dischargeEfficiency,
    capacityKwh * battery.dischargeKwPerKwh,
  );
  const lossKwh =
    standbyKwh + chargeKwh * (1 - battery.chargeEfficiency) + dischargeKwh * (1 / battery.dischargeEfficiency - 1);
  const storedKwh = availableKwh + chargeKwh * battery.chargeEfficiency - dischargeKwh / battery.dischargeEfficiency;
  // Filling up and emptying may miss the limit by the last digit.
  return { chargeKwh, dischargeKwh, lossKwh, storedKwh: Math.min(Math.max(storedKwh, 0), capacityKwh) };
}
