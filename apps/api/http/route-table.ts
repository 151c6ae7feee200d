import type { AccessLevel } from './access.decorator.js';
import type { ErrorCode } from './error-codes.js';
import type { StreamedBodyRules } from './streamed-body.js';

/** A route as the front door sees it. */
export interface Route {
  readonly method: string;
  /** Such as `/api/runs/:id`. */
  readonly pattern: string;
  readonly access: AccessLevel;
  readonly quiet: boolean;
  readonly urgent: boolean;
  readonly takesBody: boolean;
  /** Present when the route reads its body itself, as it arrives. */
  readonly streams?: StreamedBodyRules;
  readonly takesQuery: boolean;
  /** Codes with which the route's own work may refuse. */
  readonly refusals: readonly ErrorCode[];
}

export type Match =
  | { kind: 'route'; route: Route; allow: string }
  /** The path exists, the method does not. `allow` lists those that do. */
  | { kind: 'other-method'; allow: string }
  | { kind: 'unknown-path' };

/** The routes of one path. */
interface Place {
  readonly here: readonly Route[];
  readonly allow: string;
}

/**
 * The routes by method and path. Express cannot tell a wrong method from a wrong path, and would do so after the body. Paths are
 * compared exactly: case counts, and so does a trailing slash.
 */
export class RouteTable {
  private readonly routes: readonly { route: Route; segments: readonly string[] }[];
  /** By path, what fits the paths without parameters: those that are asked for most. */
  private readonly fixed: ReadonlyMap<string, Place>;

  constructor(routes: readonly Route[]) {
    this.routes = routes.map((route) => ({ route, segments: route.pattern.split('/') }));
    const paths = routes.map(({ pattern }) => pattern).filter((pattern) => !pattern.includes(':'));
    this.fixed = new Map(paths.map((path) => [path, this.placeOf(path)]));
  }

  all(): Route[] {
    return this.routes.map(({ route }) => route);
  }

  match(method: string, path: string): Match {
    const { here, allow } = this.fixed.get(path) ?? this.placeOf(path);
    if (here.length === 0) return { kind: 'unknown-path' };

    const wanted = method === 'HEAD' ? 'GET' : method;
    const route = here.find((candidate) => candidate.method === wanted);
    return route === undefined ? { kind: 'other-method', allow } : { kind: 'route', route, allow };
  }

  private placeOf(path: string): Place {
    const parts = path.split('/');
    const here = this.routes.filter(({ segments }) => fits(segments, parts)).map(({ route }) => route);
    return { here, allow: allowed(here) };
  }
}

function fits(segments: readonly string[], parts: readonly string[]): boolean {
  return (
    segments.length === parts.length &&
    segments.every((segment, index) => {
      const part = parts[index] ?? '';
      return segment.startsWith(':') ? isDecodable(part) : segment === part;
    })
  );
}

/** False for an empty part and for a malformed percent-encoding, which names nothing. */
function isDecodable(part: string): boolean {
  try {
    return decodeURIComponent(part) !== '';
  } catch {
    return false;
  }
}

function allowed(routes: readonly Route[]): string {
  const methods = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return [...new Set([...methods, 'OPTIONS'])].join(', ');
}
