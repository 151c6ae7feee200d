import { z } from 'zod';

/** Where a Redis is and how it is reached; holds passwords. */
export interface RedisAddress {
  /** `single`: one server. `sentinel`: the nodes are sentinels, which know who leads. `cluster`: the nodes are some of its members. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** At least one; exactly one when `kind` is `single`. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Number of the database; always 0 on a cluster. */
  readonly database: number;
  /** Name under which the sentinels know the group; empty unless `kind` is `sentinel`. */
  readonly masterName: string;
  readonly sentinelPassword: string | undefined;
}

const DEFAULT_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 };
const ADDRESS =
  /^redis(?<tls>s?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<username>[^:@/?#]*)(?::(?<password>[^:@/?#]*))?@)?(?<nodes>[^@/?#]+)(?<path>\/[^?#]*)?(?:\?(?<query>[^#]*))?$/;
const DATABASE = /^\/?(\d{0,3})$/;
const MASTER_AND_DATABASE = /^\/([\w.-]{1,64})(?:\/(\d{1,3}))?$/;

/**
 * The address of a Redis, by one of these forms; `rediss` instead of `redis` encrypts. Several nodes are separated by commas, and
 * what stands in user and password must be percent-encoded.
 *
 *     redis://user:password@host:6379/0
 *     redis+sentinel://user:password@sentinel-1:26379,sentinel-2:26379/master-name/0?sentinelPassword=…
 *     redis+cluster://user:password@node-1:6379,node-2:6379
 */
export function redisAddress() {
  const allowed =
    'a Redis address, such as redis://user:password@host:6379/0, redis+sentinel://host:26379,other:26379/master-name or redis+cluster://host:6379,other:6379 (rediss… for TLS)';
  return z.string().transform((value, context): RedisAddress => {
    const address = parseAddress(value);
    if (address !== undefined) return address;
    context.addIssue({ code: 'custom', message: allowed });
    return z.NEVER;
  });
}

function parseAddress(text: string): RedisAddress | undefined {
  const {
    tls,
    kind = 'single',
    username,
    password,
    nodes = '',
    path = '',
    query = '',
  } = ADDRESS.exec(text)?.groups ?? {};
  if (!isKind(kind)) return undefined;
  const places = parsePath(kind, path);
  const parsedNodes = nodes.split(',').map((node) => parseNode(node, DEFAULT_PORTS[kind]));
  const known = parsedNodes.filter((node) => node !== undefined);
  const parameters = parseQuery(kind, query);
  const credentials = parseCredentials(username, password);
  if (places === undefined || parameters === undefined || credentials === undefined) return undefined;
  if (known.length < parsedNodes.length || (kind === 'single' && known.length > 1)) return undefined;
  return { kind, nodes: known, tls: tls === 's', ...credentials, ...places, ...parameters };
}

function isKind(text: string): text is RedisAddress['kind'] {
  return text in DEFAULT_PORTS;
}

function parseNode(text: string, defaultPort: number): RedisAddress['nodes'][number] | undefined {
  if (!URL.canParse(`redis://${text}`)) return undefined;
  const { hostname, port } = new URL(`redis://${text}`);
  if (hostname === '') return undefined;
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? defaultPort : Number(port) };
}

function parsePath(
  kind: RedisAddress['kind'],
  path: string,
): Pick<RedisAddress, 'database' | 'masterName'> | undefined {
  if (kind === 'cluster') return /^\/?$/.test(path) ? { database: 0, masterName: '' } : undefined;
  if (kind === 'sentinel') {
    const [, masterName, database = '0'] = MASTER_AND_DATABASE.exec(path) ?? [];
    return masterName === undefined ? undefined : { database: Number(database), masterName };
  }
  const [, database] = DATABASE.exec(path) ?? [];
  return database === undefined ? undefined : { database: Number(database), masterName: '' };
}

function parseQuery(kind: RedisAddress['kind'], query: string): Pick<RedisAddress, 'sentinelPassword'> | undefined {
  const parameters = new URLSearchParams(query);
  const sentinelPassword = parameters.get('sentinelPassword') ?? undefined;
  const isKnown = [...parameters.keys()].every((name) => name === 'sentinelPassword') && parameters.size <= 1;
  return isKnown && (kind === 'sentinel' || parameters.size === 0) ? { sentinelPassword } : undefined;
}

function parseCredentials(
  username: string | undefined,
  password: string | undefined,
): Pick<RedisAddress, 'username' | 'password'> | undefined {
  try {
    return { username: decoded(username), password: decoded(password) };
  } catch {
    return undefined;
  }
}

/** @throws URIError when it is not percent-encoded as it should be */
function decoded(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : decodeURIComponent(text);
}
