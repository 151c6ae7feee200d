import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSettings } from '@interlock/config';
import { DOCKER, readCompose, type Service } from './deployment-files.js';
import { readDockerfile } from './dockerfile.js';
import { ROOT } from './native-image.js';

const compose = readCompose();
const services = Object.entries(compose.services);
const programs = services.filter(([, { image }]) => image.startsWith('interlock:'));

/** What the compose specification allows, as far as it is used here. */
const KNOWN = [
  'build',
  'cap_drop',
  'command',
  'configs',
  'depends_on',
  'deploy',
  'env_file',
  'environment',
  'healthcheck',
  'image',
  'logging',
  'networks',
  'ports',
  'profiles',
  'read_only',
  'restart',
  'secrets',
  'security_opt',
  'shm_size',
  'stop_grace_period',
  'tmpfs',
  'user',
  'volumes',
];

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'interlock-compose-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function seconds(duration: string): number {
  const [, number = '', unit = ''] = /^(\d+)(s|m)$/.exec(duration) ?? [];
  return Number(number) * (unit === 'm' ? 60 : 1);
}

describe('compose.yaml', () => {
  it('has only parts that compose knows, and no version', () => {
    const text = readFileSync(join(DOCKER, 'compose.yaml'), 'utf8');
    expect(text).not.toMatch(/^version:/m);
    expect(Object.keys(compose).filter((key) => !key.startsWith('x-'))).toEqual(
      expect.arrayContaining(['name', 'services', 'networks', 'volumes', 'configs', 'secrets']),
    );
    for (const [name, service] of services) {
      expect({ name, unknown: Object.keys(service).filter((key) => !KNOWN.includes(key)) }).toEqual({
        name,
        unknown: [],
      });
    }
  });

  it('has two apis, two workers, a database, a queue', () => {
    expect(services.map(([name]) => name)).toEqual(['api', 'worker', 'migrate', 'balancer', 'postgres', 'redis']);
    for (const name of ['api', 'worker']) expect(compose.services[name]?.deploy.replicas).toBe(2);
  });

  it.each(services)('%s may do as little as possible, and is bounded', (_, service: Service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'] });
    expect(service.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(service.deploy.resources.limits).toMatchObject({
      cpus: expect.any(String),
      memory: expect.any(String),
      pids: expect.any(Number),
    });
    expect(service.image).toMatch(/:(\$\{INTERLOCK_VERSION:-)?\d+\.\d+/);
    for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it.each(services)('%s names only what there is, and waits for what it needs to be healthy', (_, service: Service) => {
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
    for (const { source } of service.configs ?? [])
      expect(existsSync(join(DOCKER, compose.configs[source]!.file))).toBe(true);
    for (const network of service.networks) expect(compose.networks).toHaveProperty(network);
    for (const volume of service.volumes ?? []) expect(compose.volumes).toHaveProperty(volume.split(':')[0]!);
    for (const [name, { condition, required }] of Object.entries(service.depends_on ?? {})) {
      const needed = compose.services[name]!;
      expect(condition).toBe(needed.restart === 'no' ? 'service_completed_successfully' : 'service_healthy');
      // A service that a profile leaves out must not be required.
      expect(required ?? true).toBe(needed.profiles === undefined);
    }
    for (const file of Object.values(service.environment ?? {}).filter((value) => value.startsWith('/run/secrets/'))) {
      expect(service.secrets).toContain(file.replace('/run/secrets/', ''));
    }
  });

  it('data is reachable from its own network only', () => {
    expect(compose.networks['back']?.internal).toBe(true);
    for (const name of ['postgres', 'redis']) expect(compose.services[name]).toMatchObject({ networks: ['back'] });
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['balancer']);
  });

  it('gives the programs as long to end as they may take', () => {
    for (const [, { stop_grace_period }] of programs) {
      expect(seconds(stop_grace_period ?? '') * 1000).toBeGreaterThan(readSettings({}).shutdownGraceMs + 5_000);
    }
  });

  it.each(['postgres', 'redis'])(
    'with the secrets that make-secrets.sh makes, the settings are right, on %s',
    (backend) => {
      cpSync(join(DOCKER, 'make-secrets.sh'), join(folder, 'make-secrets.sh'));
      const make = () => execFileSync('sh', ['make-secrets.sh'], { cwd: folder, encoding: 'utf8' });
      expect(make()).toContain('made  docker/secrets/admin_api_token');
      const token = readFileSync(join(folder, 'secrets/admin_api_token'), 'utf8');
      expect(make()).not.toContain('made');
      expect(readFileSync(join(folder, 'secrets/admin_api_token'), 'utf8')).toBe(token);
      expect(statSync(join(folder, 'secrets')).mode & 0o777).toBe(0o700);
      for (const { file } of Object.values(compose.secrets))
        expect(statSync(join(folder, file)).mode & 0o777).toBe(0o444);

      for (const [, { environment = {} }] of programs) {
        const values = Object.entries(environment).map(([variable, value]) => [
          variable,
          value.replace('/run/secrets', join(folder, 'secrets')).replace('${QUEUE_BACKEND:-redis}', backend),
        ]);
        const settings = readSettings(Object.fromEntries(values) as Record<string, string>);
        expect(settings.queueBackend).toBe(backend);
        expect(settings.databaseUrl).toMatch(/^postgres:\/\/interlock:[0-9a-f]{48}@postgres:5432\/interlock$/);
        expect(settings.adminApiToken).toBe('ADMIN_API_TOKEN_FILE' in environment ? token : undefined);
      }
    },
  );
});

describe('the Dockerfile', () => {
  const stages = readDockerfile(join(DOCKER, 'Dockerfile'));

  it('builds on a version of Node that the program runs on, in one place', () => {
    expect(new Set(stages.map(({ image }) => image)).size).toBe(1);
    expect(stages[0]?.image).toMatch(/^node:(2[4-9]|[3-9]\d)-[a-z]+-slim$/);
  });

  it('ends as a numbered user that is not root, with a health check', () => {
    const last = stages.at(-1)!.instructions;
    expect(last.find(({ name }) => name === 'USER')?.text).toMatch(/^[1-9]\d{3,}:[1-9]\d{3,}$/);
    for (const [, { user }] of programs) expect(user).toBe(last.find(({ name }) => name === 'USER')?.text);
    expect(last.filter(({ name }) => ['HEALTHCHECK', 'STOPSIGNAL', 'LABEL', 'EXPOSE'].includes(name))).toHaveLength(4);
  });

  it('leaves no list of packages behind and adds nothing from elsewhere', () => {
    const all = stages.flatMap(({ instructions }) => instructions);
    expect(all.map(({ name }) => name)).not.toContain('ADD');
    for (const { text } of all.filter((one) => one.text.includes('apt-get install'))) {
      expect(text).toMatch(/--no-install-recommends .*&& rm -rf \/var\/lib\/apt\/lists/);
    }
  });

  it('has the version of the program', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    for (const file of ['Dockerfile', 'compose.yaml', 'kubernetes/kustomization.yaml']) {
      const text = readFileSync(join(DOCKER, file), 'utf8');
      expect({ file, version: /VERSION(?:=|:-)([\d.]+)|newTag: ([\d.]+)/.exec(text)?.slice(1).find(Boolean) }).toEqual({
        file,
        version,
      });
    }
  });
});

describe('what stands beside the programs', () => {
  it('a Redis that never evicts and writes to the disk', () => {
    const text = readFileSync(join(DOCKER, 'redis.conf'), 'utf8');
    for (const line of ['maxmemory-policy noeviction', 'appendonly yes', 'aclfile /run/secrets/redis_acl']) {
      expect(text.split('\n')).toContain(line);
    }
  });

  it('a balancer that asks for readiness and never repeats a request that arrived', () => {
    const text = readFileSync(join(DOCKER, 'haproxy.cfg'), 'utf8');
    expect(text).toContain('option httpchk GET /api/health/ready');
    expect(text).toContain('option http-server-close');
    expect(text).toContain('http-request disable-l7-retry unless METH_GET');
  });
});

const haproxy = spawnSync('haproxy', ['-c', '-f', join(DOCKER, 'haproxy.cfg')], { encoding: 'utf8' });
(haproxy.error === undefined ? describe : describe.skip)('haproxy itself', () => {
  it('understands its file', () => {
    expect({ status: haproxy.status, said: haproxy.stderr }).toMatchObject({ status: 0 });
  });
});
