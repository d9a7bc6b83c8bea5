import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A client that is connected and has said nothing yet. */
export async function connected(path: string): Promise<Socket> {
  const socket = connect(path);
  // Whoever is hung up on while sending is told so; these tests look at the end of the conversation instead.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** Everything that is sent to the client until the other side hangs up. */
export async function heardBy(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Not events.once: it would reject when hanging up cut a write of ours short.
  await new Promise((closed) => socket.once('close', closed));
  return Buffer.concat(chunks).toString();
}

/** A server of a test's own behaviour on a socket path. */
export async function serving(path: string, behave: (socket: Socket) => void): Promise<Server & AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    behave(socket);
  });
  server.listen(path);
  await once(server, 'listening');
  return Object.assign(server, {
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, 'close');
    },
  });
}
