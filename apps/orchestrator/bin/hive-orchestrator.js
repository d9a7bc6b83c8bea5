#!/usr/bin/env node
// Plain enough for any Node: an old one is told so before it meets anything that it cannot read.
const NEEDED = 24;
const [major] = process.versions.node.split('.');

if (Number(major) < NEEDED) {
  process.stderr.write(`hive-orchestrator: needs Node ${NEEDED} or newer, and this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  const { main } = await import('../dist/main.js');
  process.exitCode = await main(process.argv.slice(2));
}
