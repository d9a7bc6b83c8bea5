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

/** Of answers that are one number each; of one that has failed, how. */
function countsOf(answers: readonly unknown[]): readonly unknown[] {
  return answers.flatMap((answer, index) => (index % 5 === 4 ? [typeof answer === 'object' ? 'failed' : answer] : []));
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

describe('reads that are asked for in one message', () => {
  const [ROWS, FAILS] = [2, 3];
  let writer: Database.Database;
  /** What happens before the reader begins a request. */
  let before: (request: number) => void;
  let now: number;

  beforeEach(() => {
    before = () => undefined;
    now = 0;
    writer = new Database(path);
    writer.pragma('journal_mode = WAL');
    writer.exec('CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY); DELETE FROM item');
    reader.hear({ kind: 'end' });
    const claims = {
      begin: (_place: number, request: number) => {
        before(request);
        return true;
      },
    };
    reader = new Reader(
      {
        send: (message) => {
          if (message.kind === 'answers') sent.push(countsOf(message.answers));
        },
        pack: () => undefined,
      },
      claims,
      { now: () => now },
    );
    reader.hear({
      kind: 'read',
      databases: [{ id: 1, path, integers: 'number' }],
      statements: [
        { id: ROWS, database: 1, sql: 'SELECT count(*) AS n FROM item WHERE id > ?' },
        { id: FAILS, database: 1, sql: 'SELECT abs(-9223372036854775808) + ? AS n' },
      ],
      requests: [],
    });
    // What nobody has run yet is not kept waiting for.
    ask([ROWS, 0], [FAILS, 0]);
  });
  afterEach(() => {
    writer.close();
  });

  function insertsBefore(nth: number): void {
    const at = lastRequest + nth;
    before = (request) => {
      if (request === at) writer.prepare('INSERT INTO item VALUES (NULL)').run();
    };
  }

  it('see the file as it was at the first of them where they are many', () => {
    insertsBefore(3);
    expect(ask(...Array.from({ length: 6 }, () => [ROWS, 0] as const)).flat()).toEqual([0, 0, 0, 0, 0, 0]);
    expect(ask([ROWS, 0])).toEqual([[1]]);
  });

  it('see it each for itself where they are few, which costs less than a transaction', () => {
    insertsBefore(3);
    expect(ask([ROWS, 0], [ROWS, 0], [ROWS, 0]).flat()).toEqual([0, 0, 1]);
  });

  it('see it anew where the first of them were long ago', () => {
    insertsBefore(3);
    const inserts = before;
    const third = lastRequest + 3;
    before = (request) => {
      inserts(request);
      if (request === third) now += 1;
    };
    expect(ask(...Array.from({ length: 6 }, () => [ROWS, 0] as const)).flat()).toEqual([0, 0, 1, 1, 1, 1]);
  });

  it('are answered though one of them fails, and leave no transaction open', () => {
    insertsBefore(2);
    const answers = ask([ROWS, 0], [FAILS, 0], [ROWS, 0], [ROWS, 0], [ROWS, 0]);
    expect(answers.flat()).toEqual([0, 'failed', 0, 0, 0]);
    expect(writer.pragma('wal_checkpoint(TRUNCATE)')).toEqual([{ busy: 0, log: 0, checkpointed: 0 }]);
  });
});
