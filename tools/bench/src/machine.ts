import { readFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { median } from './median.ts';

/** Where the figures come from: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  /** Load average of the last minute before the start: other people's work. */
  readonly load: number;
  readonly packages: Readonly<Record<string, string>>;
  /** What one reading of the clock costs, in nanoseconds: the price of timing something. */
  readonly clock_ns: number;
  /** What one `await` of a settled promise costs, in nanoseconds: the floor of everything that is awaited. */
  readonly await_ns: number;
}

export async function describeMachine(packages: readonly string[]): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    load: loadavg()[0] ?? 0,
    packages: Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
    clock_ns: await nanosecondsEach(readClock),
    await_ns: await nanosecondsEach(awaitSettled),
  };
}

/** The same for a reader, line by line. */
export function machineInWords(machine: Machine): readonly string[] {
  const { cpu, cores, platform, node, load, packages, clock_ns, await_ns } = machine;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [
    `${cpu}, ${cores} cores, ${platform}, Node ${node}, load ${load.toFixed(2)} at the start.`,
    `${versions.join(', ')}.`,
    `On this machine performance.now() costs ${clock_ns.toFixed(0)} ns and an await ${await_ns.toFixed(0)} ns.`,
  ];
}

/** The version of an installed package. */
export function versionOf(name: string): string {
  const file = findPackageJSON(name, import.meta.url);
  if (file === undefined) throw new Error(`${name} is not installed`);
  return (JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string }).version;
}

const REPEATS = 7;
const CYCLES = 500_000;

async function nanosecondsEach(work: (cycles: number) => unknown): Promise<number> {
  const samples: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const start = process.threadCpuUsage();
    await work(CYCLES);
    const { user, system } = process.threadCpuUsage(start);
    samples.push(((user + system) / CYCLES) * 1e3);
  }
  return median(samples);
}

function readClock(cycles: number): number {
  let last = 0;
  for (let cycle = 0; cycle < cycles; cycle++) last = performance.now();
  return last;
}

async function awaitSettled(cycles: number): Promise<void> {
  const settled = Promise.resolve();
  for (let cycle = 0; cycle < cycles; cycle++) await settled;
}
