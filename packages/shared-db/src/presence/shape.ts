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
  return firstMisfit(value, shape, path);
}

function firstMisfit(value: unknown, shape: AnyShape, path: string): string | undefined {
  if (typeof shape === 'string') return isOf(value, shape) ? undefined : `${path} is not a ${shape}`;
  if ('oneOf' in shape)
    return typeof value === 'string' && Object.hasOwn(shape.oneOf, value)
      ? undefined
      : `${path} is no word that is known here`;
  if ('optional' in shape) return value === undefined ? undefined : firstMisfit(value, shape.optional, path);
  if ('nullable' in shape) return value === null ? undefined : firstMisfit(value, shape.nullable, path);
  if ('each' in shape) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return first(value.entries(), ([index, element]) => firstMisfit(element, shape.each, `${path}[${index}]`));
  }
  if (!isRecord(value)) return `${path} is not an object`;
  if ('numbers' in shape)
    return first(Object.entries(value), ([key, field]) => {
      if (!Object.hasOwn(shape.numbers, key)) return `${path} has a key that is not known here`;
      return firstMisfit(field, 'number', `${path}.${key}`);
    });
  return first(Object.entries(shape.fields), ([key, field]) => {
    return firstMisfit(Object.hasOwn(value, key) ? value[key] : undefined, field, `${path}.${key}`);
  });
}

// JSON can spell numbers that are infinite here: 1e999.
function isOf(value: unknown, type: 'string' | 'number' | 'boolean'): boolean {
  return typeof value === type && (type !== 'number' || Number.isFinite(value));
}

/** Whether a value is an object that is no list. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function first<E>(elements: Iterable<E>, search: (element: E) => string | undefined): string | undefined {
  for (const element of elements) {
    const found = search(element);
    if (found !== undefined) return found;
  }
  return undefined;
}
