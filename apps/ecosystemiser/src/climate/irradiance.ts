/** Where the sun stands: apparent altitude over the horizon, azimuth clockwise from north. */
export interface SunPosition {
  readonly altitudeDeg: number;
  readonly azimuthDeg: number;
}

/** Sunlight at the ground, apart from the plane that receives it. */
export interface Irradiance {
  /** On a horizontal plane, from everywhere. */
  readonly globalWPerM2: number;
  /** On a horizontal plane, from the sky without the sun. */
  readonly diffuseWPerM2: number;
  /** On a plane that faces the sun, from the sun alone. */
  readonly beamWPerM2: number;
}

/** A plane that receives light: tilt from the horizontal, azimuth clockwise from north (180 faces south). */
export interface Plane {
  readonly tiltDeg: number;
  readonly azimuthDeg: number;
  /** Share of the light on the ground in front of the plane that the ground throws back. */
  readonly groundReflectance: number;
}

/**
 * The share of the clear-sky light that arrives at the ground in every hour. The hourly normals hold no clouds, so one
 * number stands for them all: with it the year sums to about 1,210 kWh/m2 on the horizontal, the 3.3 kWh/m2 a day that
 * the Solar Radiation Data Manual (NREL/TP-463-5607, 1994) gives for Seattle. What it cannot do: no day is dull and none
 * is bright, so a battery looks a little better than it is, and little light is direct, so a tilt gains little.
 */
const clearness = 0.65;

const darkness: Irradiance = Object.freeze({ globalWPerM2: 0, diffuseWPerM2: 0, beamWPerM2: 0 });

/** The light of an hour, from the sun's altitude and the day of the year (1 to 366). Dark while the sun is not up. */
export function irradiance(altitudeDeg: number, dayOfYear: number): Irradiance {
  const sinAltitude = Math.sin(radians(altitudeDeg));
  if (sinAltitude <= 0) return darkness;
  const globalWPerM2 = clearness * clearSkyWPerM2(sinAltitude);
  const diffuseWPerM2 = globalWPerM2 * diffuseShare(globalWPerM2 / extraterrestrialWPerM2(sinAltitude, dayOfYear));
  return { globalWPerM2, diffuseWPerM2, beamWPerM2: (globalWPerM2 - diffuseWPerM2) / sinAltitude };
}

/**
 * The light on a tilted plane, in W/m2, with a sky that is equally bright everywhere.
 * Liu and Jordan, "The long-term average performance of flat-plate solar-energy collectors", Solar Energy 7 (1963).
 */
export function planeWPerM2(light: Irradiance, sun: SunPosition, plane: Plane): number {
  const cosTilt = Math.cos(radians(plane.tiltDeg));
  const beam = light.beamWPerM2 * Math.max(0, cosIncidence(sun, plane));
  const sky = (light.diffuseWPerM2 * (1 + cosTilt)) / 2;
  const ground = (light.globalWPerM2 * plane.groundReflectance * (1 - cosTilt)) / 2;
  return beam + sky + ground;
}

/**
 * Global horizontal irradiance under a cloudless sky.
 * Haurwitz, "Insolation in relation to cloudiness and cloud density", Journal of Meteorology 2 (1945); by Reno, Hansen
 * and Stein (SAND2012-2389) the best of the models that need nothing but the sun's altitude.
 */
function clearSkyWPerM2(sinAltitude: number): number {
  return 1098 * sinAltitude * Math.exp(-0.059 / sinAltitude);
}

/** Above the atmosphere, on a horizontal plane: 1,361 W/m2 and the varying distance to the sun (Duffie and Beckman). */
function extraterrestrialWPerM2(sinAltitude: number, dayOfYear: number): number {
  return 1361 * (1 + 0.033 * Math.cos((2 * Math.PI * dayOfYear) / 365)) * sinAltitude;
}

/**
 * Which share of the global light is diffuse, from the share of the extraterrestrial light that arrives.
 * Erbs, Klein and Duffie, "Estimation of the diffuse radiation fraction", Solar Energy 28 (1982).
 */
function diffuseShare(arriving: number): number {
  if (arriving <= 0.22) return 1 - 0.09 * arriving;
  if (arriving > 0.8) return 0.165;
  return 0.9511 - 0.1604 * arriving + 4.388 * arriving ** 2 - 16.638 * arriving ** 3 + 12.336 * arriving ** 4;
}

function cosIncidence(sun: SunPosition, plane: Plane): number {
  const altitude = radians(sun.altitudeDeg);
  const tilt = radians(plane.tiltDeg);
  const facing = Math.cos(radians(sun.azimuthDeg - plane.azimuthDeg));
  return Math.sin(altitude) * Math.cos(tilt) + Math.cos(altitude) * Math.sin(tilt) * facing;
}

function radians(deg: number): number {
  return (deg * Math.PI) / 180;
}
