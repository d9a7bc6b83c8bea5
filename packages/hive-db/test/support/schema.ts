import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The part of JSON Schema that the contracts use. */
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

const KEYWORDS = new Set(
  '$schema $id $ref $defs title description const enum type properties required additionalProperties items'.split(' '),
);

/** Reads a contract that the package ships. Throws for a keyword that `misfits` does not understand. */
export function contract(name: string): Schema {
  const text = readFileSync(join(import.meta.dirname, '../../schemas', `${name}.v1.schema.json`), 'utf8');
  const schema = JSON.parse(text) as Schema;
  check(schema);
  return schema;
}

/**
 * Where a document leaves its contract, a line for each place. Stricter than JSON Schema: a field that the contract does not know is a
 * misfit, too, because it would be a promise that nobody wrote down.
 */
export function misfits(document: unknown, schema: Schema, root: Schema = schema, path = '$'): readonly string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/$defs/', '');
    return misfits(document, root.$defs![name]!, root, path);
  }
  if ('const' in schema && document !== schema.const) return [`${path} is not ${JSON.stringify(schema.const)}`];
  if (schema.enum !== undefined && !schema.enum.includes(document)) return [`${path} is ${JSON.stringify(document)}`];
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some((type) => isOf(document, type)))
    return [`${path} is ${JSON.stringify(document)}, not ${types.join(' or ')}`];
  if (Array.isArray(document) && schema.items !== undefined)
    return document.flatMap((item, index) => misfits(item, schema.items!, root, `${path}[${index}]`));
  return isRecord(document) ? misfitsOfFields(document, schema, root, path) : [];
}

function misfitsOfFields(
  document: Readonly<Record<string, unknown>>,
  { properties = {}, required = [], additionalProperties }: Schema,
  root: Schema,
  path: string,
): readonly string[] {
  return [
    ...required.filter((key) => !Object.hasOwn(document, key)).map((key) => `${path}.${key} is missing`),
    ...Object.entries(document).flatMap(([key, value]) => {
      const schema = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
      return schema === undefined
        ? [`${path}.${key} is not in the contract`]
        : misfits(value, schema, root, `${path}.${key}`);
    }),
  ];
}

function check(schema: Schema): void {
  for (const key of Object.keys(schema)) if (!KEYWORDS.has(key)) throw new Error(`keyword ${key} is not understood`);
  const { $defs = {}, properties = {}, additionalProperties, items } = schema;
  for (const part of [...Object.values($defs), ...Object.values(properties), additionalProperties, items])
    if (part !== undefined) check(part);
}

function isOf(value: unknown, type: string): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isRecord(value);
    default:
      return typeof value === type;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
