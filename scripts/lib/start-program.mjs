import { built } from './environment.mjs';

/** As in sysexits.h, like the programs' own: somebody must set something right first. */
const NOT_BUILT = 78;

/**
 * Runs a compiled program in this very process: it handles signals and exit status itself, and a supervisor's signal must not have
 * to be passed on.
 */
export async function startProgram(help) {
  const [name, ...more] = process.argv.slice(2);
  if (more[0] === '--help' || more[0] === '-h' || !['api', 'worker'].includes(name)) {
    console.log(help);
    process.exit(more[0] ? 0 : 2);
  }
  if (more.length > 0) {
    console.error(`${help}\n\nIt takes no arguments.`);
    process.exit(2);
  }
  try {
    await import(built(`apps/${name}/main.js`));
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`The ${name} is not built: ${error.message}\n\nInstall and build it first: npm ci && npm run build`);
    process.exit(NOT_BUILT);
  }
}
