import { join } from 'node:path';

// Child processes of tests print what they print in a pipe: nx asks every task for colours, and they would be in the output.
delete process.env['FORCE_COLOR'];

// Tests start hundreds of processes, and what they import takes each of them a tenth of its start to compile and a quarter to find.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../node_modules/.cache/compiled');
process.env['NODE_OPTIONS'] = `--require=${JSON.stringify(join(import.meta.dirname, 'quick-imports.mjs'))}`;
