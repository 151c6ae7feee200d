import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;
export type Schema = Exclude<NonNullable<Components['schemas']>[string], { $ref: string }>;
export type Reference = { $ref: string };
export type ResponseOrReference = NonNullable<Components['responses']>[string];
export type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
