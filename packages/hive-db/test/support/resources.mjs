// Preloaded with --import: says on descriptor 3 what the process has needed.
import { writeSync } from 'node:fs';

process.on('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  writeSync(3, JSON.stringify({ peakBytes: maxRSS * 1_024, workMs: (userCPUTime + systemCPUTime) / 1_000 }));
});
