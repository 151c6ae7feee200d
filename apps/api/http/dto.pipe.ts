import { type ArgumentMetadata, Injectable, type PipeTransform, type Type } from '@nestjs/common';
import { getMetadataStorage, validateSync } from 'class-validator';
import { type FieldErrors, invalid } from './api-error.js';
import { byField, faultsOf } from './text-checks.js';

type Fault = readonly [field: string, message: string];

/**
 * Makes bodies and query parameters into their DTOs, with the defaults of the class, or refuses them naming every fault. Nothing
 * is converted: `"true"` is no boolean. (Nest's own ValidationPipe takes an array for an empty object, and names that every
 * object inherits, such as `constructor`, for known ones.)
 */
@Injectable()
export class DtoPipe implements PipeTransform {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if ((type !== 'body' && type !== 'query') || metatype === undefined) return value;
    if (!isObject(value)) throw invalid({ body: ['must be a JSON object'] });
    const { dto, faults } = checked(value, metatype as Type<object>, type);
    if (faults.length > 0) throw invalid(byField(faults));
    return dto;
  }
}

/** A part of a body that is judged apart from the rest: its DTO, or what is wrong with it. */
export function judgePart<T extends object>(value: unknown, metatype: Type<T>): T | { fieldErrors: FieldErrors } {
  if (!isObject(value)) return { fieldErrors: { body: ['must be a JSON object'] } };
  const { dto, faults } = checked(value, metatype, 'body');
  return faults.length > 0 ? { fieldErrors: byField(faults) } : dto;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checked<T extends object>(
  value: object,
  metatype: Type<T>,
  type: 'body' | 'query',
): { dto: T; faults: Fault[] } {
  const names = fieldNames(metatype);
  const faults: Fault[] = [];
  const dto = new metatype();
  for (const [name, item] of Object.entries(value)) {
    if (!names.has(name)) faults.push([name, 'is not known here']);
    else if (type === 'query' && Array.isArray(item)) faults.push([name, 'must be given once']);
    else {
      faults.push(...faultsOf(item, name));
      Object.assign(dto, { [name]: item });
    }
  }
  // A field that has been told off already is not judged again, on a value that it does not hold.
  const failed = new Set(faults.map(([field]) => field.split('.')[0]));
  for (const { property, constraints = {} } of validateSync(dto)) {
    if (!failed.has(property)) faults.push(...Object.values(constraints).map((message): Fault => [property, message]));
  }
  return { dto, faults };
}

const knownNames = new WeakMap<Type<object>, ReadonlySet<string>>();

function fieldNames(metatype: Type<object>): ReadonlySet<string> {
  const known = knownNames.get(metatype);
  if (known !== undefined) return known;
  const metadata = getMetadataStorage().getTargetValidationMetadatas(metatype, '', true, false);
  const names = new Set(metadata.map(({ propertyName }) => propertyName));
  knownNames.set(metatype, names);
  return names;
}
