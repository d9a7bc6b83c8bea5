// @ts-check
// Preloaded by the processes of tests. Each of them imports some two hundred compiled modules, and for each one Node asks the disk what
// `./name.js` may mean: a quarter of the processor time of a start. Between compiled modules of this repository it means that file, which
// TypeScript has found there. How packages are found, and what is loaded and run, stays Node's.
import { registerHooks } from 'node:module';

const root = new URL('../../', import.meta.url).href;
const compiled = new RegExp(`^${RegExp.escape(root)}(?:packages|apps)/[^/]+/dist/.*\\.js$`);

registerHooks({
  resolve: (specifier, context, next) => {
    const { parentURL } = context;
    if (!specifier.startsWith('.') || parentURL === undefined || !compiled.test(parentURL))
      return next(specifier, context);
    const { href } = new URL(specifier, parentURL);
    return compiled.test(href) ? { url: href, format: 'module', shortCircuit: true } : next(specifier, context);
  },
});
