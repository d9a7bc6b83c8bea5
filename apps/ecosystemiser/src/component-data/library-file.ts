import { parseDocument } from 'yaml';
import { z } from 'zod';
import { componentSchema } from '../study/component.ts';
import type { Component } from '../study/component.ts';
import { parseOrRefuse, Refusal } from '../study/refusal.ts';

const libraryFileSchema = z
  .strictObject({
    components: z.array(componentSchema).min(1).readonly(),
  })
  .check(({ value, issues }) => {
    const ids = value.components.map(({ id }) => id);
    const twice = ids.findIndex((id, index) => ids.indexOf(id) < index);
    if (twice < 0) return;
    issues.push({
      code: 'custom',
      path: ['components', twice, 'id'],
      message: 'expected an id that no component before it has',
      input: ids[twice],
    });
  });

/**
 * The components of one library file, frozen, from its YAML text. `file` is the name that a `Refusal` gives; its
 * sentence says which key is wrong, or which line when the text is not YAML at all.
 */
export function parseLibraryFile(file: string, text: string): readonly Component[] {
  return parseOrRefuse(libraryFileSchema, parseYaml(file, text), file).components;
}

function parseYaml(file: string, text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const before = text.slice(0, error.pos[0]).split('\n');
    const found = text.split('\n')[before.length - 1];
    throw new Refusal({ origin: file, key: `line ${before.length}`, expected: `YAML (${error.message})`, found });
  }
  try {
    return document.toJS() as unknown;
  } catch (cause) {
    // Aliases are resolved only now: one without an anchor, or so many that they would fill the memory.
    throw new Refusal({ origin: file, key: '', expected: `YAML (${(cause as Error).message})`, found: text });
  }
}
