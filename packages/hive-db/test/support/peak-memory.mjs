// Preloaded with --import: says on descriptor 3 how many bytes the process had in memory at most.
import { writeSync } from 'node:fs';

process.on('exit', () => {
  writeSync(3, String(process.resourceUsage().maxRSS * 1_024));
});
