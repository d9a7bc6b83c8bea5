import { isRecord } from '@hive/shared-db/presence';
import { readFileSync } from 'node:fs';

/** The part of JSON Schema that the contracts of this package use. */
interface Schema {
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Where a document that came from outside first leaves the contract of this name, as a sentence of our own words; undefined where it
 * keeps it. Fields that the contract does not know are no misfit: a later version may have written them.
 */
export function misfitWith(name: 'export', document: unknown): string | undefined {
  const url = new URL(`../../schemas/${name}.v1.schema.json`, import.meta.url);
  const schema = JSON.parse(readFileSync(url, 'utf8')) as Schema;
  return misfit(document, schema, schema, '$');
}

function misfit(value: unknown, schema: Schema, root: Schema, path: string): string | undefined {
  const { $ref, enum: words, type, items } = schema;
  if ($ref !== undefined) return misfit(value, definition($ref, root), root, path);
  if ('const' in schema && value !== schema.const) return `${path} is not ${JSON.stringify(schema.const)}`;
  if (words !== undefined && !words.includes(value)) return `${path} is no word that is known here`;
  const types = type === undefined ? [] : [type].flat();
  if (types.length > 0 && !types.some((one) => isOf(value, one))) return `${path} is not of type ${types.join(' or ')}`;
  if (Array.isArray(value))
    return items && first(value.entries(), ([index, item]) => misfit(item, items, root, `${path}[${index}]`));
  return isRecord(value) ? misfitOfFields(value, schema, root, path) : undefined;
}

function misfitOfFields(value: Fields, schema: Schema, root: Schema, path: string): string | undefined {
  const { properties = {}, required = [], additionalProperties: others } = schema;
  const missing = required.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return `${path}.${missing} is missing`;
  return first(Object.entries(value), ([key, field]) => {
    if (Object.hasOwn(properties, key)) return misfit(field, properties[key] ?? {}, root, `${path}.${key}`);
    return others && misfit(field, others, root, `${path}, one of its fields,`);
  });
}

function definition(reference: string, { $defs = {} }: Schema): Schema {
  const found = $defs[reference.replace('#/$defs/', '')];
  if (found === undefined) throw new Error(`BUG: a contract refers to ${reference}, which it does not have`);
  return found;
}

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      // JSON can spell numbers that are infinite here: 1e999.
      return Number.isFinite(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
    default:
      return typeof value === type;
  }
}

function first<E>(elements: Iterable<E>, search: (element: E) => string | undefined): string | undefined {
  for (const element of elements) {
    const found = search(element);
    if (found !== undefined) return found;
  }
  return undefined;
}
