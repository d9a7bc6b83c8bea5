/**
 * File systems on which SQLite's shared memory or locks do not work between hosts, by the number that `statfs` gives (linux/magic.h).
 * WAL needs shared memory: sqlite.org/wal.html, "Disadvantages".
 */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x01161970, 'GFS2'],
]);

/** The name of a file system on which SQLite is not safe; undefined for all others. Pure. */
export function networkFileSystem(type: number): string | undefined {
  return NETWORK_FILE_SYSTEMS.get(type >>> 0);
}
