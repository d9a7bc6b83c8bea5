import { parentPort } from 'node:worker_threads';
import { systemClock } from '@hive/pool/clock';
import { LogKeeper } from './log-keeper.ts';
import type { FromCheckpointer, LogOrder, ToCheckpointer } from './message.ts';

const port = parentPort;
if (port === null) throw new Error('BUG: a checkpointer is a worker thread');
const keepers = new Map<number, LogKeeper>();

port.on('message', (message: ToCheckpointer) => {
  switch (message.kind) {
    case 'keep':
      void keep(message.order);
      return;
    case 'leave':
      // It may have been told to keep it a moment before the thread that was told died.
      if (!keepers.has(message.id)) tell({ kind: 'left', id: message.id });
      keepers.get(message.id)?.leave(message.tidy);
      return;
    case 'paused':
      keepers.get(message.id)?.paused(message.paused);
      return;
    case 'end':
      port.close();
  }
});

async function keep(order: LogOrder): Promise<void> {
  const keeper = new LogKeeper(order, { clock: systemClock, random: Math.random, tell });
  keepers.set(order.id, keeper);
  await keeper.keep();
  keepers.delete(order.id);
  tell({ kind: 'left', id: order.id });
}

function tell(message: FromCheckpointer): void {
  port?.postMessage(message);
}
