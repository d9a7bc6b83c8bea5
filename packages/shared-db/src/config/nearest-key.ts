import { distance } from 'fastest-levenshtein';

/** A slip of the fingers changes this many letters at most. */
const SLIP_LETTERS = 2;

/** The candidate that `written` most likely stands for: letters count, their case and separators do not. */
export function nearestKey(written: string, candidates: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const candidate of candidates) {
    const remoteness = remotenessOf(written, candidate);
    if (remoteness >= least) continue;
    least = remoteness;
    nearest = candidate;
  }
  return nearest;
}

/** The candidate that a mistyped or shortened word is near enough to for "did you mean"; undefined when none is. */
export function likelyKey(written: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestKey(written, [...candidates]);
  if (nearest === undefined) return undefined;
  const [word, key] = [bare(written), bare(nearest)];
  const begun = word.length > 1 && key.startsWith(word);
  return begun || distance(word, key) <= Math.max(SLIP_LETTERS, Math.floor(word.length / 3)) ? nearest : undefined;
}

/** Whether `written` is probably meant to be `name`. Other digits make another name: `shard1` is no slip for `shard2`. */
export function isSlipOf(written: string, name: string): boolean {
  const apart = distance(bare(written), bare(name));
  return apart <= SLIP_LETTERS && apart * 3 <= name.length && digits(written) === digits(name);
}

// The last part of a key says more than the groups it stands in.
function remotenessOf(written: string, candidate: string): number {
  return distance(bare(written), bare(candidate)) + 2 * remotenessOfLast(bare(last(written)), bare(last(candidate)));
}

// `timeout` as good as says `acquireTimeout`, and `pool` nearly says `poolSize`.
function remotenessOfLast(written: string, candidate: string): number {
  if (candidate.endsWith(written)) return 0;
  return candidate.startsWith(written) ? 1 : distance(written, candidate);
}

function bare(key: string): string {
  return key.toLowerCase().replaceAll(/[._-]/g, '');
}

function last(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1);
}

function digits(name: string): string {
  return name.replaceAll(/\D/g, '');
}
