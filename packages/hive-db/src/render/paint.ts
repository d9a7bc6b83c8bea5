import { styleText } from 'node:util';
import type { Io } from '../io.ts';

/** What a word means, rather than what colour it has. */
export type Tone = 'good' | 'doubtful' | 'bad' | 'strong' | 'faint';

/** Gives a text its tone, where colours are wanted. */
export type Paint = (tone: Tone, text: string) => string;

const STYLES = Object.freeze({
  good: 'green',
  doubtful: 'yellow',
  bad: 'red',
  strong: 'bold',
  faint: 'dim',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>);

const plain: Paint = (_, text) => text;

const coloured: Paint = (tone, text) => styleText(STYLES[tone], text, { validateStream: false });

/** Colours only on a terminal that shows them, and only where neither the option nor `NO_COLOR` (no-color.org) is against it. */
export function paintFor({ isTTY, env }: Pick<Io, 'isTTY' | 'env'>, wanted: boolean): Paint {
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return isTTY && wanted && !refused ? coloured : plain;
}
