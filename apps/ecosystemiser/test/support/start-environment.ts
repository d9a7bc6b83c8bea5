/** All that a process of a test has of the environment of the test run: its path, and what makes a start cheap (`tools/vitest/environment.ts`). */
export function startEnvironment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE, NODE_OPTIONS } = process.env;
  return { PATH, NODE_COMPILE_CACHE, NODE_OPTIONS };
}
