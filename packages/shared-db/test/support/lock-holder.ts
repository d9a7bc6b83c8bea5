import { companion, type Companion } from './companion.ts';

/** Another process that has the lock of a file when this resolves, until it is told to let go. Killed when the scope ends. */
export async function lockHolder(path: string): Promise<Companion> {
  const holder = companion(
    `const { DatabaseSync } = await import('node:sqlite');
     const database = new DatabaseSync(args[0]);
     database.exec('BEGIN IMMEDIATE');
     say('holding');
     await hear();
     database.exec('COMMIT');
     goDeaf();`,
    path,
  );
  const word = await holder.hear();
  if (word !== 'holding') throw new Error(`a holder said ${word}`);
  return holder;
}
