import { randomBytes } from 'node:crypto';
import { ApiClient, apiBase, describeAnswer } from './api-client.mjs';
import { Checks } from './checks.mjs';
import { secret } from './environment.mjs';
import { OwnSwitch } from './own-switch.mjs';
import { Refusal } from './refusal.mjs';
import { SMOKE_STRATEGY, smokeRun } from './smoke-run.mjs';
import { say } from './terminal.mjs';

const SCOPE = `strategy:${SMOKE_STRATEGY}`;
const START = smokeRun('mock');

/** Checks a system of its own, from nothing; returns the exit status. */
export async function smokeHere(signal) {
  const { prepareProgram } = await import('./prepare-program.mjs');
  const { ScratchSystem } = await import('./scratch-system.mjs');
  await prepareProgram({ signal });

  const system = new ScratchSystem(signal);
  const checks = new Checks(signal);
  const token = randomBytes(24).toString('hex');
  checks.hide(token);
  say(`Checking a system of its own in ${system.home}, with the token ****`);
  const work = async () => {
    await checks.check('database', async () => {
      const { password, text } = await system.openDatabase();
      checks.hide(password);
      return text;
    });
    await checks.check('queue', () => system.migrateQueue());
    await checks.check('migrate', () => system.migrateTables());
    await checks.check('server', () => system.startPrograms(token));
    await checkRoutes(checks, system.api, token);
  };
  try {
    return await concluded(checks, work, () => say(checks.masked(system.logs())));
  } finally {
    await system.remove();
  }
}

/** Checks a running deployment; returns the exit status. */
export async function smokeDeployment(url, signal) {
  const base = apiBase(url);
  const token = secret('ADMIN_API_TOKEN');
  if (token === undefined)
    throw new Refusal('Set ADMIN_API_TOKEN (or ADMIN_API_TOKEN_FILE) to the deployment’s token.');
  const checks = new Checks(signal);
  checks.hide(token);
  say(`Checking ${base}, with the token ****`);
  return concluded(checks, async () => {
    await checks.check('server', async () => {
      await expecting(200, new ApiClient(base, token, signal), 'GET', '/health/ready');
    });
    await checkRoutes(checks, base, token);
  });
}

async function concluded(checks, work, onFailure = () => undefined) {
  try {
    await work();
    checks.passed();
    return 0;
  } catch (error) {
    if (checks.signal.aborted) throw error;
    onFailure();
    checks.failed();
    return 1;
  }
}

async function checkRoutes(checks, base, token) {
  const client = new ApiClient(base, token, checks.signal);
  const ownSwitch = new OwnSwitch(new ApiClient(base, token), SCOPE);
  try {
    await checks.check('a health 200', async () => void (await expecting(200, client, 'GET', '/health')));
    const stranger = new ApiClient(base, undefined, checks.signal);
    await checks.check('b start without token 401', async () => {
      await expecting(401, stranger, 'POST', '/execution/start', START);
    });
    await checks.check('c start 202', async () => {
      const { runId } = await expecting(202, client, 'POST', '/execution/start', START);
      return `run ${runId}`;
    });
    await checks.check('d stop on 200', async () => void expected(200, await ownSwitch.turnOn()));
    await checks.check('e start 409', async () => {
      const { code, killSwitch } = await expecting(409, client, 'POST', '/execution/start', START);
      if (code !== 'KILL_SWITCH_ON' || killSwitch.scope !== SCOPE)
        throw new Refusal(`refused for another reason: ${code}`);
      return code;
    });
    await checks.check('f stop off 200', async () => void expected(200, await ownSwitch.turnOff()));
  } finally {
    await release(checks, ownSwitch);
  }
}

async function release(checks, ownSwitch) {
  try {
    await ownSwitch.release();
  } catch (error) {
    say(checks.masked(`[FAIL] release: ${error.message}`));
    throw error;
  }
}

async function expecting(status, client, method, path, body) {
  return expected(status, await client.request(method, path, body));
}

/** The answer's body, when it has the status. */
function expected(status, answer) {
  if (answer.status === status) return answer.body;
  const other = answer.body.killSwitch;
  const hint =
    other?.scope === SCOPE
      ? ` It was turned on by ${other.updatedBy} at ${other.updatedAt} (${other.reason}): another check runs, or one was killed. Turn it off when it is nobody's.`
      : '';
  throw new Refusal(`${describeAnswer(answer)}${hint}`);
}
