// A process that can be found and behaves badly, in the way that it is told.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [directory, behaviour] = process.argv.slice(2);
const start = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1).split(' ')[19];
const GIBIBYTE = 1024 ** 3;
const piece = Buffer.alloc(1024 ** 2, 'x');

const behaviours = {
  silent: () => undefined,
  rubbish: (socket) => socket.end('\u001b[2Jhello\n'),
  binary: (socket) => socket.end(Buffer.alloc(4096, 0xff)),
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

createServer((socket) => {
  // Whoever asks may hang up at any time.
  socket.on('error', () => undefined);
  behaviours[behaviour](socket);
}).listen(join(directory, `process-${process.pid}-${start}.sock`), () => process.stdout.write('ready\n'));
