import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Refusal } from '../study/refusal.ts';
import { parseLibraryFile } from './library-file.ts';
import type { ComponentRepository, StoredComponent } from './repository.ts';

/** The library that comes with the application: from `src` and from `dist` the same way. */
export const SHIPPED_LIBRARY = fileURLToPath(new URL('../../src/component-data/library/', import.meta.url));

/** Reads all library files of a directory. Refuses a file that is wrong, and one id in two files, before anything is stored. */
export function readLibrary(directory: string): readonly StoredComponent[] {
  const files = readdirSync(directory).filter((file) => file.endsWith('.yaml'));
  const origin = new Map<string, string>();
  return files.toSorted().flatMap((file) =>
    parseLibraryFile(file, readFileSync(join(directory, file), 'utf8')).map((component) => {
      const first = origin.get(component.id);
      if (first !== undefined)
        throw new Refusal({ origin: file, key: 'id', expected: `an id that ${first} does not use already`, found: component.id });
      origin.set(component.id, file);
      return { file, component };
    }),
  );
}

/** Brings the library files into the database; returns how many components there are now. */
export async function loadComponents(repository: ComponentRepository, directory: string = SHIPPED_LIBRARY): Promise<number> {
  const components = readLibrary(directory);
  await repository.replaceAll(components);
  return components.length;
}
