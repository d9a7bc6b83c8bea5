// A process that listens on as many sockets as it is told, in the names of processes that there are not, and leaves them behind when it
// is killed.
import { createServer } from 'node:net';
import { join } from 'node:path';

const [directory, count] = process.argv.slice(2);
/** Above the highest number that Linux gives. */
const FIRST = 4_200_000;
for (let index = 0; index < Number(count); index++) {
  const listening = Promise.withResolvers();
  createServer().listen(join(directory, `process-${FIRST + index}-1.sock`), listening.resolve);
  await listening.promise;
}
process.stdout.write('ready\n');
