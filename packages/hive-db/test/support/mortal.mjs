// A process that can be found, and dies of the first question, as the kernel kills: without a word.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const start = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1).split(' ')[19];
createServer(() => process.kill(process.pid, 'SIGKILL')).listen(
  join(process.argv[2], `process-${process.pid}-${start}.sock`),
  () => process.stdout.write('ready\n'),
);
