import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseLibraryFile } from '../../src/component-data/library-file.ts';
import { ComponentLibrary } from '../../src/study/component-library.ts';
import type { Component } from '../../src/study/component.ts';

const folder = join(import.meta.dirname, '../../src/component-data/library');

/** Every component of the library that ships. */
export const shippedComponents: readonly Component[] = readdirSync(folder).flatMap((file) =>
  parseLibraryFile(file, readFileSync(join(folder, file), 'utf8')),
);

export const shippedLibrary = new ComponentLibrary(shippedComponents);
