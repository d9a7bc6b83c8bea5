#!/usr/bin/env node
// Plain JavaScript that any Node understands: an old one must get a sentence, not a syntax error.
const version = process.versions.node;

process.stdout.on('error', (error) => {
  // A reader that has seen enough (`hive-ecosystemiser series ... | head`) is no failure.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`hive-ecosystemiser: standard output cannot be written: ${error.code}\n`);
  process.exitCode = 1;
});

// Where nobody reads the messages, there is nobody to tell either; the work goes on.
process.stderr.on('error', () => undefined);

if (Number.parseInt(version, 10) < 24) {
  process.stderr.write(
    `hive-ecosystemiser: needs Node 24 or newer, and this is Node ${version}; npx in the repository brings one\n`,
  );
  process.exitCode = 2;
} else if (!isSomewhere()) {
  process.stderr.write(
    `hive-ecosystemiser: the working directory is gone or cannot be entered; start in one that is there\n`,
  );
  process.exitCode = 2;
} else {
  const { main, systemIo } = await import('../dist/main.js');
  const code = await main(process.argv.slice(2), systemIo());
  process.exitCode ||= code;
}

/** Whether the working directory is still there: `process.cwd()` throws where it was removed. */
function isSomewhere() {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}
