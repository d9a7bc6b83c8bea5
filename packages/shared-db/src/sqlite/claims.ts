import { DatabaseError } from '../errors.ts';
import { processRegistry } from '../process-registry.ts';

/**
 * Claims a file for one database of this thread; the result gives it back. Two services on one file would be safe, and would queue,
 * limit and show only half of what goes on each. Throws `DUPLICATE_FILE` naming the first.
 */
export function claimFile(name: string, path: string, inode: string): () => void {
  const { files } = processRegistry();
  const first = files.get(inode);
  if (first !== undefined)
    throw new DatabaseError('DUPLICATE_FILE', `${path} is already open in this process, as database ${first}`, {
      database: name,
      advice: 'open one service per process and share it: getDatabaseService()',
    });
  files.set(inode, name);
  return () => {
    files.delete(inode);
  };
}
