import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// By itself: over a socket nobody decides in which pieces bytes arrive.
import {
  decodeFromArbiter,
  decodeToArbiter,
  encodeFrame,
  FrameReader,
  type FromArbiter,
  type ToArbiter,
} from '../../dist/turns/frame.js';
import { replay } from '../support/replay.ts';

const number = fc.nat(0xff_ff_ff_ff);
const request = fc.record({
  kind: fc.constantFrom('want' as const, 'started' as const, 'end' as const),
  request: number,
});
const toArbiter: fc.Arbitrary<ToArbiter> = fc.oneof(
  fc.record({ kind: fc.constant('join' as const), pid: number }),
  request,
  fc.constant({ kind: 'ping' as const }),
);
const fromArbiter: fc.Arbitrary<FromArbiter> = fc.oneof(
  fc.record({ kind: fc.constantFrom('hello' as const, 'full' as const) }),
  fc.record({ kind: fc.constant('pong' as const), holder: number }),
  fc.record({
    kind: fc.constant('grant' as const),
    request: number,
    quantumMs: fc.nat(255).map((tenths) => tenths / 10),
  }),
  fc.record({
    kind: fc.constant('others' as const),
    others: fc.constantFrom('none' as const, 'hold' as const, 'wait' as const),
  }),
);

/** Cuts bytes into pieces at these places, one after the other and again from the start. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + (lengths[turn % lengths.length] ?? bytes.length);
    cut.push(bytes.subarray(at, end));
    at = end;
  }
  return cut;
}

describe('messages between a process and an arbiter', () => {
  it('arrive as they were sent, in whatever pieces', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(toArbiter), fc.array(fromArbiter), lengths, (asked, answered, cuts) => {
        const arbiter = new FrameReader(decodeToArbiter);
        const process = new FrameReader(decodeFromArbiter);
        const heard = pieces(Buffer.concat(asked.map(encodeFrame)), cuts).flatMap((piece) => arbiter.push(piece) ?? []);
        expect(heard).toEqual(asked);
        const told = pieces(Buffer.concat(answered.map(encodeFrame)), cuts).flatMap(
          (piece) => process.push(piece) ?? [],
        );
        expect(told).toEqual(answered);
      }),
      replay(),
    );
  });

  it('are told from whatever else is sent', () => {
    const arbiter = new FrameReader(decodeToArbiter);
    expect(arbiter.push(Buffer.from('GET / '))).toBeUndefined();
    expect(arbiter.push(encodeFrame({ kind: 'hello' }))).toBeUndefined();
    const process = new FrameReader(decodeFromArbiter);
    expect(process.push(encodeFrame({ kind: 'ping' }))).toBeUndefined();
    expect(process.push(Uint8Array.of(0x6f, 0, 0, 0, 0, 3))).toBeUndefined();
  });
});
