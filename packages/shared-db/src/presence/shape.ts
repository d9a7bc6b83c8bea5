/**
 * What plain data of type `T` looks like, for checking data that another process sent. As a type it follows `T`, so a field that is
 * added to `T` and not here does not compile.
 */
export type Shape<T> = [undefined] extends [T]
  ? { readonly optional: Shape<Exclude<T, undefined>> }
  : [T] extends [string]
    ? 'string'
    : [T] extends [number]
      ? 'number'
      : [T] extends [boolean]
        ? 'boolean'
        : [T] extends [readonly (infer E)[]]
          ? { readonly each: Shape<E> }
          : { readonly fields: { readonly [K in keyof T]-?: Shape<T[K]> } } | { readonly values: 'number' };

/** A shape whose type is not known any more. */
type AnyShape =
  | 'string'
  | 'number'
  | 'boolean'
  | { readonly optional: AnyShape }
  | { readonly each: AnyShape }
  | { readonly fields: { readonly [key: string]: AnyShape } }
  | { readonly values: 'number' };

/** Where `value` first differs from the shape, as a sentence of our own words; undefined where it fits. Fields beyond the shape are ignored. */
export function misfit<T>(value: unknown, shape: Shape<T>, path: string): string | undefined {
  return firstMisfit(value, shape, path);
}

function firstMisfit(value: unknown, shape: AnyShape, path: string): string | undefined {
  if (typeof shape === 'string') return typeof value === shape ? undefined : `${path} is not a ${shape}`;
  if ('optional' in shape) return value === undefined ? undefined : firstMisfit(value, shape.optional, path);
  if ('each' in shape) {
    if (!Array.isArray(value)) return `${path} is not a list`;
    return first(value.entries(), ([index, element]) => firstMisfit(element, shape.each, `${path}[${index}]`));
  }
  if (!isRecord(value)) return `${path} is not an object`;
  if ('values' in shape)
    return first(Object.values(value), (field) => firstMisfit(field, shape.values, `a value of ${path}`));
  return first(Object.entries(shape.fields), ([key, field]) => {
    return firstMisfit(Object.hasOwn(value, key) ? value[key] : undefined, field, `${path}.${key}`);
  });
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
