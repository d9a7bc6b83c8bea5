import { chmodSync, readFileSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDatabaseService, sqlite } from '@hive/shared-db';
import { temporaryDirectory } from '@hive/shared-db/testing';
import { asNobody, canBecomeNobody } from '../support/as-nobody.ts';
import { ask, clerk, SAVE as SAVE_ONE } from '../support/clerk.ts';
import { shop } from '../support/shop.ts';
import { smallDisk } from '../support/small-disk.ts';

const SAVE = 'INSERT INTO item (name) VALUES (?)';
const SALT_BYTES = 8;
const WRITE_AS_NOBODY = `
  import { openDatabaseService, sqlite } from '@hive/shared-db';
  const databases = { orders: sqlite({ path: process.argv[1], durability: 'full' }) };
  const service = await openDatabaseService({ app: 'nobody', presence: false, databases });
  const write = () => service.database('orders').write('save', (tx) => tx.run("INSERT INTO item (name) VALUES ('mine')"));
  const told = await write().then(() => 'written', (error) => error.message);
  await service.close();
  console.log(JSON.stringify(told));
`;

/** How long the log was after each of so many writes, one after the other. */
async function lengthsOfLog(durability: 'full' | 'normal', writes: number): Promise<readonly number[]> {
  await using temporary = await shop({ durability });
  const lengths: number[] = [];
  for (let n = 0; n < writes; n++) {
    await temporary.database.write('save', (tx) => tx.run(SAVE, `item ${n}`));
    lengths.push(statSync(`${temporary.path}-wal`).size);
  }
  return lengths;
}

describe('the room in a log', () => {
  it('is made ahead at durability full: few of the syncs have to say where new blocks are', async () => {
    const lengths = await lengthsOfLog('full', 200);
    expect(new Set(lengths).size).toBeLessThan(25);
  });

  it('is not made at durability normal, where nobody waits for a sync', async () => {
    const lengths = await lengthsOfLog('normal', 200);
    expect(new Set(lengths).size).toBeGreaterThan(100);
  });

  it('is made by one of several, when it is needed', async () => {
    const alone = await lengthsOfLog('full', 100);
    await using temporary = await shop({ durability: 'full' });
    using meeting = temporaryDirectory();
    await using other = await clerk(temporary.path, meeting.path, { durability: 'full' });
    for (let n = 0; n < 50; n++) {
      await temporary.database.write('save', (tx) => tx.run(SAVE, `item ${n}`));
      await ask(other, SAVE_ONE);
    }
    expect(statSync(`${temporary.path}-wal`).size).toBeLessThanOrEqual(1.5 * alone.at(-1)!);
  });

  it('is not read by anybody: a log that ends in it is recovered as it was', async () => {
    await using temporary = await shop({ durability: 'full' });
    const names = Array.from({ length: 40 }, (_, n) => `item ${n}`);
    for (const name of names) await temporary.database.write('save', (tx) => tx.run(SAVE, name));
    const log = readFileSync(`${temporary.path}-wal`);
    expect(log.subarray(-SALT_BYTES)).toEqual(Buffer.alloc(SALT_BYTES));
    const copy = `${temporary.path}.copy`;
    writeFileSync(copy, readFileSync(temporary.path));
    writeFileSync(`${copy}-wal`, log);
    await using service = await openDatabaseService({
      app: 'copy',
      presence: false,
      databases: { copy: sqlite({ path: copy }) },
    });
    const found = await service.database('copy').read('names', (c) => c.all<{ name: string }>('SELECT name FROM item'));
    expect(found.map(({ name }) => name)).toEqual(names);
  });

  it('is made in the log of another user, too', async ({ skip }) => {
    skip(!canBecomeNobody(), 'this process may not become another user');
    await using temporary = await shop({ durability: 'full' });
    chmodSync(dirname(temporary.path), 0o777);
    for (const suffix of ['', '-wal', '-shm']) chmodSync(`${temporary.path}${suffix}`, 0o666);
    expect(asNobody(WRITE_AS_NOBODY, temporary.path)).toBe('written');
  });

  it('does not take the last that a disk has left', async ({ skip }) => {
    using disk = smallDisk(2_000);
    skip(disk === undefined, 'this process may not mount a file system');
    const path = join(disk!.path, 'full.db');
    await using service = await openDatabaseService({
      app: 'full',
      presence: false,
      databases: { full: sqlite({ path, durability: 'full' }) },
    });
    const database = service.database('full');
    await database.write('make', (tx) => tx.exec('CREATE TABLE item (name TEXT)'));
    const { bavail, bsize } = statfsSync(disk!.path);
    const leftBytes = 60_000;
    writeFileSync(join(disk!.path, 'ballast'), Buffer.alloc(bavail * bsize - leftBytes));
    for (let n = 0; n < 9; n++) await database.write('save', (tx) => tx.run(SAVE, `item ${n}`));
    expect(() => {
      writeFileSync(join(disk!.path, 'somebody else'), Buffer.alloc(8_000));
    }).not.toThrow();
  });
});
