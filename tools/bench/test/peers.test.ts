import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writingPeers } from '../src/peers/sqlite/line-up.ts';
import type { Writing } from '../src/peers/sqlite/peer-writer.ts';
import { python } from '../src/suites/lane/tank.ts';
import { createFile, type FileStage } from '../src/suites/sqlite/stage.ts';

const statements = [{ sql: 'INSERT INTO entry (text, number) VALUES (?, ?)', parameters: ['some text', 7] }];
let file: FileStage;

beforeEach(() => {
  file = createFile();
});

afterEach(() => {
  file.remove();
});

function writing(beforeCommit: () => void): Writing {
  return { path: file.path, durability: 'full', busyTimeoutMs: 1_000, statements, beforeCommit };
}

function fail(): void {
  throw new Error('not this one');
}

/** What others find in the file. */
function entries(): unknown {
  const database = new Database(file.path, { readonly: true });
  try {
    return database.prepare('SELECT text, number FROM entry').all();
  } finally {
    database.close();
  }
}

describe.each(writingPeers)('$name', ({ open }) => {
  it('has written when it says so, one transaction a call', async () => {
    let commits = 0;
    const writer = await open(writing(() => void commits++));
    await writer.write();
    await writer.write();
    await writer.close();
    expect(commits).toBe(2);
    expect(entries()).toEqual(Array.from({ length: 2 }, () => ({ text: 'some text', number: 7 })));
  });

  it('has written nothing where a transaction fails, and says why', async () => {
    const writer = await open(writing(fail));
    await expect((async () => writer.write())()).rejects.toThrow('not this one');
    await writer.close();
    expect(entries()).toEqual([]);
  });

  it.each([
    ['full', 2],
    ['normal', 1],
  ] as const)('is as durable as the others at %s, and waits for the lock as long', async (durability, level) => {
    const settings = ['synchronous', 'timeout'].map((name) => ({
      sql: `INSERT INTO entry (text, number) SELECT '${name}', "${name}" FROM pragma_${name.replace('timeout', 'busy_timeout')}`,
      parameters: [],
    }));
    const writer = await open({ ...writing(() => {}), durability, statements: settings });
    await writer.write();
    await writer.close();
    expect(entries()).toEqual([
      { text: 'synchronous', number: level },
      { text: 'timeout', number: 1_000 },
    ]);
  });
});

it('a pool of Python is no peer where there is no Python', async () => {
  const contestant = python('Python', 'no-such-python', 5);
  await expect(contestant.check()).rejects.toThrow('there is no no-such-python on this machine');
  expect(contestant.version).toBe('none');
});
