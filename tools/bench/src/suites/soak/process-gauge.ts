import { readdirSync } from 'node:fs';
import { collectAllGarbage } from '../../garbage.ts';
import { median } from '../../median.ts';

const MINUTE_MS = 60_000;
/** How often a process is looked at in the time that it is watched for. */
const LOOKS = 60;
/** The first of them do not count: code is compiled, caches and the allocator fill. */
const WARM_UP = LOOKS / 3;

interface Look {
  readonly at: number;
  /** What is left after a full collection. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly descriptors: number;
}

/** By how much a process has grown; nought where it has become smaller. */
export interface Growth {
  /** From the warm-up to the end, along the straight line that fits best. */
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly heapBytesAMinute: number;
  readonly residentBytesAMinute: number;
  /** How many more descriptors were open in the last third than in the first. */
  readonly descriptors: number;
}

/** Looks at this process again and again, after a full collection each time: a stop of some milliseconds. */
export class ProcessGauge implements Disposable {
  readonly #looks: Look[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(forMs: number) {
    this.#timer = setInterval(() => {
      this.#look();
    }, forMs / LOOKS);
  }

  growth(): Growth {
    const looks = this.#looks.slice(Math.min(WARM_UP, this.#looks.length - 2));
    const lastedMs = (looks.at(-1)?.at ?? 0) - (looks[0]?.at ?? 0);
    const heap = slope(looks, ({ heapBytes }) => heapBytes);
    const resident = slope(looks, ({ residentBytes }) => residentBytes);
    const third = Math.ceil(looks.length / 3);
    return {
      heapBytes: Math.max(0, heap * lastedMs),
      residentBytes: Math.max(0, resident * lastedMs),
      heapBytesAMinute: Math.max(0, heap * MINUTE_MS),
      residentBytesAMinute: Math.max(0, resident * MINUTE_MS),
      descriptors: Math.max(0, openIn(looks.slice(-third)) - openIn(looks.slice(0, third))),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    collectAllGarbage();
    const { heapUsed, rss } = process.memoryUsage();
    const descriptors = readdirSync('/proc/self/fd').length;
    this.#looks.push({ at: performance.now(), heapBytes: heapUsed, residentBytes: rss, descriptors });
  }
}

function openIn(looks: readonly Look[]): number {
  return median(looks.map(({ descriptors }) => descriptors));
}

/** Bytes a millisecond, by least squares. */
function slope(looks: readonly Look[], read: (look: Look) => number): number {
  const at = mean(looks.map((look) => look.at));
  const level = mean(looks.map(read));
  const rise = looks.reduce((sum, look) => sum + (look.at - at) * (read(look) - level), 0);
  const run = looks.reduce((sum, look) => sum + (look.at - at) ** 2, 0);
  return run === 0 ? 0 : rise / run;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
