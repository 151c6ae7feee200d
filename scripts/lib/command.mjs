import { parseArgs } from 'node:util';
import { prepareEnvironment } from './environment.mjs';
import { StopRequested, UsageError, explain } from './refusal.mjs';
import { listenForStop } from './stop-requests.mjs';

/** Exit status of a command that was called wrongly. */
const USAGE = 2;

/**
 * The frame of a script: `--help`, settings, signals, errors as sentences, exit status.
 * @param work gets the stop signal and the arguments: `args` as given, and parsed as `values` and `positionals`; what it returns is
 *   the exit status (nothing = 0)
 * @param passArguments whether arguments are for another program and so may be anything
 * @param options the command's own options, as `parseArgs` wants them
 * @param positionals the most arguments that are no options
 */
export async function runScript(help, work, { passArguments = false, options = {}, positionals = 0 } = {}) {
  const signal = listenForStop();
  let status;
  try {
    const args = process.argv.slice(2);
    if (args.includes('--help') || args[0] === '-h') {
      console.log(help);
      process.exit(0);
    }
    const parsed = passArguments ? {} : parseArgs({ args, options, allowPositionals: positionals > 0 });
    if (parsed.positionals?.length > positionals) throw new UsageError('Too many arguments.');
    prepareEnvironment();
    status = (await work({ signal, args, ...parsed })) ?? 0;
  } catch (error) {
    if (error instanceof UsageError || error.code?.startsWith?.('ERR_PARSE_ARGS')) {
      console.error(`${error.message}\n\n${help}`);
      status = USAGE;
    } else if (error instanceof StopRequested) {
      status = error.exitStatus;
    } else {
      explain(error);
      status = 1;
    }
  }
  process.exit(status);
}
