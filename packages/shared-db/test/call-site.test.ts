import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callSiteOf, ownCallSiteOf } from '../dist/call-site.js';
import { replay } from './support/replay.ts';
import { shop } from './support/shop.ts';

const ours = import.meta.resolve('@hive/shared-db').replace(/index\.js$/, 'driver/pooled-database.js');
const pool = import.meta.resolve('@hive/pool').replace(/index\.js$/, 'resource-pool.js');

describe('a call site', () => {
  it('is the first place in a stack that is neither ours nor the platform’s', () => {
    const stack = [
      'Error: acquired',
      `    at ResourcePool.acquire (${pool}:106:85)`,
      `    at SqliteFileDatabase.session (${ours}:124:21)`,
      '    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)',
      '    at async nightly (file:///srv/app/jobs.js:12:7)',
      '    at file:///srv/app/main.js:3:1',
    ].join('\n');
    expect(callSiteOf(stack)).toBe('nightly (/srv/app/jobs.js:12:7)');
  });

  it('is the outermost place where the stack ends before', () => {
    expect(callSiteOf(`Error: acquired\n    at ResourcePool.acquire (${pool}:106:85)`)).toMatch(
      /^ResourcePool\.acquire/,
    );
    expect(callSiteOf('Error: acquired')).toBe('an unknown place');
  });

  it('is nobody’s own where a stack was captured after a wait', () => {
    const stack = [
      'Error: acquired',
      `    at ResourcePool.acquire (${pool}:106:85)`,
      `    at async SqliteFileDatabase.session (${ours}:124:21)`,
      '    at async Promise.allSettled (index 0)',
    ].join('\n');
    expect(ownCallSiteOf(stack)).toBeUndefined();
    expect(ownCallSiteOf(`${stack}\n    at async nightly (file:///srv/app/jobs.js:12:7)`)).toBe(
      'nightly (/srv/app/jobs.js:12:7)',
    );
  });

  it('is nobody’s own where only modules of the platform have called', () => {
    const stack = [
      'Error: acquired',
      `    at ResourcePool.acquire (${pool}:106:85)`,
      '    at EventEmitter.emit (node:events:509:28)',
      '    at AsyncResource.runInAsyncScope (node:async_hooks:214:14)',
      '    at async node:stream/promises:40:7',
      '    at node:net:12:3',
    ].join('\n');
    expect(ownCallSiteOf(stack)).toBeUndefined();
    expect(ownCallSiteOf(`${stack}\n    at nightly (file:///srv/node:1/jobs.js:12:7)`)).toBe(
      'nightly (/srv/node:1/jobs.js:12:7)',
    );
  });

  it('is one line, whatever the text is', () => {
    assert(
      property(string({ unit: 'binary' }), (text) => !callSiteOf(`Error\n    at ${text}`).includes('\n')),
      replay(),
    );
  });

  it('is what a snapshot and a dropped lease say', async () => {
    await using temporary = await shop();
    await using _session = await temporary.database.session('nightly import');
    const [lease] = temporary.database.snapshot().leases;
    expect(lease?.acquiredAt).toMatch(/^\S*.*call-site\.test\.ts:\d+:\d+\)?$/);
  });
});
