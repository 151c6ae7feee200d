import { readFileSync } from 'node:fs';
import formats from 'ajv-formats';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

type Json = Record<string, unknown>;

/** A route as the document tells it. */
export interface DocumentedOperation {
  readonly operationId: string;
  /** In capitals. */
  readonly method: string;
  /** Such as `/api/runs/{id}`. */
  readonly path: string;
  readonly statuses: readonly string[];
  readonly isPublic: boolean;
  /** Of the bodies that it takes. */
  readonly mediaTypes: readonly string[];
}

interface Operation {
  operationId: string;
  security?: object[];
  requestBody?: { content: Json };
  responses: Record<string, Response | { $ref: string }>;
}

interface Response {
  headers?: Json;
  content?: Record<string, { schema: Json }>;
}

/** What came back for a request. */
export interface SeenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * The committed OpenAPI document, against which real answers are held. Stricter than the document: a field that it does not name is a
 * fault, since nobody who relies on the document would know of it.
 */
export class ApiDocument {
  readonly operations: readonly DocumentedOperation[];
  /** Operation and status of every answer that was checked, such as `startRun 202`. */
  readonly seen = new Set<string>();
  private readonly document: { paths: Record<string, Record<string, Operation>>; components: { responses: Json } };
  private readonly ajv: Ajv2020;
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(file = 'docs/openapi.json') {
    this.document = JSON.parse(readFileSync(file, 'utf8')) as typeof this.document;
    this.operations = Object.entries(this.document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => describe(method.toUpperCase(), path, operation)),
    );
    this.ajv = new Ajv2020({ strict: false, allErrors: true });
    formats.default(this.ajv);
    this.ajv.addSchema({ $id: 'api', ...(closed(this.document) as Json) });
  }

  /** @throws Error when the answer is not among those that the document tells of this request */
  check(method: string, url: string, answer: SeenAnswer): void {
    if (method === 'OPTIONS') return; // told once for all paths, in the introduction
    const path = new URL(url, 'http://localhost').pathname;
    const here = this.operations.filter((operation) => fits(operation.path, path));
    const wanted = method === 'HEAD' ? 'GET' : method;
    // What a path answers to a method that it does not take is told by each of its operations.
    const operation = here.find((candidate) => candidate.method === wanted) ?? here[0];
    try {
      if (answer.headers.get('x-request-id') === null) throw new Error('has no x-request-id');
      // What comes before the path is looked at is the same wherever it goes.
      const strayed = answer.status === 429 ? 'RateLimited' : 'NotFound';
      if (operation === undefined) this.checkSchema(answer.text, `#/components/schemas/${strayed}`);
      else this.checkAnswer(operation, answer, method === 'HEAD');
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${method} ${path} answered ${answer.status}, which docs/openapi.json does not tell: ${reason}\n${answer.text.slice(0, 500)}`,
        { cause: error },
      );
    }
    if (operation !== undefined) this.seen.add(`${operation.operationId} ${answer.status}`);
  }

  /** @param schema a pointer into the document */
  checkSchema(text: string, schema: string): void {
    const validate = this.validators.get(schema) ?? this.ajv.compile({ $ref: `api${schema}` });
    this.validators.set(schema, validate);
    if (!validate(JSON.parse(text))) throw new Error(this.ajv.errorsText(validate.errors, { dataVar: 'the body' }));
  }

  private checkAnswer(
    { path, method }: DocumentedOperation,
    { status, headers, text }: SeenAnswer,
    isHead: boolean,
  ): void {
    const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status)].map(escaped);
    const { response, place } = this.responseAt(path, method, String(status), `#/${pointer.join('/')}`);
    const [type = ''] = (headers.get('content-type') ?? '').split(';');
    if (response.content?.[type] === undefined) throw new Error(`the type ${type || 'none'}`);
    if (isHead) return;
    if (type === 'application/json') this.checkSchema(text, `${place}/content/${escaped(type)}/schema`);
    else if (text === '') throw new Error('an empty body');
  }

  private responseAt(path: string, method: string, status: string, place: string) {
    const response = this.document.paths[path]?.[method.toLowerCase()]?.responses[status];
    if (response === undefined) throw new Error('the status');
    if (!('$ref' in response)) return { response, place };
    const name = response.$ref.replace('#/components/responses/', '');
    return { response: this.document.components.responses[name] as Response, place: response.$ref };
  }
}

function describe(method: string, path: string, operation: Operation): DocumentedOperation {
  return {
    operationId: operation.operationId,
    method,
    path,
    statuses: Object.keys(operation.responses),
    isPublic: !JSON.stringify(operation.security ?? []).includes('bearer'),
    mediaTypes: Object.keys(operation.requestBody?.content ?? {}),
  };
}

/** As the front door compares paths; a parameter may be anything. */
function fits(template: string, path: string): boolean {
  const parts = path.split('/');
  const segments = template.split('/');
  return (
    segments.length === parts.length &&
    segments.every((segment, i) => (segment.startsWith('{') ? parts[i] !== '' : segment === parts[i]))
  );
}

/** Part of a JSON pointer within an address. */
function escaped(part: string): string {
  return encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** Objects that name their fields have no others, unless they say so. */
function closed(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(closed);
  if (typeof node !== 'object' || node === null) return node;
  const copy: Json = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  if (copy['type'] === 'object' && 'properties' in copy) copy['additionalProperties'] ??= false;
  return copy;
}
