import type { Inquiry } from './inquiry.ts';
import type { Named, Wanted } from './targets.ts';
import { WrongUse } from './wrong-use.ts';

/** What a filter names. */
type Filter = Pick<Wanted, 'app' | 'database'>;

/** Throws `WrongUse` for a name that nobody has: who asks for one would else be told that nobody does anything. */
export async function refuseStranger(filter: Filter, { answered, unreachable }: Inquiry): Promise<void> {
  // Who does not answer may have it.
  if (unreachable.length > 0) return;
  const processes = answered.map(({ snapshot: { app, databases, onDemand = [] } }) => ({
    app,
    databases,
    patterns: onDemand,
  }));
  await refuseStrangerAmong(filter, processes);
}

/** The same where all that there were have answered, and are known from what was saved. */
export async function refuseStrangerAmong(filter: Filter, processes: readonly Named[]): Promise<void> {
  if (filter.app === undefined && filter.database === undefined) return;
  // Only now: it brings along what reads settings.
  const { strangerAmong } = await import('./targets.ts');
  const stranger = strangerAmong(filter, processes);
  if (stranger !== undefined) throw new WrongUse(stranger);
}
