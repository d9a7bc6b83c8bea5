import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

const root = join(import.meta.dirname, '../..');

function build(): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-b', 'tools/tsconfig.json'], { cwd: root, stdio: 'inherit' });
}

/** Tests use compiled packages, so a run starts, and in watch mode restarts, with an incremental build. */
export default function setup(project: TestProject): void {
  // Under nx the build targets that the test target depends on have run already.
  if (process.env['NX_TASK_TARGET_PROJECT'] !== undefined) return;
  build();
  project.onTestsRerun(() => {
    try {
      build();
    } catch {
      console.error('build failed: tests use the last good build');
    }
  });
}
