import { parseStudySpec } from './study-spec.ts';
import type { StudySpec } from './study-spec.ts';

const site = { place: 'seattle', groundReflectance: 0.2 };
const unlimitedKw = 1_000_000;

/** The studies that a new platform computes first: one house in three steps, and a street. */
export const defaultStudies: readonly StudySpec[] = Object.freeze(
  [
    {
      name: 'detached-heat-pump',
      description: 'A house of the 1970s with a heat pump on its old radiators: all energy comes from the grid.',
      site,
      demand: { id: 'dwelling-detached-1970s', dwellings: 1 },
      heatPump: { id: 'heat-pump-radiators', thermalKw: 3 },
      pv: [],
      battery: null,
      grid: { id: 'grid-seattle-flat', exportLimitKw: 0 },
    },
    {
      name: 'detached-pv',
      description: 'The same house with floor heating and PV to the south, under net metering.',
      site,
      demand: { id: 'dwelling-detached-1970s', dwellings: 1 },
      heatPump: { id: 'heat-pump-floor', thermalKw: 8 },
      pv: [{ id: 'pv-perc-roof', peakKw: 8, tiltDeg: 30, azimuthDeg: 180 }],
      battery: null,
      grid: { id: 'grid-seattle-flat', exportLimitKw: unlimitedKw },
    },
    {
      name: 'detached-pv-battery',
      description: 'A recent house with PV to the east and west and a battery, at a time-of-use rate.',
      site,
      demand: { id: 'dwelling-detached-recent', dwellings: 1 },
      heatPump: { id: 'heat-pump-floor', thermalKw: 6 },
      pv: [
        { id: 'pv-topcon-roof', peakKw: 5, tiltDeg: 25, azimuthDeg: 90 },
        { id: 'pv-topcon-roof', peakKw: 5, tiltDeg: 25, azimuthDeg: 270 },
      ],
      battery: { id: 'battery-lithium-home', capacityKwh: 13.5 },
      grid: { id: 'grid-seattle-time-of-use', exportLimitKw: 5 },
    },
    {
      name: 'street-community',
      description: 'Twenty-four row houses share PV, a battery container and a connection with a low export limit.',
      site,
      demand: { id: 'dwelling-row-house', dwellings: 24 },
      heatPump: { id: 'heat-pump-large-radiators', thermalKw: 30 },
      pv: [
        { id: 'pv-topcon-roof', peakKw: 120, tiltDeg: 30, azimuthDeg: 200 },
        { id: 'pv-heterojunction-rack', peakKw: 30, tiltDeg: 15, azimuthDeg: 180 },
      ],
      battery: { id: 'battery-lithium-container', capacityKwh: 200 },
      grid: { id: 'grid-seattle-avoided-cost', exportLimitKw: 40 },
    },
  ].map((study) => parseStudySpec(study, `default study "${study.name}"`)),
);
