import type { ProcessHeading } from '../documents/process.ts';
import { duration } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';

/** The longest name of an app that is shown whole. */
const LONGEST_APP = 40;

/** The line above what is said of a process: `ecosystemiser  pid 4711  up 31 min`. Without a line end. */
export function processHeading({ pid, app, uptime_seconds: uptime }: ProcessHeading, paint: Paint): string {
  return `${paint('strong', safe(app, LONGEST_APP))}  pid ${pid}  up ${duration(uptime)}`;
}
