import { describe, expect, it } from 'vitest';
// By itself: no process can be told to stand still for exactly as long as a limit.
import { Arbiter, CALM_MS, START_LIMIT_MS, TURN_LIMIT_MS, type ArbiterAction } from '../../dist/turns/arbiter.js';
import type { ToArbiter } from '../../dist/turns/frame.js';

/** An arbiter whose clients 1, 2, 3 ... have joined; their process ids are ten times as high. */
function arbiterOf(clients: number) {
  const arbiter = new Arbiter();
  let now = 0;
  for (let client = 1; client <= clients; client++) {
    arbiter.handle({ kind: 'joined', client }, now);
    arbiter.handle({ kind: 'heard', client, messages: [{ kind: 'join', pid: client * 10 }] }, now);
  }
  return {
    arbiter,
    hear: (client: number, ...messages: readonly ToArbiter[]) =>
      said(arbiter.handle({ kind: 'heard', client, messages }, now)),
    leave: (client: number) => said(arbiter.handle({ kind: 'left', client }, now)),
    wait: (ms: number) => {
      now += ms;
      return said(arbiter.handle({ kind: 'tick' }, now));
    },
  };
}

/** In short: `grant 2` to client 2, `wait 1` to client 1. */
function said(actions: readonly ArbiterAction[]): readonly string[] {
  return actions.map((action) => {
    if (action.kind === 'overdue') return `overdue ${action.pid} ${action.ms}`;
    if (action.kind === 'hang-up') return `hang-up ${action.client}`;
    const { message } = action;
    return `${message.kind === 'others' ? message.others : message.kind} ${action.client}`;
  });
}

const want: ToArbiter = { kind: 'want', request: 1 };
const started: ToArbiter = { kind: 'started', request: 1 };
const end: ToArbiter = { kind: 'end', request: 1 };

describe('an arbiter', () => {
  it('gives turns in the order in which they were wanted, and tells those who have one or write without when others wait', () => {
    const { hear } = arbiterOf(3);
    expect(hear(1, want)).toEqual(['grant 1', 'hold 2', 'hold 3']);
    expect(hear(2, want)).toEqual(['wait 1', 'wait 3']);
    expect(hear(3, want)).toEqual([]);
    expect(hear(1, end, { kind: 'want', request: 2 })).toEqual(['grant 2', 'wait 2']);
    expect(hear(2, end)).toEqual(['grant 3']);
  });

  it('says that nobody waits any more only when that has lasted', () => {
    const { hear, wait } = arbiterOf(2);
    hear(1, want);
    expect(hear(1, end)).toEqual([]);
    expect(wait(CALM_MS - 1)).toEqual([]);
    expect(wait(1)).toEqual(['none 2']);
  });

  it('goes on when the holder leaves', () => {
    const { hear, leave } = arbiterOf(2);
    hear(1, want);
    hear(2, want);
    expect(leave(1)).toEqual(['grant 2']);
  });

  it('passes over who has not seen his turn, and puts him in line again when he has', () => {
    const { hear, wait } = arbiterOf(3);
    hear(1, want);
    hear(2, want);
    expect(wait(START_LIMIT_MS - 1)).toEqual([]);
    expect(wait(1)).toContain('grant 2');
    hear(3, want);
    hear(1, started);
    expect(hear(2, end)).toContain('grant 3');
    expect(hear(3, end)).toContain('grant 1');
  });

  it('reports who keeps a turn for too long while others wait, and lets the next one try beside him', () => {
    const { arbiter, hear, wait } = arbiterOf(2);
    hear(1, want);
    hear(1, started);
    // Nobody waits: it may last.
    expect(wait(10 * TURN_LIMIT_MS)).toEqual([]);
    hear(2, want);
    expect(arbiter.dueAt).toBe(11 * TURN_LIMIT_MS);
    expect(wait(TURN_LIMIT_MS)).toEqual([`overdue 10 ${11 * TURN_LIMIT_MS}`, 'grant 2', 'wait 2']);
    // What is said of the turn that was passed over takes nothing from anybody.
    expect(hear(1, end)).toEqual([]);
    expect(hear(2, end)).not.toContain('grant 1');
  });

  it('counts the time of all who wait for the same turn, also where each of them gives up before it has lasted for too long', () => {
    const { hear, wait } = arbiterOf(2);
    hear(1, want);
    hear(1, started);
    const tenth = TURN_LIMIT_MS / 10;
    for (let request = 1; request < 10; request++) {
      hear(2, { kind: 'want', request });
      expect(wait(tenth)).toEqual([]);
      hear(2, { kind: 'end', request });
      // Nobody waits: it may last.
      wait(tenth);
    }
    hear(2, { kind: 'want', request: 10 });
    expect(wait(tenth - 1)).not.toContain('grant 2');
    expect(wait(1)).toContain('grant 2');
  });

  it('takes its own standing still for nobody else’s fault', () => {
    const { hear, wait } = arbiterOf(2);
    hear(1, want);
    hear(2, want);
    expect(wait(30 * START_LIMIT_MS)).toEqual([]);
    hear(1, started);
    expect(wait(TURN_LIMIT_MS)).toContain('grant 2');
  });

  it('that stands still again and again passes over who has not seen his turn all the same', () => {
    const { hear, wait } = arbiterOf(2);
    hear(1, want);
    hear(2, want);
    expect(wait(30 * START_LIMIT_MS)).toEqual([]);
    expect(wait(30 * START_LIMIT_MS)).toContain('grant 2');
  });

  it('says to who asks whether it is there whose turn it is', () => {
    const { arbiter, hear } = arbiterOf(2);
    const asked = (client: number): unknown =>
      arbiter
        .handle({ kind: 'heard', client, messages: [{ kind: 'ping' }] }, 0)
        .map((action) => (action.kind === 'send' ? action.message : action));
    expect(asked(2)).toEqual([{ kind: 'pong', holder: 0 }]);
    hear(1, want);
    expect(asked(2)).toEqual([{ kind: 'pong', holder: 10 }]);
    expect(asked(1)).toEqual([{ kind: 'pong', holder: 0 }]);
  });

  it('takes somebody who leaves the line out of it', () => {
    const { hear } = arbiterOf(3);
    for (const client of [1, 2, 3]) hear(client, want);
    // It may write again, and so has to know.
    expect(hear(2, end)).toEqual(['wait 2']);
    expect(hear(1, end)).toContain('grant 3');
  });

  it('makes turns shorter when many wait', () => {
    const quanta = [2, 4, 6, 20].map((clients) => {
      const { arbiter, hear } = arbiterOf(clients);
      for (let client = 1; client <= clients; client++) hear(client, want);
      const actions = arbiter.handle({ kind: 'heard', client: 1, messages: [end] }, 1);
      const grant = actions.find((action) => action.kind === 'send' && action.message.kind === 'grant');
      return grant?.kind === 'send' && grant.message.kind === 'grant' ? grant.message.quantumMs : undefined;
    });
    expect(quanta).toEqual([4, 4, 3, 2]);
  });

  it.each<[string, readonly ToArbiter[]]>([
    ['stands in line twice', [want, { kind: 'want', request: 2 }]],
    ['says his name twice', [{ kind: 'join', pid: 1 }]],
  ])('hangs up on who %s, and what he had is free', (_, messages) => {
    const { hear } = arbiterOf(2);
    hear(2, want);
    expect(hear(1, ...messages)).toContain('hang-up 1');
    expect(hear(2, end)).not.toContain('grant 1');
  });

  it('hangs up on who wants something and has not said who he is', () => {
    const arbiter = new Arbiter();
    arbiter.handle({ kind: 'joined', client: 1 }, 0);
    expect(said(arbiter.handle({ kind: 'heard', client: 1, messages: [want] }, 0))).toEqual(['hang-up 1']);
  });
});
