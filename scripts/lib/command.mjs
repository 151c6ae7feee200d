import { parseArgs } from 'node:util';
import { prepareEnvironment } from './environment.mjs';
import { StopRequested, explain } from './refusal.mjs';
import { listenForStop } from './stop-requests.mjs';

/**
 * The frame of a script: `--help`, settings, signals, errors as sentences, exit status.
 * @param work gets the stop signal and the arguments; what it returns is the exit status (nothing = 0)
 * @param passArguments whether arguments are for another program and so may be anything
 */
export async function runScript(help, work, { passArguments = false } = {}) {
  const signal = listenForStop();
  let status;
  try {
    const args = process.argv.slice(2);
    if (!passArguments) parseArgs({ args, options: { help: { type: 'boolean', short: 'h' } } });
    if (args[0] === '--help' || args[0] === '-h') {
      console.log(help);
      process.exit(0);
    }
    prepareEnvironment();
    status = (await work({ signal, args })) ?? 0;
  } catch (error) {
    if (error.code?.startsWith('ERR_PARSE_ARGS')) {
      console.error(`${error.message}\n\n${help}`);
      status = 2;
    } else if (error instanceof StopRequested) {
      status = error.exitStatus;
    } else {
      explain(error);
      status = 1;
    }
  }
  process.exit(status);
}
