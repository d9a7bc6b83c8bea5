import { createRequire } from 'node:module';
import { shown, type Problem } from './problem.ts';
import { readSource, type Reading } from './source.ts';
import { spelled } from './spelled-path.ts';
import type * as YamlTree from './yaml-tree.ts';

// The parser takes longer to load than all the rest of this package, and most processes have no settings file.
const require = createRequire(import.meta.url);

/** A settings file that has been read: YAML 1.2. */
export interface SettingsFile {
  /** As messages show it. */
  readonly path: string;
  readonly text: string;
}

/** Reads the text of a settings file. An empty one gives nothing. */
export function readSettingsFile(file: SettingsFile, databases: readonly string[]): Reading {
  const { parseYaml } = require('./yaml-tree.js') as typeof YamlTree;
  const parsed = parseYaml(file.text);
  if ('what' in parsed)
    return { layer: new Map(), problems: [{ where: `${file.path}:${parsed.line}`, what: parsed.what }] };
  const { content = {}, lineOf } = parsed;
  const whereIs = (path: readonly string[]): string => {
    const line = lineOf(path);
    return line === undefined ? file.path : `${file.path}:${line}`;
  };
  const { layer, problems } = readSource(
    {
      layout: 'file',
      tree: content,
      shared: true,
      nameAt: (path) => (path.length === 0 ? 'the file' : spelled(path)),
      whereIs,
      originOf: whereIs,
      show: (_, value) => shown(value),
    },
    databases,
  );
  return { layer, problems: problems.toSorted((one, other) => lineIn(one) - lineIn(other)) };
}

function lineIn({ where }: Problem): number {
  return Number(where.slice(where.lastIndexOf(':') + 1)) || 0;
}
