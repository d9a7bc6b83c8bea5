import { DatabaseError } from './errors.ts';

/** Two names for one file: each would count, limit and show only half of what goes on there. */
export function sameFile(first: string, name: string): DatabaseError {
  return new DatabaseError('DUPLICATE_FILE', `databases ${first} and ${name} are the same file`, {
    database: name,
    advice: `use the one name ${first}, or give ${name} a file of its own`,
  });
}
