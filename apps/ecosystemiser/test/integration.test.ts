import { mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { temporaryDirectory, type TemporaryDirectory } from '@hive/shared-db/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadSeattleYear } from '../src/climate/climate-year.ts';
import { checkBalance } from '../src/study/balance.ts';
import { defaultStudies } from '../src/study/default-studies.ts';
import { runStudy } from '../src/study/run-study.ts';
import { ServeProcess, run, type Finished } from './support/command.ts';
import { Requester } from './support/requester.ts';
import { shippedLibrary } from './support/shipped-library.ts';
import { asStored, storedStudies } from './support/stored-study.ts';

const year = await loadSeattleYear();
const clean = defaultStudies.map((spec) => runStudy(spec, shippedLibrary, year));

let directory: TemporaryDirectory;
let data: string;
let serve: ServeProcess;
let requester: Requester;

beforeAll(async () => {
  directory = temporaryDirectory();
  data = directory.file('data');
  mkdirSync(data);
  requester = await Requester.open(data);
  serve = new ServeProcess(data, { cwd: directory.path });
  for (const { name } of defaultStudies) await requester.ask(`task-${name}`, name);
});

afterAll(async () => {
  await requester[Symbol.asyncDispose]();
  await serve[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

/** Runs a command beside the application that serves. */
const show = (...args: string[]): Promise<Finished> => run([...args, '--data-dir', data], { cwd: directory.path });

describe('integration over the bus', () => {
  it.each(clean)('$spec.name is answered with the summary of the year', async ({ spec, summary }) => {
    const taskId = `task-${spec.name}`;
    expect(await requester.answerTo(taskId)).toEqual({
      topic: 'study.finished',
      payload: { taskId, attempt: 1, summary },
    });
  });

  it.each(clean)('$spec.name is stored with all its hours, and queryable', async (result) => {
    await requester.answerTo(`task-${result.spec.name}`);
    const stored = await storedStudies(data);
    expect(stored.get(`task-${result.spec.name}`)).toEqual(asStored(result));
  });

  it.each(defaultStudies)('the energy balance of $name closes in every stored hour', async ({ name }) => {
    await requester.answerTo(`task-${name}`);
    const { hours } = (await storedStudies(data)).get(`task-${name}`)!;
    expect(hours).toHaveLength(8759);
    let storedBeforeKwh = 0;
    for (const is of hours) {
      checkBalance(is.hour, is, storedBeforeKwh);
      const loadKwh = is.electricDemandKwh + is.heatPumpElectricKwh + is.backupHeaterKwh;
      const sourcesKwh = is.pvKwh + is.importKwh + is.batteryDischargeKwh;
      const usesKwh = loadKwh + is.batteryChargeKwh + is.exportKwh + is.curtailedKwh;
      expect(Math.abs(sourcesKwh - usesKwh)).toBeLessThan(1e-9);
      storedBeforeKwh = is.batteryStoredKwh;
    }
  });

  it('a study that is refused is answered with the reason, and the next one is computed', async () => {
    await requester.ask('refused', 'detached-pvv');
    await requester.publish({ taskId: 'nothing', attempt: 1 });
    await requester.ask('next', 'detached-pv');
    const { topic, payload } = await requester.answerTo('refused');
    expect(topic).toBe('study.failed');
    expect(payload['error']).toContain('did you mean "detached-pv"?');
    expect((await requester.answerTo('nothing')).payload['error']).toBe(
      'task "nothing": expected object, found nothing.',
    );
    expect((await requester.answerTo('next')).topic).toBe('study.finished');
  });

  it('a request that says not who asks is passed over, and the next one is computed', async () => {
    await requester.publish({ study: 'detached-pv' });
    await requester.publish('nonsense');
    await requester.ask('after-nonsense', 'detached-pv');
    expect((await requester.answerTo('after-nonsense')).topic).toBe('study.finished');
  });

  it('a task that is asked for again is answered again', async () => {
    await requester.answerTo('task-detached-pv');
    await requester.ask('task-detached-pv', 'detached-pv', 2);
    expect(await requester.answerTo('task-detached-pv', 2)).toMatchObject({
      topic: 'study.finished',
      payload: { attempt: 2, summary: clean[1]?.summary },
    });
  });

  it('reads its settings again at SIGHUP, and goes on', async () => {
    await serve.said('ready for studies');
    const save = (text: string): void => {
      writeFileSync(directory.file('settings.yaml'), text);
      // As if it had been saved long ago: one that may still be written is waited for.
      utimesSync(directory.file('settings.yaml'), 0, 0);
    };
    save('databases: { ecosystemiser: { pool: { size: 3 } } }');
    serve.kill('SIGHUP');
    const { changes } = await serve.said('settings were read again: applied');
    expect(changes).toMatchObject([
      { key: 'databases.ecosystemiser.pool.size', from: '4', to: '3', effect: 'applied' },
    ]);
    save('databases: { ecosystemiser: { pool: ');
    serve.kill('SIGHUP');
    const fault = `${directory.file('settings.yaml')}:1: the file must be valid YAML`;
    const { problems } = await serve.saidLike(`settings were not read again, and stay as they are: ${fault}`);
    expect(problems).toHaveLength(1);
    rmSync(directory.file('settings.yaml'));
  });

  it('the commands show what is stored while the application serves', async () => {
    await Promise.all(defaultStudies.map(({ name }) => requester.answerTo(`task-${name}`)));
    const [list, document, csv, json, components] = await Promise.all([
      show('studies'),
      show('studies', '--json'),
      show('series', 'detached-pv-battery', 'batteryStoredKwh'),
      show('series', 'task-street-community', 'importKwh', '--json'),
      show('components', '--kind', 'battery'),
    ]);
    for (const { code, stderr } of [list, document, csv, json, components])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const { name } of defaultStudies) expect(list.stdout).toContain(`task-${name}`);
    const { schema, studies } = JSON.parse(document.stdout) as {
      schema: string;
      studies: { id: string; summary: unknown }[];
    };
    expect(schema).toBe('hive-ecosystemiser/studies/v1');
    expect(studies.find(({ id }) => id === 'task-street-community')?.summary).toEqual(clean[3]?.summary);
    const [head, first, ...rest] = csv.stdout.trimEnd().split('\n');
    expect(head).toBe('start,batteryStoredKwh');
    expect(first).toBe(`2010-01-01T09:00:00.000Z,${clean[2]?.series.batteryStoredKwh[0]}`);
    expect(rest).toHaveLength(8758);
    expect(JSON.parse(json.stdout)).toEqual({
      schema: 'hive-ecosystemiser/series/v1',
      id: 'task-street-community',
      study: 'street-community',
      name: 'importKwh',
      startMs: [...year.startMs],
      values: [...clean[3]!.series.importKwh],
    });
    expect(components.stdout).toContain('battery-lead-acid');
    expect(components.stdout).not.toContain('pv-perc-roof');
  });
});
