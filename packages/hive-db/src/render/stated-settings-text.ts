import type { StatedSettings } from '../documents/stated-settings.ts';
import { paragraph } from './paragraph.ts';
import { safe } from './safe-text.ts';

/** How many are listed; `--json` has all. */
const MOST = 10;

/** `set: databases.orders.echo true, by hand (process 4711)`, a line for each; nothing where there is none. */
export function statedSettingsText(
  { settings = [] }: StatedSettings,
  width: number,
  indent: string,
): readonly string[] {
  const lines = settings
    .slice(0, MOST)
    .map(({ key, value, origin }) => `set: ${safe(key)} ${value === '' ? '-' : safe(value)}, ${safe(origin)}`);
  const more = settings.length - MOST;
  return [...lines, ...(more > 0 ? [`set: and ${more} more, which --json lists`] : [])].map((line) =>
    paragraph(line, width, indent),
  );
}
