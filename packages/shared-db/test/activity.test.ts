import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Activity, readActivity, type ActivityName } from '../dist/activity.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function heapAfterCollection(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

describe('what the main thread is doing', () => {
  it('is seen by whoever has the memory', () => {
    const activity = new Activity();
    const label = activity.nameLabel('list');
    const statement = activity.nameStatement('SELECT 1');
    expect(activity.label(label)).toBe(0);
    activity.statement(statement);
    activity.beat(41.5);
    expect(readActivity(activity.memory)).toEqual({ label, statement, beatAt: 41.5 });
    expect(activity.label(0)).toBe(label);
    activity.statement(0);
    expect(readActivity(activity.memory)).toMatchObject({ label: 0, statement: 0 });
  });

  it('has names, told to who listens later, too, and each once', () => {
    const activity = new Activity();
    const heard: ActivityName[] = [];
    activity.nameLabel('list');
    activity.nameStatement('SELECT 1');
    activity.listen((name) => heard.push(name));
    expect(activity.nameStatement('SELECT 1')).toBe(1);
    activity.nameStatement('SELECT 2');
    expect(heard).toEqual([
      { kind: 'label', id: 1, text: 'list' },
      { kind: 'statement', id: 1, text: 'SELECT 1' },
      { kind: 'statement', id: 2, text: 'SELECT 2' },
    ]);
  });

  it('keeps the beginning of a long statement and a thousand of them, however many texts somebody makes', () => {
    const activity = new Activity();
    const heard: ActivityName[] = [];
    activity.listen((name) => heard.push(name));
    const long = `SELECT '${'x'.repeat(1_000_000)}'`;
    expect(activity.nameStatement(`${long} AS a`)).toBe(activity.nameStatement(`${long} AS b`));
    expect(heard[0]?.text).toBe(long.slice(0, 500));
    const ids = Array.from({ length: 2_000 }, (_, i) => activity.nameStatement(`SELECT ${i}`));
    expect(ids.filter((id) => id === 0)).toHaveLength(1_001);
    expect(heard).toHaveLength(1_000);
  });

  it('does not keep a long text alive', () => {
    const activity = new Activity();
    const before = heapAfterCollection();
    for (let i = 0; i < 100; i++) activity.nameStatement(`SELECT ${i}, '${randomBytes(250_000).toString('hex')}'`);
    expect(heapAfterCollection() - before).toBeLessThan(10_000_000);
  });
});
