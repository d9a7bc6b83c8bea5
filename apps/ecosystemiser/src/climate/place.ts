/** Where a climate was measured, and which clock its records were written by. */
export interface Place {
  readonly id: string;
  readonly name: string;
  /** North is positive. */
  readonly latitudeDeg: number;
  /** East is positive. */
  readonly longitudeDeg: number;
  /** Of local standard time, all year: climate records know no daylight saving. */
  readonly utcOffsetHours: number;
}

/** Seattle-Tacoma International Airport, the station of the hourly normals. */
export const seattle: Place = Object.freeze({
  id: 'seattle',
  name: 'Seattle-Tacoma International Airport',
  latitudeDeg: 47.4447,
  longitudeDeg: -122.3136,
  utcOffsetHours: -8,
});
