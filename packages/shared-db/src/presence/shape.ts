/**
 * What plain data of type `T` looks like, for checking data that another process sent. As a type it follows `T`, so a field, or a word
 * of a closed list, that is added to `T` and not here does not compile. An object whose fields are all optional holds numbers.
 */
export type Shape<T> = [undefined] extends [T]
  ? { readonly optional: Shape<Exclude<T, undefined>> }
  : [null] extends [T]
    ? { readonly nullable: Shape<Exclude<T, null>> }
    : [T] extends [string]
      ? string extends T
        ? 'string'
        : { readonly oneOf: { readonly [W in T]: true } }
      : [T] extends [number]
        ? 'number'
        : [T] extends [boolean]
          ? 'boolean'
          : [T] extends [readonly (infer E)[]]
            ? { readonly each: Shape<E> }
            : object extends T
              ? { readonly numbers: { readonly [K in keyof T]-?: true } }
              : { readonly fields: { readonly [K in keyof T]-?: Shape<T[K]> } };

/** A shape whose type is not known any more. */
type AnyShape =
  | 'string'
  | 'number'
  | 'boolean'
  | { readonly optional: AnyShape }
  | { readonly nullable: AnyShape }
  | { readonly each: AnyShape }
  | { readonly oneOf: { readonly [word: string]: true } }
  | { readonly fields: { readonly [key: string]: AnyShape } }
  | { readonly numbers: { readonly [key: string]: true } };

/** Where `value` first differs from the shape, as a sentence of our own words; undefined where it fits. Fields beyond the shape are ignored. */
export function misfit<T>(value: unknown, shape: Shape<T>, path: string): string | undefined {
  const fault = firstMisfit(value, shape);
  return fault === undefined ? undefined : `${path}${fault}`;
}

/** What follows the path of the value: where in it, and what is wrong there. A path is put together only once something is. */
function firstMisfit(value: unknown, shape: AnyShape): string | undefined {
  if (typeof shape === 'string') return isOf(value, shape) ? undefined : ` is not a ${shape}`;
  if ('oneOf' in shape)
    return typeof value === 'string' && Object.hasOwn(shape.oneOf, value)
      ? undefined
      : ' is no word that is known here';
  if ('optional' in shape) return value === undefined ? undefined : firstMisfit(value, shape.optional);
  if ('nullable' in shape) return value === null ? undefined : firstMisfit(value, shape.nullable);
  if ('each' in shape) return Array.isArray(value) ? misfitOfOne(value, shape.each) : ' is not a list';
  if (!isRecord(value)) return ' is not an object';
  return 'numbers' in shape ? misfitOfNumbers(value, shape.numbers) : misfitOfFields(value, shape.fields);
}

function misfitOfOne(list: readonly unknown[], shape: AnyShape): string | undefined {
  for (let index = 0; index < list.length; index++) {
    const fault = firstMisfit(list[index], shape);
    if (fault !== undefined) return `[${index}]${fault}`;
  }
  return undefined;
}

function misfitOfNumbers(value: Record<string, unknown>, known: { readonly [key: string]: true }): string | undefined {
  for (const [key, field] of Object.entries(value)) {
    if (!Object.hasOwn(known, key)) return ' has a key that is not known here';
    if (!isOf(field, 'number')) return `.${key} is not a number`;
  }
  return undefined;
}

function misfitOfFields(
  value: Record<string, unknown>,
  fields: { readonly [key: string]: AnyShape },
): string | undefined {
  for (const [key, shape] of Object.entries(fields)) {
    const fault = firstMisfit(Object.hasOwn(value, key) ? value[key] : undefined, shape);
    if (fault !== undefined) return `.${key}${fault}`;
  }
  return undefined;
}

// JSON can spell numbers that are infinite here: 1e999.
function isOf(value: unknown, type: 'string' | 'number' | 'boolean'): boolean {
  return typeof value === type && (type !== 'number' || Number.isFinite(value));
}

/** Whether a value is an object that is no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
