import type { AccessLevel } from './access.decorator.js';
import { type Route, RouteTable } from './route-table.js';

const route = (method: string, pattern: string, access: AccessLevel = 'observer'): Route => ({
  method,
  pattern,
  access,
  quiet: false,
  urgent: false,
  takesBody: false,
  takesQuery: false,
  refusals: [],
});

const table = new RouteTable([
  route('GET', '/api/runs'),
  route('GET', '/api/runs/:id'),
  route('POST', '/api/runs/:id/cancel', 'operator'),
  route('GET', '/api/runs/:id/report'),
  route('DELETE', '/api/runs/:id', 'operator'),
]);

describe('route table', () => {
  it.each([
    ['GET', '/api/runs', 'GET /api/runs'],
    ['HEAD', '/api/runs', 'GET /api/runs'],
    ['GET', '/api/runs/1', 'GET /api/runs/:id'],
    ['DELETE', '/api/runs/%F0%9F%98%80', 'DELETE /api/runs/:id'],
    ['POST', '/api/runs/1/cancel', 'POST /api/runs/:id/cancel'],
    ['POST', '/api/runs', 'only GET, HEAD, OPTIONS'],
    ['OPTIONS', '/api/runs/1', 'only GET, HEAD, DELETE, OPTIONS'],
    ['HEAD', '/api/runs/1/cancel', 'only POST, OPTIONS'],
    ['get', '/api/runs', 'only GET, HEAD, OPTIONS'],
    ['GET', '', 'nothing'],
    ['GET', '*', 'nothing'],
    ['GET', '/', 'nothing'],
    ['GET', '/api', 'nothing'],
    ['GET', '/api/runs/', 'nothing'],
    ['GET', '/api/runs//report', 'nothing'],
    ['GET', '/api/runs/%', 'nothing'],
    ['GET', '/api/runs/%C3', 'nothing'],
    ['GET', '/API/runs', 'nothing'],
  ])('%s %s is %s', (method, path, expected) => {
    const match = table.match(method, path);
    const found = {
      route: () => match.kind === 'route' && `${match.route.method} ${match.route.pattern}`,
      'other-method': () => match.kind === 'other-method' && `only ${match.allow}`,
      'unknown-path': () => 'nothing',
    }[match.kind]();
    expect(found).toBe(expected);
  });
});
