import { z } from 'zod';

/** A short name that is safe in a path, a URL and a log line. */
export const slug = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected a lower-case letter and then at most 62 letters, digits or hyphens');

/** What every component has: the id that studies name it by, unique in the library, and a name for people. */
export const componentIdentity = { id: slug, name: z.string().min(1).max(120) };
