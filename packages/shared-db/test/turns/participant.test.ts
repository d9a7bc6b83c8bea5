import { describe, expect, it } from 'vitest';
// By itself: no arbiter can be told to be silent for exactly as long as a limit.
import {
  HOST_LIMIT_MS,
  LAST_EPOCH,
  Participant,
  PATIENCE_MS,
  REST_MS,
  SILENCE_MS,
  type ParticipantAction,
  type ParticipantEvent,
} from '../../dist/turns/participant.js';

/** A participant whose chance is always in the middle. */
function participant() {
  const machine = new Participant({ pid: 7, random: () => 0.5 });
  let now = 0;
  const handle = (...events: readonly ParticipantEvent[]): readonly string[] =>
    events.flatMap((event) => said(machine.handle(event, now)));
  const wait = (ms: number): readonly string[] => {
    now += ms;
    return handle({ kind: 'tick' });
  };
  return { machine, handle, wait };
}

/** In short: `connect 3`, `want 1`. */
function said(actions: readonly ParticipantAction[]): readonly string[] {
  return actions.map((action) => {
    switch (action.kind) {
      case 'send': {
        const { message } = action;
        return 'request' in message ? `${message.kind} ${message.request}` : message.kind;
      }
      case 'turn':
        return `turn by ${action.by}`;
      case 'check':
      case 'connect':
      case 'host':
        return `${action.kind} ${action.epoch}`;
      case 'look':
      case 'hang-up':
    }
    return action.kind;
  });
}

const hello: ParticipantEvent = { kind: 'heard', messages: [{ kind: 'hello' }] };

function joined() {
  const one = participant();
  one.handle({ kind: 'used' }, { kind: 'seen', live: 3, newest: 3 }, hello);
  return one;
}

function heardGrant(request: number): ParticipantEvent {
  return { kind: 'heard', messages: [{ kind: 'grant', request, quantumMs: 4 }] };
}

describe('a participant', () => {
  it('does nothing until something is written; then it joins the newest arbiter', () => {
    const { machine, handle } = participant();
    expect(machine.dueAt).toBeUndefined();
    expect(handle({ kind: 'used' })).toEqual(['look']);
    expect(handle({ kind: 'seen', live: 3, newest: 4 })).toEqual(['connect 3']);
    expect(handle(hello)).toEqual(['join']);
    expect(machine.epoch).toBe(3);
  });

  it('makes the first arbiter where there is none, and joins it whoever has made it', () => {
    const { handle } = participant();
    expect(handle({ kind: 'want' }, { kind: 'seen', live: 0, newest: 0 })).toEqual(['look', 'host 1']);
    expect(handle({ kind: 'hosted', epoch: 1 })).toEqual(['connect 1']);
    expect(handle(hello)).toEqual(['join', 'want 1']);
  });

  it('asks an arbiter that is silent, and deposes it when that does not help', () => {
    const { handle, wait } = joined();
    handle({ kind: 'want' });
    expect(wait(SILENCE_MS)).toEqual(['ping']);
    expect(wait(SILENCE_MS)).toEqual(['hang-up']);
    expect(wait(3)).toEqual(['look']);
    expect(handle({ kind: 'seen', live: 3, newest: 3 })).toEqual(['host 4']);
  });

  it('does not take its own standing still for the silence of the arbiter', () => {
    const { handle, wait } = joined();
    handle({ kind: 'want' });
    expect(wait(500)).toEqual(['ping']);
    expect(wait(500)).toEqual(['ping']);
    handle({ kind: 'heard', messages: [{ kind: 'pong', holder: 0 }] });
    expect(wait(SILENCE_MS)).toEqual(['ping']);
  });

  it('deposes an arbiter that is silent also where nobody waits for as long as that takes', () => {
    const { handle, wait } = joined();
    const said = Array.from({ length: 4 }, () => {
      handle({ kind: 'want' });
      const actions = [...wait(30), ...handle({ kind: 'end' })];
      return [...actions, ...wait(1)];
    }).flat();
    expect(said.filter((action) => !/^(?:want|end) /.test(action))).toEqual(['ping', 'hang-up']);
  });

  it('that stands still again and again deposes an arbiter that is silent all the same', () => {
    const { handle, wait } = joined();
    handle({ kind: 'want' });
    expect([wait(80), wait(80), wait(80)]).toEqual([['ping'], ['ping'], ['hang-up']]);
    wait(3);
    // The next one does not even say who it is.
    expect(handle({ kind: 'seen', live: 4, newest: 4 })).toEqual(['connect 4']);
    expect([wait(150), wait(80)]).toEqual([[], ['hang-up']]);
  });

  it('that stands still again and again gives up its own thread when that makes no arbiter', () => {
    const { machine, handle, wait } = participant();
    handle({ kind: 'used' }, { kind: 'seen', live: 0, newest: 0 });
    for (let times = 0; times < 2; times++) wait(HOST_LIMIT_MS + 80);
    expect(machine.reason).toBe('the thread that would be the arbiter does not answer');
  });

  it('looks for another arbiter before it polls when the one has gone with which it was in line for long', () => {
    const { machine, handle, wait } = participant();
    handle({ kind: 'want' }, { kind: 'seen', live: 3, newest: 3 }, hello);
    for (let ms = 0; ms <= PATIENCE_MS; ms += SILENCE_MS) {
      expect(wait(SILENCE_MS)).toEqual(['ping']);
      handle({ kind: 'heard', messages: [{ kind: 'pong', holder: 0 }] });
    }
    handle({ kind: 'lost', why: 'closed' });
    expect(wait(3)).toEqual(['look']);
    expect(handle({ kind: 'seen', live: 4, newest: 4 }, hello)).toEqual(['connect 4', 'join', 'want 1']);
    expect(machine.reason).toBeUndefined();
  });

  it('learns whose turn it waits for when it has waited for a while, and forgets it when that is over', () => {
    const { machine, handle, wait } = joined();
    handle({ kind: 'want' });
    expect(wait(SILENCE_MS)).toEqual(['ping']);
    handle({ kind: 'heard', messages: [{ kind: 'pong', holder: 11 }] });
    expect(machine.holder).toBe(11);
    handle({ kind: 'heard', messages: [{ kind: 'pong', holder: 0 }] });
    expect(machine.holder).toBeUndefined();
    handle({ kind: 'heard', messages: [{ kind: 'pong', holder: 12 }] }, heardGrant(1));
    expect(machine.holder).toBeUndefined();
  });

  it('does not depose an arbiter that somebody else has deposed already', () => {
    const { handle, wait } = joined();
    handle({ kind: 'want' });
    wait(SILENCE_MS);
    wait(SILENCE_MS);
    wait(3);
    expect(handle({ kind: 'seen', live: 4, newest: 4 })).toEqual(['connect 4']);
    expect(handle(hello)).toEqual(['join', 'want 1']);
  });

  it('gets in line with the turn that it has when the arbiter is another', () => {
    const { handle, wait } = joined();
    handle({ kind: 'want' }, heardGrant(1));
    handle({ kind: 'lost', why: 'closed' });
    expect(wait(3)).toEqual(['look']);
    handle({ kind: 'seen', live: 4, newest: 4 });
    expect(handle(hello)).toEqual(['join', 'want 1']);
    // The second grant of one turn is no second turn.
    expect(handle(heardGrant(1))).toEqual(['started 1']);
    expect(handle({ kind: 'end' })).toEqual(['end 1']);
  });

  it('gives a turn that comes after it has left the line to nobody', () => {
    const { handle } = joined();
    expect(handle({ kind: 'want' }, { kind: 'end' })).toEqual(['want 1', 'end 1']);
    expect(handle(heardGrant(1))).toEqual([]);
    expect(handle({ kind: 'want' }, heardGrant(2))).toEqual(['want 2', 'started 2', 'turn by arbiter']);
  });

  it('lets nobody wait for longer than it takes to find an arbiter, and goes on looking', () => {
    const { machine, handle, wait } = participant();
    handle({ kind: 'want' }, { kind: 'seen', live: 0, newest: 0 });
    expect(wait(PATIENCE_MS)).toEqual(['turn by polling']);
    expect(machine.reason).toBe('no arbiter was found within 250 ms');
    handle({ kind: 'hosted', epoch: 1 });
    // Whoever joins with a turn that nobody has given says so.
    expect(handle(hello)).toEqual(['join', 'want 1']);
    expect(machine.reason).toBeUndefined();
  });

  it.each<[string, readonly ParticipantEvent[], string]>([
    ['the directory', [{ kind: 'unusable', reason: 'it is not this user’s' }], 'it is not this user’s'],
    [
      'the thread that would be the arbiter',
      [
        { kind: 'seen', live: 0, newest: 0 },
        { kind: 'unhosted', epoch: 1, reason: 'it is full' },
      ],
      'it is full',
    ],
    [
      'the arbiter',
      [
        { kind: 'seen', live: 1, newest: 1 },
        { kind: 'heard', messages: [{ kind: 'full' }] },
      ],
      'the arbiter has no room for one more process',
    ],
    [
      'the number of arbiters',
      [{ kind: 'seen', live: 0, newest: LAST_EPOCH }],
      'the file of the last possible arbiter is there, and nobody answers',
    ],
  ])('polls where %s does not serve, says why, and tries again later', (_, events, reason) => {
    const { machine, handle, wait } = participant();
    expect(handle({ kind: 'want' }, ...events)).toContain('turn by polling');
    expect(machine.reason).toBe(reason);
    handle({ kind: 'end' });
    expect(handle({ kind: 'want' })).toEqual(['turn by polling']);
    handle({ kind: 'end' });
    wait(REST_MS);
    expect(machine.isAsleep).toBe(true);
    handle({ kind: 'used' }, { kind: 'seen', live: 9, newest: 9 }, hello);
    expect(machine.reason).toBeUndefined();
  });

  it('polls when its own thread makes no arbiter in time', () => {
    const { machine, handle, wait } = participant();
    handle({ kind: 'used' }, { kind: 'seen', live: 0, newest: 0 });
    wait(HOST_LIMIT_MS);
    expect(machine.reason).toBe('the thread that would be the arbiter does not answer');
  });

  it('rests after some arbiters in a row that turned out to be none', () => {
    const { machine, handle, wait } = participant();
    handle({ kind: 'used' });
    for (let epoch = 1; machine.reason === undefined; epoch++) {
      expect(epoch).toBeLessThan(10);
      handle({ kind: 'seen', live: epoch, newest: epoch }, { kind: 'lost', why: 'refused' });
      wait(3);
    }
    expect(machine.reason).toBe('6 arbiters in a row did not answer');
  });

  it('looks now and then, while something is written, whether its arbiter is still the one', () => {
    const { machine, handle, wait } = joined();
    expect(machine.isAsleep).toBe(false);
    wait(100);
    expect(machine.isAsleep).toBe(true);
    expect(machine.dueAt).toBeUndefined();
    expect(handle({ kind: 'used' })).toEqual(['check 3']);
    handle({ kind: 'gone', epoch: 3 });
    expect(machine.epoch).toBeUndefined();
    expect(handle({ kind: 'used' })).toEqual(['look']);
  });
});
