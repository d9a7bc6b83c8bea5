import { writeFileSync } from 'node:fs';
import { temporaryDatabase, temporaryDirectory, type TemporaryDatabase } from '@hive/shared-db/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadComponents } from '../src/component-data/loader.ts';
import { ComponentRepository } from '../src/component-data/repository.ts';
import { schema } from '../src/db/schema.ts';
import { componentKinds } from '../src/study/component.ts';
import { Refusal } from '../src/study/refusal.ts';
import { shippedComponents, shippedLibrary } from './support/shipped-library.ts';

let temporary: TemporaryDatabase;
let repository: ComponentRepository;

beforeEach(async () => {
  temporary = await temporaryDatabase({ migrations: schema });
  repository = new ComponentRepository(temporary.database);
});

afterEach(() => temporary[Symbol.asyncDispose]());

const battery = (id: string, name = id): string => `
  - kind: battery
    id: ${id}
    name: ${name}
    chargeEfficiency: 0.9
    dischargeEfficiency: 0.9
    chargeKwPerKwh: 0.5
    dischargeKwPerKwh: 0.5
    standbyLossPerHour: 0.0
`;

/** Loads a library of these files. */
async function load(files: Readonly<Record<string, string>>): Promise<number> {
  using directory = temporaryDirectory();
  for (const [file, text] of Object.entries(files)) writeFileSync(directory.file(file), text);
  return await loadComponents(repository, directory.path);
}

const idsAndFiles = async (): Promise<readonly (readonly [string, string])[]> =>
  (await repository.list()).map(({ file, component }) => [component.id, file]);

const byId = (one: { id: string }, other: { id: string }): number => (one.id < other.id ? -1 : 1);

describe('the component loader', () => {
  it('brings the shipped library into the database as it is in the files', async () => {
    expect(await loadComponents(repository)).toBe(shippedComponents.length);
    const stored = await repository.list();
    expect(stored.map(({ component }) => component)).toEqual(shippedComponents.toSorted(byId));
    expect(stored.find(({ component }) => component.kind === 'battery')?.file).toBe('batteries.yaml');
  });

  it('reads every YAML file of a directory and nothing else', async () => {
    const text = `components:${battery('a')}`;
    expect(await load({ 'one.yaml': text, 'two.yaml': `components:${battery('b')}`, 'notes.txt': 'no' })).toBe(2);
    expect(await idsAndFiles()).toEqual([
      ['a', 'one.yaml'],
      ['b', 'two.yaml'],
    ]);
  });

  it('replaces what was there', async () => {
    await load({ 'one.yaml': `components:${battery('a', 'Old')}${battery('b')}` });
    await load({ 'one.yaml': `components:${battery('a', 'New')}${battery('c')}` });
    expect(repository.find('a')?.name).toBe('New');
    expect(repository.find('b')).toBeUndefined();
    expect(repository.find('c')?.name).toBe('c');
  });

  it('refuses an id that two files use, names both, and stores nothing', async () => {
    await load({ 'kept.yaml': `components:${battery('kept')}` });
    const files = { 'one.yaml': `components:${battery('a')}${battery('b')}`, 'two.yaml': `components:${battery('b')}` };
    await expect(load(files)).rejects.toThrow(
      new Refusal({ origin: 'two.yaml', key: 'id', expected: 'an id that one.yaml does not use already', found: 'b' }),
    );
    expect(await idsAndFiles()).toEqual([['kept', 'kept.yaml']]);
  });

  it('refuses a file that is wrong, and stores nothing of the others', async () => {
    await load({ 'kept.yaml': `components:${battery('kept')}` });
    const files = { 'one.yaml': `components:${battery('a')}`, 'two.yaml': 'components: []' };
    await expect(load(files)).rejects.toThrow('two.yaml: components: expected array to have >=1 items, found [].');
    expect(await idsAndFiles()).toEqual([['kept', 'kept.yaml']]);
  });
});

describe('the component repository', () => {
  it('replaces all components or none', async () => {
    await load({ 'kept.yaml': `components:${battery('kept')}` });
    const [component] = shippedComponents;
    const twice = [
      { file: 'a.yaml', component: component! },
      { file: 'b.yaml', component: component! },
    ];
    await expect(repository.replaceAll(twice)).rejects.toMatchObject({ code: 'HIVEDB_E_CONSTRAINT' });
    expect(await idsAndFiles()).toEqual([['kept', 'kept.yaml']]);
  });

  it('lists the components of one kind', async () => {
    await loadComponents(repository);
    for (const kind of componentKinds) {
      const listed = await repository.list(kind);
      expect(listed.length).toBeGreaterThanOrEqual(3);
      expect(listed.every(({ component }) => component.kind === kind)).toBe(true);
    }
    expect(componentKinds.toSorted()).toEqual([...new Set(shippedComponents.map(({ kind }) => kind))].toSorted());
  });

  it('gives the library that studies are planned with', async () => {
    await loadComponents(repository);
    const library = await repository.library();
    for (const { kind, id } of shippedComponents)
      expect(library.get(kind, id, 'test', 'id')).toEqual(shippedLibrary.get(kind, id, 'test', 'id'));
  });
});
