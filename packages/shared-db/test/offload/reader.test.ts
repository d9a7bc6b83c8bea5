import { temporaryDirectory } from '@hive/shared-db/testing';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
// By itself, because who is asked through the service cannot tell in which message an answer came.
import { Reader } from '../../dist/offload/reader.js';
import { COUNT_TO } from '../support/long-statement.ts';

const [QUICK, COUNT] = [0, 1];
/** Some tens of milliseconds. */
const LONG = 500_000;

let sent: (readonly unknown[])[];
let reader: Reader;
let lastRequest: number;
const place = temporaryDirectory();
const path = place.file('shop.db');
new Database(path).close();

beforeEach(() => {
  sent = [];
  lastRequest = 0;
  reader = new Reader(
    {
      send: (message) => {
        // Of rows with one column of numbers: the request, the shape, the count, the time and the value.
        if (message.kind === 'answers') sent.push(message.answers.filter((_, index) => index % 5 === 0));
      },
      pack: () => undefined,
    },
    undefined,
  );
  reader.hear({
    kind: 'read',
    databases: [{ id: 1, path, integers: 'number' }],
    statements: [
      { id: QUICK, database: 1, sql: 'SELECT ? AS n' },
      { id: COUNT, database: 1, sql: COUNT_TO },
    ],
    requests: [],
  });
});
afterEach(() => {
  reader.hear({ kind: 'end' });
});

/** Asks for several in one message, and returns the numbers of the answers, one list for each message. */
function ask(...statements: readonly (readonly [statement: number, n: number])[]): readonly (readonly unknown[])[] {
  sent = [];
  const requests = statements.flatMap(([statement, n]) => [++lastRequest, lastRequest, statement, [n]]);
  reader.hear({ kind: 'read', databases: [], statements: [], requests });
  return sent;
}

describe('an answer', () => {
  it('is sent with others when their statement is known to be quick', () => {
    // The first time opens the file; and on a busy machine anything may take long for once.
    const messages = Array.from({ length: 100 }, () => ask([QUICK, 1], [QUICK, 2], [QUICK, 3]));
    expect(messages.map((answers) => answers.map((numbers) => numbers.length))).toContainEqual([3]);
  });

  it('does not wait for the statement behind it that nobody knows', () => {
    ask([QUICK, 1]);
    expect(ask([QUICK, 1], [COUNT, LONG])).toEqual([[2], [3]]);
  });

  it('does not wait for the statement behind it that has taken long before, and once was quick since', () => {
    ask([QUICK, 1], [COUNT, LONG], [COUNT, 1]);
    expect(ask([QUICK, 1], [COUNT, LONG])).toEqual([[4], [5]]);
  });
});
