import { parseScope } from '@interlock/kill-switch';
import { LIMIT_RULES, type LimitChange, type LimitRule } from '@interlock/risk-guards';
import { parseAmount } from '@interlock/venues';
import { ApiProperty } from '@nestjs/swagger';
import { DECIMAL_PATTERN, OK, COUNT } from '../docs/fields.js';
import { type FieldErrors, invalid } from '../http/api-error.js';
import { constraint, Reason } from '../http/constraints.js';

const MOST_LIMITS = 100;

/** A limit as it is, or as it is to be. */
export class RiskLimitAnswer {
  /** Which rule. */
  @ApiProperty({ enum: LIMIT_RULES })
  rule!: LimitRule;

  /**
   * Over what: `global` (counted in each mode), `mode:…`, `venue:…`, `strategy:…` or `market:…`.
   * @example 'strategy:momentum'
   */
  @ApiProperty()
  scope!: string;

  /** 0 blocks all; null: no limit. */
  @ApiProperty({ type: String, nullable: true, pattern: DECIMAL_PATTERN, example: '250' })
  limit!: string | null;
}

/** Limits to set, all of them or none. */
export class SetLimitsBody {
  /** 1 to 100 of them: rule, scope, and the limit as decimal text or number of 0 or more; null takes it away. */
  @Limits()
  limits!: unknown[];

  /**
   * Why; it is kept with the limits and told in the event.
   * @example 'event risk tonight'
   */
  @Reason()
  reason!: string;
}

export class SetLimitsAnswer {
  @ApiProperty(OK)
  ok!: true;

  /** Of all limits, after the change. */
  @ApiProperty(COUNT)
  version!: number;

  /** As they were set. */
  @ApiProperty()
  limits!: RiskLimitAnswer[];
}

function Limits(): PropertyDecorator {
  const test = (value: unknown) => Array.isArray(value) && value.length >= 1 && value.length <= MOST_LIMITS;
  return constraint('limits', `must be a list of 1 to ${MOST_LIMITS} limits`, test, {
    type: 'array',
    minItems: 1,
    maxItems: MOST_LIMITS,
    items: {
      type: 'object',
      required: ['rule', 'scope', 'limit'],
      additionalProperties: false,
      properties: {
        rule: { type: 'string', enum: [...LIMIT_RULES] },
        scope: { type: 'string', example: 'strategy:momentum' },
        limit: {
          nullable: true,
          oneOf: [
            { type: 'string', pattern: DECIMAL_PATTERN },
            { type: 'number', minimum: 0 },
          ],
          example: '250',
        },
      },
    },
  });
}

/** @throws ApiError naming every fault, by its place in the list */
export function limitChangesOf({ limits }: SetLimitsBody): LimitChange[] {
  const faults: FieldErrors = {};
  const changes = limits.map((item, index) => limitChangeOf(item, `limits.${index}`, faults));
  if (Object.keys(faults).length > 0) throw invalid(faults);
  return changes;
}

function limitChangeOf(item: unknown, place: string, faults: FieldErrors): LimitChange {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    faults[place] = ['must be an object with rule, scope and limit'];
    return NOTHING;
  }
  const { rule, scope, limit, ...unknown } = item as Record<string, unknown>;
  for (const name of Object.keys(unknown)) faults[`${place}.${name}`] = ['is not known here'];
  if (!isRule(rule)) faults[`${place}.rule`] = [`must be one of ${LIMIT_RULES.join(', ')}`];
  if (!isScope(scope)) {
    faults[`${place}.scope`] = ['must be global, mode:<mode>, venue:<name>, strategy:<name> or market:<id>'];
  }
  const value = limit === null ? null : parseAmount(limit);
  if (limit !== null && value === null) {
    faults[`${place}.limit`] = ['must be null, or a decimal text or number from 0 to 1e12 with at most 8 decimals'];
  }
  return {
    rule: isRule(rule) ? rule : NOTHING.rule,
    scope: isScope(scope) ? scope : '',
    limit: value?.toFixed() ?? null,
  };
}

const NOTHING: LimitChange = { rule: 'position', scope: '', limit: null };

function isRule(value: unknown): value is LimitRule {
  return typeof value === 'string' && (LIMIT_RULES as readonly string[]).includes(value);
}

function isScope(value: unknown): value is string {
  if (typeof value !== 'string') return false;
  return parseScope(value) !== null || /^market:[\x21-\x7e]{1,128}$/.test(value);
}
