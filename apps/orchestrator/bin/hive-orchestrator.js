#!/usr/bin/env node
// Plain enough for any Node: an old one is told so before it meets anything that it cannot read.
const NEEDED = 24;
const version = process.versions.node;

process.stdout.on('error', (error) => {
  // A reader that has seen enough, such as `| head`, is no failure.
  if (error.code === 'EPIPE') return;
  process.stderr.write(`hive-orchestrator: standard output cannot be written: ${error.code}\n`);
  process.exitCode = 1;
});

// Where nobody reads the messages, there is nobody to tell either; the work goes on.
process.stderr.on('error', () => undefined);

if (Number.parseInt(version, 10) < NEEDED) {
  process.stderr.write(`hive-orchestrator: needs Node ${NEEDED} or newer, and this is ${version}\n`);
  process.exitCode = 2;
} else if (!isSomewhere()) {
  process.stderr.write(
    `hive-orchestrator: the working directory is gone or cannot be entered; start in one that is there\n`,
  );
  process.exitCode = 2;
} else {
  const { main } = await import('../dist/main.js');
  const code = await main(process.argv.slice(2));
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
