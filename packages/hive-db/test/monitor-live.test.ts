import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startShop } from './support/program.ts';
import { COOKED, HAS_TERMINALS, startAtTerminal, type PseudoTerminal } from './support/pseudo-terminal.ts';
import { answering, runtimeDirectory, silent, type RuntimeDirectory } from './support/runtime-directory.ts';
import { busyService, databaseSnapshot, serviceSnapshot } from './support/snapshots.ts';
import { temporaryDirectory } from './support/temporary-directory.ts';
import type { VirtualScreen } from './support/virtual-screen.ts';

const BIN = join(import.meta.dirname, '../bin/hive-db.js');
const SIZE = { columns: 100, rows: 24 };

interface Circumstances {
  readonly size?: { readonly columns: number; readonly rows: number };
  readonly options?: readonly string[];
  readonly node?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** Starts the view of the processes that meet in a directory. */
function startView(
  runtimeDirectory: string,
  { size = SIZE, options = [], node = [], env = { NO_COLOR: '1' } }: Circumstances = {},
): Promise<PseudoTerminal> {
  const argv = [...node, BIN, 'monitor', '--continuous', '--timeout', '20s', '--runtime-dir', runtimeDirectory];
  return startAtTerminal({ command: process.execPath, argv: [...argv, ...options] }, size, env);
}

/** A shell with job control, in which the view runs as a job. `wrap` makes of its command line another. */
async function startInShell(directory: RuntimeDirectory, wrap: (command: string) => string): Promise<PseudoTerminal> {
  const shell = await startAtTerminal({ command: 'sh', argv: ['-i'] }, SIZE, { NO_COLOR: '1', PS1: '$ ', ENV: '' });
  const command = `'${process.execPath}' '${BIN}' monitor --continuous --timeout 20s --runtime-dir '${directory.path}'`;
  await shell.until(({ text }) => /[$#]/.test(text));
  shell.type(`${wrap(command)}\r`);
  return shell;
}

const shows =
  (...words: readonly string[]) =>
  ({ text, isAlternate, isUpdating }: VirtualScreen): boolean =>
    isAlternate && !isUpdating && words.every((word) => text.includes(word));

/** The terminal as a shell expects it. */
function assertRestored({ screen }: PseudoTerminal): void {
  const { isAlternate, isCursorShown, isWrapping, isUpdating } = screen;
  expect({ isAlternate, isCursorShown, isWrapping, isUpdating }).toEqual({
    isAlternate: false,
    isCursorShown: true,
    isWrapping: true,
    isUpdating: false,
  });
}

describe.skipIf(!HAS_TERMINALS)('the live view at a terminal', () => {
  it('has the screen for itself, and gives it back on q', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
    await using terminal = await startView(directory.path);
    await terminal.until(shows('shop'));
    expect(terminal.screen).toMatchObject({ isCursorShown: false, isWrapping: false, styles: 0 });
    expect(await terminal.modes()).toEqual({ lines: false, echo: false, signals: false });
    // The bars stand where the clock says.
    expect(terminal.screen.lines.map((line) => line.replaceAll(/[▁-█]/g, ' '))).toEqual([
      'hive-db monitor  2 processes  every 1 s',
      'waiting orders, stock: 3 callers wait in shop (pid 4711) for a connection, the oldest for 4.2 s, be…',
      `> 1 pools  3 by app ${'─'.repeat(80)}`,
      'APP      PID  DATABASE  HEALTH  USED  IDLE  WAIT  SIZE  USE         ACQUIRE                READS',
      expect.stringMatching(/^quiet {5}12 {2}orders {4}pass {7}1 {5}1 {5}0 {5}4 +- +30\/min$/),
      expect.stringMatching(/^shop {4}4711 {2}orders {4}warn {7}5 {5}0 {5}5 {3}4\+1 +- +30\/min$/),
      expect.stringMatching(/^shop {4}4711 {2}stock {5}failed {5}1 {5}1 {5}0 {5}4 +- +30\/min$/),
      `  2 activity  2 by time ${'─'.repeat(76)}`,
      '   TIME  KIND   LABEL           APP     PID  DATABASE  CALL SITE',
      ' 41.2 s  write  nightly import  shop   4711  orders    import.ts:12:3',
      '   3 ms  read   list orders     shop   4711  orders',
      `  3 blocking  2 by wait ${'─'.repeat(76)}`,
      '    FOR  WHO WAITS              FOR WHAT    DATABASE  WHO HAS IT               SINCE  CALL SITE',
      '  4.2 s  shop (4711) 3 callers  connection  orders    shop (4711) "list or…     3 ms',
      '   0 us  shop (4711) 2 callers  own writer  orders    shop (4711) "move st…    1.2 s  import.ts:12:3',
      `  4 WAL  1 by backlog ${'─'.repeat(78)}`,
      'DATABASE        FRAMES  BACKLOG      SIZE  WHO PINS IT  FILE',
      'orders, stock        -        -    no log  -            /srv/orders.db',
      ...Array.from({ length: 5 }, () => ''),
      'q quit  ? help  space pause  +- interval  s sort  / filter  1-4 tab sections',
    ]);
    terminal.type('q');
    expect(await terminal.ended()).toEqual({ code: 0, modes: COOKED });
    assertRestored(terminal);
  });

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-\\', '\u001c'],
  ])('gives the screen back on %s', async (_, key) => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using terminal = await startView(directory.path);
    await terminal.until(shows('shop'));
    terminal.type(key);
    expect(await terminal.ended()).toEqual({ code: 0, modes: COOKED });
    assertRestored(terminal);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const)('gives the screen back on %s', async (signal) => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using terminal = await startView(directory.path);
    await terminal.until(shows('shop'));
    process.kill(terminal.pid, signal);
    expect(await terminal.ended()).toEqual({ code: 0, modes: COOKED });
    assertRestored(terminal);
  });

  it('gives the screen back when something throws that nobody catches', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const bomb = `data:text/javascript,${encodeURIComponent("process.on('SIGUSR2', () => { throw new Error('boom'); })")}`;
    await using terminal = await startView(directory.path, { node: ['--import', bomb] });
    await terminal.until(shows('shop'));
    process.kill(terminal.pid, 'SIGUSR2');
    expect(await terminal.ended()).toEqual({ code: 1, modes: COOKED });
    assertRestored(terminal);
    // What is said of it is not lost with the other screen.
    expect(terminal.screen.text).toContain('boom');
  });

  it('ends when its terminal goes away, which is a proper end: nobody is left to whom it could have failed', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using terminal = await startView(directory.path);
    await terminal.until(shows('shop'));
    terminal.hangUp();
    expect((await terminal.ended()).code).toBe(0);
  });

  it('ends when its terminal goes away while it waits for an answer', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(99, silent);
    await using terminal = await startView(directory.path, { options: ['--timeout', '60s'] });
    await terminal.until(shows('looking for processes'));
    terminal.hangUp();
    expect((await terminal.ended()).code).toBe(0);
  });

  it('does not draw every cell of a terminal that claims to be as large as a country', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using shell = await startInShell(directory, (command) => `stty cols 65535 rows 65535; ${command}`);
    await shell.until(shows('shop'));
    shell.type('q');
    await shell.until(({ isAlternate }) => !isAlternate);
    shell.type('echo code $?\r');
    await shell.until(({ text }) => text.includes('code 0'));
    assertRestored(shell);
  });

  it('stops on Ctrl-Z with the screen as it was, and takes it again on fg', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    // A launcher that waits for it, as npx does, is stopped with it.
    await using shell = await startInShell(directory, (command) => `sh -c "${command}; exit 7"`);
    await shell.until(shows('shop'));
    shell.type('\u001a');
    await shell.until(({ text }) => /Stopped/.test(text));
    assertRestored(shell);
    shell.resize(60, 12);
    shell.type('fg\r');
    await shell.until(shows('shop', '[1 pools 1 by app]'));
    expect(shell.screen.lines.join('')).not.toContain('#');
    expect(shell.screen.isCursorShown).toBe(false);
    shell.type('q');
    await shell.until(({ isAlternate }) => !isAlternate);
    shell.type('echo code $?\r');
    await shell.until(({ text }) => text.includes('code 7'));
    assertRestored(shell);
    expect(await shell.modes()).toMatchObject({ signals: true });
  });

  it('stops on SIGTSTP from elsewhere, too', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    await using shell = await startInShell(
      directory,
      (command) => `echo is $$; sh -c "echo pid \\$\\$; exec ${command}"`,
    );
    let pid = 0;
    await shell.until(({ text }) => {
      pid = Number(/^pid (\d+)$/m.exec(text)?.[1] ?? 0);
      return pid > 0;
    });
    await shell.until(shows('shop'));
    process.kill(pid, 'SIGTSTP');
    await shell.until(({ text }) => /Stopped/.test(text));
    assertRestored(shell);
    shell.type('fg\r');
    await shell.until(shows('shop'));
    expect(await shell.modes()).toEqual({ lines: false, echo: false, signals: false });
    shell.type('q');
    await shell.until(({ isAlternate }) => !isAlternate);
  });

  it('draws at once in a new size', async () => {
    await using directory = await runtimeDirectory(busyService());
    // The next look is an hour away.
    await using terminal = await startView(directory.path, { options: ['--interval', '3600s'] });
    await terminal.until(shows('shop'));
    terminal.resize(40, 10);
    await terminal.until(shows('[1 pools 2 by app]', 'q quit  ? help  space pause  +- interva…'));
    expect(terminal.screen.text).not.toContain('#');
    expect(terminal.screen.lines).toHaveLength(10);
    terminal.resize(120, 30);
    await terminal.until(shows('4 WAL', '1-4 tab sections'));
    expect(terminal.screen.text).not.toContain('#');
  });

  it('obeys keys, also those that come in pieces', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot({ app: 'quiet', pid: 12 }), busyService());
    await using terminal = await startView(directory.path, { options: ['--interval', '3600s'] });
    await terminal.until(shows('quiet'));
    terminal.type('/nightly');
    await terminal.until(shows('/nightly_', 'nothing with "nightly" in it'));
    // Escape by itself is a key, once nothing has followed it.
    terminal.type('\u001b');
    await terminal.until(shows('quiet', 'q quit'));
    terminal.type('\t\t');
    await terminal.until(shows('> 3 blocking'));
    terminal.type('\u001b[Z');
    await terminal.until(shows('> 2 activity'));
    terminal.type('2');
    await terminal.until(shows('[2 activity 2 by time]'));
    terminal.type('s');
    await terminal.until(shows('[2 activity 2 by label]'));
    terminal.type('?');
    await terminal.until(shows('Ctrl-L'));
    terminal.type('h+');
    await terminal.until(({ text }) => !text.includes('Ctrl-L'));
    expect(terminal.screen.text).toContain('[2 activity 2 by label]');
  });

  it('shows nothing newer while it is paused, and says so', async () => {
    let number = 1;
    await using directory = await runtimeDirectory();
    await directory.add(7, (socket) => {
      answering(serviceSnapshot({ pid: 7, databases: [databaseSnapshot({ name: `number-${number}` })] }))(socket);
    });
    await using terminal = await startView(directory.path, { options: ['--interval', '100ms'] });
    await terminal.until(shows('number-1'));
    terminal.type(' ');
    await terminal.until(shows('PAUSED since'));
    expect(terminal.screen.text).toMatch(/PAUSED since \d\d:\d\d:\d\d /);
    number = 2;
    // What is drawn next shows what was there.
    terminal.type('2');
    await terminal.until(shows('> 2 activity'));
    expect(terminal.screen.text).toContain('number-1');
    terminal.type(' ');
    await terminal.until(shows('number-2'));
    expect(terminal.screen.text).not.toContain('PAUSED');
  });

  it('does not wait for those who do not answer', async () => {
    await using directory = await runtimeDirectory();
    await directory.add(99, silent);
    await using terminal = await startView(directory.path, { options: ['--timeout', '60s'] });
    await terminal.until(shows('looking for processes'));
    terminal.type('?');
    await terminal.until(shows('Ctrl-L'));
    terminal.type('q');
    // The program ends as well, far sooner than they may take to answer.
    expect(await terminal.ended()).toEqual({ code: 0, modes: COOKED });
    assertRestored(terminal);
  });

  it('draws only what has changed', async () => {
    let reads = 0;
    await using directory = await runtimeDirectory();
    await directory.add(7, (socket) => {
      reads += 1_000;
      const databases = [databaseSnapshot({ name: `seen-${reads}` }), databaseSnapshot({ name: 'other' })];
      answering(serviceSnapshot({ pid: 7, databases }))(socket);
    });
    await using terminal = await startView(directory.path, { options: ['--interval', '100ms'] });
    await terminal.until(shows('seen-2000'));
    const { erasures, updates } = terminal.screen;
    await terminal.until((screen) => screen.updates >= updates + 3);
    // The two places where the name stands, and now and then rates and bars: never the whole screen.
    const { screen } = terminal;
    expect((screen.erasures - erasures) / (screen.updates - updates)).toBeLessThan(8);
  });

  it('uses colours unless NO_COLOR is against it', async () => {
    await using directory = await runtimeDirectory(busyService());
    await using terminal = await startView(directory.path, { env: { NO_COLOR: '', FORCE_COLOR: '' } });
    await terminal.until(shows('shop'));
    expect(terminal.screen.styles).toBeGreaterThan(10);
  });

  it('is moved by nobody else: names are shown, not obeyed', async () => {
    const app = '\u001b[2J\u001b[Hroot\r\n\u009b1A';
    const services = [serviceSnapshot({ app }), serviceSnapshot({ app: '\u202egnp', pid: 4712 })];
    await using directory = await runtimeDirectory(...services);
    await using terminal = await startView(directory.path);
    await terminal.until(shows('\ufffd[2J\ufffd[Hroot\ufffd\ufffd\ufffd1A', '\ufffdgnp'));
    expect(terminal.screen.lines[0]).toBe('hive-db monitor  2 processes  every 1 s');
  });

  it('shows without keys where standard input is something else', async () => {
    await using directory = await runtimeDirectory(serviceSnapshot());
    const command = `exec '${process.execPath}' '${BIN}' monitor --continuous --runtime-dir '${directory.path}' </dev/null`;
    await using terminal = await startAtTerminal({ command: 'sh', argv: ['-c', command] }, SIZE, { NO_COLOR: '1' });
    await terminal.until(shows('shop', 'Ctrl-C ends it'));
    // Nobody has taken the keys: the terminal makes a signal of this one.
    terminal.type('\u0003');
    expect(await terminal.ended()).toEqual({ code: 0, modes: COOKED });
    assertRestored(terminal);
  });

  it('shows real processes: who writes, who waits for whom, and the log', async () => {
    using directory = temporaryDirectory();
    await using shop = await startShop(directory.path);
    await using other = await startShop(directory.path);
    await shop.tell('lock');
    await other.tell('ask');
    await other.tell('ask');
    await using terminal = await startView(shop.runtimeDirectory, {
      size: { columns: 140, rows: 30 },
      options: ['--interval', '100ms'],
    });
    const wait = new RegExp(
      `^ .+ m?s +shop \\(${other.pid}\\) "add stock" \\+1 +write lock +orders +shop \\(${shop.pid}\\) "move stock" `,
      'm',
    );
    await terminal.until(({ text, isUpdating }) => !isUpdating && wait.test(text));
    const { text } = terminal.screen;
    expect(text).toMatch(new RegExp(`^waiting orders: 2 writes wait .* because shop \\(pid ${shop.pid}\\)`, 'm'));
    expect(text).toMatch(
      new RegExp(`^ .+ m?s +transaction +move stock +shop +${shop.pid} +orders +.*service\\.mjs:`, 'm'),
    );
    expect(text).toMatch(/^orders +\d+ +\d+ +[\d.]+ KiB +- +\/.*orders\.db$/m);
  });
});
