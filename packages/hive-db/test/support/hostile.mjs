// A process that can be found and behaves badly, in the way that it is told: under its own name, and where more sockets are asked for, in
// the names of processes that there are not.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [directory, behaviour, sockets = '1'] = process.argv.slice(2);
const start = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1).split(' ')[19];
const GIBIBYTE = 1024 ** 3;
/** Just short enough to be read to its end. */
const LONGEST = 16 * 1024 ** 2 - 2;
const piece = Buffer.alloc(1024 ** 2, 'x');

const behaviours = {
  silent: () => undefined,
  rubbish: (socket) => socket.end('\u001b[2Jhello\n'),
  binary: (socket) => socket.end(Buffer.alloc(4096, 0xff)),
  nesting: (socket) => socket.end(`${'['.repeat(LONGEST)}\n`),
  nestingClosed: (socket) => socket.end(`${'['.repeat(LONGEST / 2)}${']'.repeat(LONGEST / 2)}\n`),
  dense: (socket) => socket.end(`[${'[],'.repeat(LONGEST / 4)}0]\n`),
  trickle: (socket) => setInterval(() => socket.write('{'), 10),
  flood: (socket) => {
    let sent = 0;
    const pour = () => {
      while (sent < GIBIBYTE && !socket.destroyed) {
        sent += piece.length;
        if (!socket.write(piece)) return;
      }
      socket.end();
    };
    socket.on('drain', pour);
    pour();
  },
};

function listen(name) {
  const { promise, resolve } = Promise.withResolvers();
  const server = createServer((socket) => {
    // Whoever asks may hang up at any time.
    socket.on('error', () => undefined);
    behaviours[behaviour](socket);
  });
  server.listen(join(directory, name), resolve);
  return promise;
}

await listen(`process-${process.pid}-${start}.sock`);
for (let index = 1; index < Number(sockets); index++) await listen(`process-${4_200_000 + index}-1.sock`);
process.stdout.write('ready\n');
