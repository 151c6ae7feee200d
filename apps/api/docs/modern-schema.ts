type Json = Record<string, unknown>;

/**
 * @nestjs/swagger writes schemas as OpenAPI 3.0 had them. OpenAPI 3.1 takes JSON Schema 2020-12 as it is, so that every validator
 * and generator reads the document without knowing of exceptions: null is a type, exclusive bounds are numbers, and a reference may
 * have a description beside it.
 */
export function modernized<T>(node: T): T {
  if (Array.isArray(node)) return node.map((item: unknown) => modernized(item)) as T;
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(
    Object.entries(node).map(([name, value]: [string, unknown]) => {
      if (name === 'schema') return [name, modernSchema(value as Json)];
      if (name === 'schemas') return [name, mapValues(value as Json, (schema) => modernSchema(schema as Json))];
      // What stands in an example is data, whatever it looks like.
      return [name, name === 'example' || name === 'examples' ? value : modernized(value)];
    }),
  ) as T;
}

function modernSchema({ nullable, example, exclusiveMinimum, ...schema }: Json): Json {
  const modern = withParts(unwrapped(schema));
  if (exclusiveMinimum === true) {
    modern['exclusiveMinimum'] = modern['minimum'];
    delete modern['minimum'];
  }
  if (Array.isArray(modern['enum']) && modern['enum'].length === 1) {
    modern['const'] = (modern['enum'] as unknown[])[0];
    delete modern['enum'];
  }
  if (example !== undefined) modern['examples'] = [example];
  return nullable === true ? orNull(modern) : modern;
}

/** A reference needs no wrapping in `allOf` to have a description. */
function unwrapped({ allOf, ...schema }: Json): Json {
  if (allOf === undefined) return schema;
  const parts = allOf as Json[];
  return parts.length === 1 ? { ...parts[0], ...schema } : { allOf, ...schema };
}

function withParts(schema: Json): Json {
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => {
      if (name === 'properties') return [name, mapValues(value as Json, (part) => modernSchema(part as Json))];
      if (name === 'items' || (name === 'additionalProperties' && typeof value === 'object')) {
        return [name, modernSchema(value as Json)];
      }
      if (name === 'oneOf' || name === 'anyOf') return [name, (value as Json[]).map(modernSchema)];
      return [name, value];
    }),
  );
}

function orNull({ description, examples, ...schema }: Json): Json {
  const about = {
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples }),
  };
  if (typeof schema['type'] !== 'string') return { ...about, anyOf: [schema, { type: 'null' }] };
  const values = schema['enum'] as unknown[] | undefined;
  return {
    ...schema,
    ...about,
    type: [schema['type'], 'null'],
    ...(values === undefined ? {} : { enum: [...values, null] }),
  };
}

function mapValues(object: Json, change: (value: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
