import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// By itself: over a socket nobody decides in which pieces bytes arrive.
import { LineBuffer } from '../../dist/presence/line-buffer.js';
import { replay } from '../support/replay.ts';

/** Bytes in which a line ends now and then, cut into pieces anywhere, and how long a line may be. */
const sent = fc.array(fc.oneof(fc.constant(0x0a), fc.nat(255), fc.constantFrom(0x0d, 0, 0xff)), { maxLength: 60 });
const pieces = fc.tuple(sent, fc.array(fc.nat(60), { maxLength: 8 })).map(([bytes, cuts]) => {
  const places = [0, ...cuts.filter((cut) => cut <= bytes.length).toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => Uint8Array.from(bytes.slice(places[index], end)));
});

/** What comes of bytes that arrive piece by piece, up to the first that is not incomplete. */
function outcomeOf(chunks: readonly Uint8Array[], limit: number): unknown {
  const buffer = new LineBuffer(limit);
  for (const chunk of chunks) {
    const outcome = buffer.push(chunk);
    if (outcome === 'too-long') return outcome;
    if (outcome !== 'incomplete') return [...outcome.line];
  }
  return buffer.length;
}

describe('a line that arrives in pieces', () => {
  it('is what comes before the first newline, or too long, however it is cut', () => {
    fc.assert(
      fc.property(pieces, fc.nat(60), (chunks, limit) => {
        const all = chunks.flatMap((chunk) => [...chunk]);
        const end = all.indexOf(0x0a);
        const line = end < 0 ? all : all.slice(0, end);
        const whole = end < 0 ? line.length : line;
        expect(outcomeOf(chunks, limit)).toEqual(line.length > limit ? 'too-long' : whole);
      }),
      replay({ numRuns: 1_000 }),
    );
  });

  it('stays too long, and nothing of it is kept', () => {
    fc.assert(
      fc.property(pieces, (chunks) => {
        const buffer = new LineBuffer(3);
        expect(buffer.push(Buffer.from('four'))).toBe('too-long');
        for (const chunk of chunks) expect(buffer.push(chunk)).toBe('too-long');
      }),
      replay(),
    );
  });

  it('leaves the pieces as they are', () => {
    const chunk = Buffer.from('one\ntwo\n');
    expect(new LineBuffer(8).push(chunk)).toEqual({ line: Buffer.from('one') });
    expect(chunk.toString()).toBe('one\ntwo\n');
  });
});
