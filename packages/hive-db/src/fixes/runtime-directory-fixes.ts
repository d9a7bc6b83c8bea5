import { removeStaleSockets } from '@hive/shared-db/presence';
import { chmodSync } from 'node:fs';
import type { Finding } from '../analysis/finding.ts';
import { runtimeDirectoryFindings } from '../analysis/runtime-directory-findings.ts';
import { lookAtRuntimeDirectory, type RuntimeDirectoryReport } from '../file/runtime-directory.ts';
import { count } from '../render/figures.ts';
import { safe } from '../render/safe-text.ts';
import type { Fix } from './fix.ts';

/** The fix of a finding about the runtime directory; undefined for any other. */
export function runtimeDirectoryFix(finding: Finding, report: RuntimeDirectoryReport): Fix | undefined {
  switch (finding.code) {
    case 'runtime-directory-mode':
      return closed(finding, report);
    case 'stale-sockets':
      return swept(finding, report);
    default:
      return undefined;
  }
}

function closed(finding: Finding, { path, wrongMode, strangeNames }: RuntimeDirectoryReport): Fix {
  const [strange] = strangeNames;
  const beside =
    strange === undefined ? '' : `; it holds what no process of ours put there, such as ${safe(strange, 80)}`;
  return {
    id: `close-directory:${path}`,
    // Somebody's own directory, named by mistake, may be meant to be open to others.
    risk: strange === undefined ? 'low' : 'high',
    findings: [finding],
    path,
    does: `changes the mode of the directory from ${wrongMode ?? '?'} to 0700, as chmod would${beside}`,
    verification: 'its mode is looked at again',
    run: async () => {
      chmodSync(path, 0o700);
      return stillFound(path, finding);
    },
  };
}

function swept(finding: Finding, { path, staleSockets }: RuntimeDirectoryReport): Fix {
  return {
    id: `remove-stale-sockets:${path}`,
    risk: 'low',
    findings: [finding],
    path,
    does: `removes ${count(staleSockets.length, 'socket')} whose process has ended and on which nobody listens; those of living processes stay`,
    verification: 'the directory is looked through again',
    run: async () => {
      await removeStaleSockets(path);
      return stillFound(path, finding);
    },
  };
}

async function stillFound(path: string, { code }: Finding): Promise<string | undefined> {
  const left = runtimeDirectoryFindings(await lookAtRuntimeDirectory(path)).find((one) => one.code === code);
  return left?.evidence;
}
