import { readFileSync } from 'node:fs';

/** How many files a process may have open, now; null where the system does not tell. Linux only. */
export function descriptorLimit(pid: number): { readonly limit: number } | null {
  try {
    return descriptorLimitIn(readFileSync(`/proc/${pid}/limits`, 'utf8'));
  } catch {
    return null;
  }
}

/** The soft limit, which is what holds. Null where the text has none, or it is unlimited. */
export function descriptorLimitIn(limits: string): { readonly limit: number } | null {
  const [, soft] = /^Max open files\s+(\d+)\s/m.exec(limits) ?? [];
  return soft === undefined ? null : { limit: Number(soft) };
}
