import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
// By itself: over sockets nobody decides in which order bytes arrive.
import { AnswerRoom, type Sender } from '../../dist/presence/answer-room.js';
import { replay } from '../support/replay.ts';

const LIMIT = 100;

/** What each of some senders does next: it sends bytes, or ends with its answer kept or dropped. */
const deeds = fc.array(
  fc.tuple(fc.nat(4), fc.oneof(fc.nat(60), fc.constantFrom('kept' as const, 'dropped' as const))),
  { maxLength: 40 },
);

describe('the room for answers', () => {
  it('is never exceeded by those who still send, and whoever is turned away has sent most', () => {
    fc.assert(
      fc.property(deeds, (all) => {
        const room = new AnswerRoom(LIMIT);
        const sending = new Map<number, number>();
        let kept = 0;
        const senders: Sender[] = Array.from({ length: 5 }, (_, one) => {
          sending.set(one, 0);
          const sender = room.enter(() => {
            expect(sending.get(one)).toBe(Math.max(...sending.values()));
            sending.delete(one);
            sender.end(false);
          });
          return sender;
        });
        for (const [one, deed] of all) {
          if (!sending.has(one)) continue;
          const sent = sending.get(one) ?? 0;
          if (typeof deed === 'number') {
            sending.set(one, sent + deed);
            senders[one]?.sent(deed);
          } else {
            if (deed === 'kept') kept += sent;
            sending.delete(one);
            senders[one]?.end(deed === 'kept');
          }
          const pending = [...sending.values()].reduce((sum, bytes) => sum + bytes, 0);
          expect(pending + kept).toBeLessThanOrEqual(LIMIT);
        }
      }),
      replay({ numRuns: 500 }),
    );
  });

  it('is free again when somebody has gone without an answer, and only then', () => {
    const room = new AnswerRoom(LIMIT);
    const turned: string[] = [];
    const enter = (name: string): Sender => room.enter(() => turned.push(name));
    const first = enter('first');
    first.sent(80);
    first.end(false);
    const second = enter('second');
    second.sent(80);
    second.end(true);
    expect(turned).toEqual([]);
    const third = room.enter(() => {
      turned.push('third');
      third.end(false);
    });
    third.sent(30);
    expect(turned).toEqual(['third']);
  });
});
