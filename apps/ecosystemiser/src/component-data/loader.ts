import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal } from '../study/refusal.ts';
import { parseLibraryFile } from './library-file.ts';
import type { ComponentRepository, StoredComponent } from './repository.ts';

/** The library that comes with the application: beside this file's source, from where compiled code finds it too. */
const SHIPPED_LIBRARY = fileURLToPath(new URL('../../src/component-data/library/', import.meta.url));

/**
 * Brings all library files of a directory into the database and returns how many components it holds now. A file that is wrong,
 * and an id that two files use, is refused (`Refusal`) before anything is stored.
 */
export async function loadComponents(repository: ComponentRepository, directory = SHIPPED_LIBRARY): Promise<number> {
  const components = readLibrary(directory);
  await repository.replaceAll(components.values());
  return components.size;
}

function readLibrary(directory: string): ReadonlyMap<string, StoredComponent> {
  const files = readdirSync(directory).filter((file) => file.endsWith('.yaml'));
  const byId = new Map<string, StoredComponent>();
  for (const file of files.toSorted())
    for (const component of parseLibraryFile(file, readFileSync(join(directory, file), 'utf8'))) {
      const { id } = component;
      const first = byId.get(id)?.file;
      if (first !== undefined)
        throw new Refusal({ origin: file, key: 'id', expected: `an id that ${first} does not use already`, found: id });
      byId.set(id, { file, component });
    }
  return byId;
}
