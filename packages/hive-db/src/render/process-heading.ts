import type { ProcessHeading } from '../documents/process.ts';
import { duration } from './figures.ts';
import type { Paint } from './paint.ts';
import { safe } from './safe-text.ts';

/** The longest name of an app that is shown whole. */
const LONGEST_APP = 40;

/** The line above what is said of a process: `ecosystemiser  pid 4711  up 31 min`. Without a line end. */
export function processHeading(process: ProcessHeading, paint: Paint): string {
  const { pid, app, uptime_seconds: uptime, event_loop_blocked_seconds: blocked, blocked_by: by } = process;
  const heading = `${paint('strong', safe(app, LONGEST_APP))}  pid ${pid}  up ${duration(uptime)}`;
  if (blocked === 0) return heading;
  const label = by?.label ?? null;
  const inside = label === null ? '' : ` inside "${safe(label)}"`;
  return `${heading}  ${paint('bad', `stuck for ${duration(blocked)}${inside}`)}`;
}
