import { systemClock } from '@hive/pool/clock';
import { newLabel } from '../labels.ts';

/** What a database does of its own accord, as errors and logs call it. Counted nowhere: no caller has asked for it. */
export const OPENING = newLabel('open', 0, systemClock);
export const CHECKPOINTING = newLabel('checkpoint', 0, systemClock);
export const WATCHING = newLabel('look for changes', 0, systemClock);
