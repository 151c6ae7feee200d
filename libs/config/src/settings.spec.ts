import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { environmentSchema, InvalidSettings, readSettings, SECRET_NAMES, TEST_ONLY_NAMES } from './settings.js';

function problemsOf(environment: Record<string, string>): readonly string[] {
  try {
    readSettings(environment);
  } catch (error) {
    if (error instanceof InvalidSettings) return error.problems;
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('has a default for everything but secrets and the database', () => {
    const settings = readSettings({});
    expect(settings).toMatchObject({ host: '127.0.0.1', port: 3000 });
    expect([...settings.risk.limits]).toEqual([
      ['position', '1000000'],
      ['dailyLoss', '500000'],
      ['orderRate', '30'],
    ]);
    expect(settings.risk.requiredInLive).toContain('priceCollar');
    expect(settings.adminApiToken).toBeUndefined();
    expect(settings.databaseUrl).toBeUndefined();
  });

  it('treats an empty variable as absent', () => {
    expect(readSettings({ PORT: '', ADMIN_API_TOKEN: ' ' }).port).toBe(3000);
  });

  it('names every wrong setting and what is allowed, in one go, without repeating its value', () => {
    const problems = problemsOf({ PORT: '70000', LOG_LEVEL: 'loud', ADMIN_API_TOKEN: 'short-secret' });
    expect(problems).toEqual([
      'PORT must be a whole number from 0 to 65535',
      'LOG_LEVEL must be one of trace, debug, info, warn, error, fatal',
      'ADMIN_API_TOKEN must be 16 to 512 visible ASCII characters',
    ]);
    expect(problems.join()).not.toContain('short-secret');
  });

  it.each(['-1', '0', '1e6', 'NaN', 'Infinity', '1.123456789', '1,000', 'abc', '0x10'])(
    'G4 refuses MAX_POSITION_LIMIT=%s at boot by name',
    (value) => {
      expect(problemsOf({ MAX_POSITION_LIMIT: value })).toEqual([
        'MAX_POSITION_LIMIT must be a number greater than 0 with at most 8 decimals, such as 1000000',
      ]);
    },
  );

  it.each([
    [
      'RISK_MAX_DAILY_LOSS',
      ['-1', '1e6', 'NaN', '1.123456789', 'abc'],
      'a number of 0 or more with at most 8 decimals, such as 500000',
    ],
    [
      'AUTO_KILL_SWITCH_MAX_DAILY_LOSS',
      ['-0.5', 'Infinity'],
      'a number of 0 or more with at most 8 decimals, such as 500000',
    ],
    ['ORDER_RATE_LIMIT_PER_MIN', ['-1', '1000001', '1.5', 'many'], 'a whole number from 0 to 1000000'],
    ['RISK_PRICE_COLLAR', ['-0.1', '1.01', '5'], 'a number from 0 to 1 with at most 8 decimals, such as 0.05'],
    ['RUN_START_LIMIT_PER_MIN', ['-1', '1000001'], 'a whole number from 0 to 1000000'],
    [
      'RISK_DAY_TIMEZONE',
      ['Mars/Olympus', '+01:00', '-5', 'IST', "UTC'; --"],
      'UTC or the name of a time zone, such as America/New_York',
    ],
    ['HTTP_RATE_LIMIT_PER_MIN', ['-1', '10000001', '1.5', 'off'], 'a whole number from 0 to 10000000'],
    ['HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN', ['10000001'], 'a whole number from 0 to 10000000'],
    [
      'TRUST_PROXY',
      [
        'true',
        '1',
        '10.0.0.0/33',
        '10.0.0/8',
        '0.0.0.0/0',
        'fd00::/129',
        'proxy.internal',
        '::1/64/64',
        'fe80::1%eth0',
      ],
      'addresses or ranges separated by commas, such as 10.0.0.7,fd00::/8',
    ],
    ['AUTO_KILL_SWITCH_ENABLED', ['yes', '1', 'TRUE'], 'true or false'],
    ['AUTO_KILL_SWITCH_CONSECUTIVE_FAILURES', ['0', '-3'], 'a whole number from 1 to 1000000'],
    ['AUTO_KILL_SWITCH_LATENCY_EWMA_ALPHA', ['0', '1.1', 'NaN'], 'a number from 0.000001 to 1'],
    ['AUTO_KILL_SWITCH_LATENCY_SPIKE_MULTIPLIER', ['0.9', '-3', 'Infinity'], 'a number from 1 to 1000'],
  ])('G4 refuses %s at boot by name for %p', (setting, values, allowed) => {
    for (const value of values) expect(problemsOf({ [setting]: value })).toEqual([`${setting} must be ${allowed}`]);
  });

  it('takes limits of 0, keeps money as text, and lets the automatic switch follow the guard', () => {
    const settings = readSettings({
      RISK_MAX_DAILY_LOSS: '0012.50000001',
      ORDER_RATE_LIMIT_PER_MIN: '0',
      RUN_START_LIMIT_PER_MIN: '0',
      RISK_DAY_TIMEZONE: 'America/New_York',
    });
    expect(settings).toMatchObject({
      runStartLimitPerMin: 0,
      riskDayTimezone: 'America/New_York',
      autoKillSwitch: { enabled: true, maxDailyLoss: '12.50000001' },
    });
    expect(settings.risk.limits.get('dailyLoss')).toBe('12.50000001');
    expect(settings.risk.limits.get('orderRate')).toBe('0');
    expect(readSettings({}).runStartLimitPerMin).toBeUndefined();
    expect(readSettings({ AUTO_KILL_SWITCH_MAX_DAILY_LOSS: '7' }).autoKillSwitch.maxDailyLoss).toBe('7');
  });

  it('takes a secret from a file, and refuses two sources', () => {
    const folder = mkdtempSync(join(tmpdir(), 'settings-'));
    try {
      const file = join(folder, 'token');
      writeFileSync(file, 'a-token-from-a-file\n');
      expect(readSettings({ ADMIN_API_TOKEN_FILE: file }).adminApiToken).toBe('a-token-from-a-file');
      expect(problemsOf({ ADMIN_API_TOKEN_FILE: file, ADMIN_API_TOKEN: 'another-long-token' })).toHaveLength(1);
      expect(problemsOf({ ADMIN_API_TOKEN_FILE: join(folder, 'absent') })).toEqual([
        'ADMIN_API_TOKEN_FILE must be a readable file (ENOENT)',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(['hooks.example/key', 'ftp://hooks.example/key', 'https://user:key@hooks.example'])(
    'E2 refuses ALERT_WEBHOOK_URL=%s without repeating it',
    (value) => {
      expect(problemsOf({ ALERT_WEBHOOK_URL: value })).toEqual([
        'ALERT_WEBHOOK_URL must be an http or https address without user and password',
      ]);
    },
  );

  it.each([
    ['MARKETS_SOURCE_BASE_URL', 'markets.example:8100', 'an http or https address without query, such as'],
    ['MARKETS_SOURCE_BASE_URL', 'ftp://user:key@markets.example', 'an http or https address without query, such as'],
    ['MARKETS_SOURCE_BASE_URL', 'http://markets.example?key=1', 'an http or https address without query, such as'],
    ['MARKETS_SOURCE_BASE_URL', 'http://user:%zz@markets.example', 'an http or https address without query, such as'],
    ['MARKETS_SOURCE_PATH', 'elsewhere', 'a path that begins with /'],
    ['MARKETS_SOURCE_PATH', '/mar kets', 'a path that begins with /'],
    ['MARKETS_SOURCE_PATH', '/markets#all', 'a path that begins with /'],
    ['MARKETS_SOURCE_TIMEOUT_MS', '60001', 'a whole number from 50 to 60000'],
    ['MARKETS_CACHE_MS', '-0', 'a whole number from 100 to 60000'],
  ])('refuses %s=%s without repeating it', (setting, value, allowed) => {
    const problems = problemsOf({ [setting]: value });
    expect(problems).toEqual([expect.stringContaining(`${setting} must be ${allowed}`)]);
    expect(problems.join()).not.toContain(value);
  });

  it('keeps user and password of the markets service apart from its address', () => {
    const { marketsSource } = readSettings({
      MARKETS_SOURCE_BASE_URL: 'https://desk:k%40y@markets.example/v1/',
      MARKETS_SOURCE_PATH: '/all?limit=5',
    });
    const authorization = `Basic ${Buffer.from('desk:k@y').toString('base64')}`;
    expect(marketsSource).toMatchObject({ url: 'https://markets.example/v1/all?limit=5', authorization });
    expect(readSettings({}).marketsSource).toEqual({
      url: 'http://127.0.0.1:8100/markets',
      authorization: undefined,
      timeoutMs: 5_000,
      cacheMs: 1_000,
    });
  });

  it.each([
    ['redis://127.0.0.1', { kind: 'single', nodes: [{ host: '127.0.0.1', port: 6379 }], tls: false, database: 0 }],
    [
      'rediss://:p%40ss@[::1]:6380/2',
      { nodes: [{ host: '::1', port: 6380 }], tls: true, password: 'p@ss', database: 2 },
    ],
    [
      'redis+sentinel://ada:pass@a,b:26380/mymaster/1?sentinelPassword=other',
      {
        kind: 'sentinel',
        nodes: [
          { host: 'a', port: 26379 },
          { host: 'b', port: 26380 },
        ],
        masterName: 'mymaster',
        username: 'ada',
        password: 'pass',
        database: 1,
        sentinelPassword: 'other',
      },
    ],
    ['rediss+cluster://a:7000,b:7001', { kind: 'cluster', nodes: [{ host: 'a' }, { host: 'b' }], tls: true }],
  ])('takes REDIS_URL=%s', (value, address) => {
    expect(readSettings({ QUEUE_BACKEND: 'redis', REDIS_URL: value }).redis).toMatchObject(address);
    expect(readSettings({ REDIS_URL: value }).redis).toBeUndefined();
  });

  it.each([
    'http://secret-host:6379',
    'redis://secret-a,secret-b',
    'redis://:secret%zz@host',
    'redis://secret-host:99999',
    'redis://host/secret-database',
    'redis://host?secret=1',
    'redis+sentinel://secret-host:26379',
    'redis+cluster://secret-host/1',
    'redis://',
  ])('refuses REDIS_URL=%s without repeating it', (value) => {
    const problems = problemsOf({ QUEUE_BACKEND: 'redis', REDIS_URL: value });
    expect(problems).toEqual([expect.stringMatching(/^REDIS_URL must be a Redis address, such as /)]);
    expect(problems.join()).not.toContain('secret');
  });

  it('needs REDIS_URL when the queue is in Redis', () => {
    expect(problemsOf({ QUEUE_BACKEND: 'redis' })).toEqual(['REDIS_URL must be set when QUEUE_BACKEND is redis']);
  });

  it('runs Python by default once an entrypoint is set, unless another pipeline is', () => {
    expect(readSettings({}).defaultPipeline).toBe('calibration');
    expect(readSettings({ CALIBRATION_ENTRYPOINT_MODULE: 'pipelines.daily_job' }).defaultPipeline).toBe('python');
    expect(readSettings({ CALIBRATION_PYTHON_PATH: '/srv/calibration' }).defaultPipeline).toBe('python');
    const other = { CALIBRATION_PYTHON_PATH: '/srv/calibration', DEFAULT_PIPELINE: 'calibration' };
    expect(readSettings(other).defaultPipeline).toBe('calibration');
  });

  it.each(['pipelines/daily_job', 'os; import sys', '.daily_job', 'daily-job', '-c'])(
    'refuses CALIBRATION_ENTRYPOINT_MODULE=%s',
    (value) => {
      expect(problemsOf({ CALIBRATION_ENTRYPOINT_MODULE: value })).toEqual([
        'CALIBRATION_ENTRYPOINT_MODULE must be the dotted name of a Python module, such as pipelines.daily_job',
      ]);
    },
  );

  it('E2 shows Python nothing of its environment but what it may, and never a secret', () => {
    const passedOn = { PATH: '/bin', LANG: 'C', TZ: 'UTC', CALIBRATION_THEME: 'dark' };
    const secrets = { ADMIN_API_TOKEN: 'an-admin-token-of-tests', DATABASE_URL: 'postgres://db/interlock' };
    const environment = { ...passedOn, ...secrets, SHELL: '/bin/sh', MODEL_HOME: '/models' };
    const settings = readSettings(environment);
    expect(settings.python.environment).toEqual(passedOn);
    expect(settings.withDatabaseUrl('postgres://other/interlock').python.environment).toEqual(passedOn);
    const named = { CALIBRATION_PYTHON_ENV: 'MODEL_HOME, ABSENT,' };
    expect(readSettings({ ...environment, ...named }).python.environment).toEqual({
      ...passedOn,
      ...named,
      MODEL_HOME: '/models',
    });
    expect(problemsOf({ CALIBRATION_PYTHON_ENV: 'MODEL_HOME,DATABASE_URL,ADMIN_API_TOKEN_FILE' })).toEqual([
      'CALIBRATION_PYTHON_ENV must not name ADMIN_API_TOKEN: it is a secret',
      'CALIBRATION_PYTHON_ENV must not name DATABASE_URL: it is a secret',
    ]);
  });

  it('is documented by .env.example name by name, with the true defaults', () => {
    const lines = readFileSync('.env.example', 'utf8').split('\n');
    const documented = lines
      .map((line) => /^#?\s?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line))
      .filter((match) => match !== null);
    const documentable = Object.keys(environmentSchema.shape).filter(
      (name) => !TEST_ONLY_NAMES.some((one) => one === name),
    );
    const names = [...documentable, ...SECRET_NAMES.map((secretName) => `${secretName}_FILE`)];
    expect(documented.map((match) => match[1] ?? '').toSorted()).toEqual(names.toSorted());

    const defaults = environmentSchema.parse({});
    for (const match of documented) {
      const value = defaults[match[1] as keyof typeof defaults] as string | undefined; // as it is written
      expect(`${match[1]}=${match[2]}`).toBe(`${match[1]}=${value ?? ''}`);
    }
  });
});
