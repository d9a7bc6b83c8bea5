/** What to do about a key of an earlier system's settings file that no likeness of letters would lead to. `spell` names a key where it stands. */
export function formerKeyAdvice(path: readonly string[], spell: (key: string) => string): string | undefined {
  const [root, name] = path;
  if (root === 'providers') return `the nearest valid key is ${spell('database')}`;
  const last = path.at(-1) ?? '';
  if (last === 'pool_pre_ping') return 'remove it, for a connection that lay idle is always checked before use';
  if (last !== 'pool_timeout' && last !== 'poolTimeout') return undefined;
  const group = root === 'databases' ? `databases.${name}` : 'database';
  return `the nearest valid key is ${spell(`${group}.pool.acquireTimeout`)}`;
}
