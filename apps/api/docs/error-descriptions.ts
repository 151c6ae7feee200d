import { getSchemaPath } from '@nestjs/swagger';
import { KillSwitchAnswer, StopEffect } from '../execution/kill-switch.dto.js';
import { killSwitchExample } from '../execution/kill-switch.examples.js';
import type { ErrorCode } from '../http/error-codes.js';
import type { Reference, Schema } from './document-types.js';
import type { ErrorDescription } from './error-description.js';
import { ID } from './fields.js';
import { ORDER_REFUSALS } from './order-refusals.js';

const RUN_ID = ID.example;

const FIELD_ERRORS: Record<string, Schema> = {
  fieldErrors: {
    type: 'object',
    additionalProperties: { type: 'array', items: { type: 'string' }, minItems: 1 },
    description: 'What is wrong, by field. The name of a nested field is its path, such as `input.dataset`.',
  },
};

const KILL_SWITCH: Record<string, Reference> = { killSwitch: { $ref: getSchemaPath(KillSwitchAnswer) } };

const DATASET_FAULTS: Record<string, Schema> = {
  details: {
    type: 'object',
    required: ['faultCount', 'faults'],
    properties: {
      faultCount: { type: 'integer', minimum: 1, description: 'All faults of the file.' },
      faults: {
        type: 'array',
        maxItems: 20,
        description: 'The first of them.',
        items: {
          type: 'object',
          required: ['line', 'column', 'message'],
          properties: {
            line: { type: 'integer', minimum: 1, description: "The file's line on which the record starts." },
            column: { type: 'string', nullable: true, description: 'Null when it is the whole record.' },
            message: { type: 'string' },
          },
        },
      },
    },
  },
};

function refusal(rule: string, current: string, limit: string) {
  return { rule, scope: 'mode:mock', current, limit };
}

const RATE: Record<string, Schema> = {
  details: {
    type: 'object',
    required: ['by', 'limit', 'windowSeconds'],
    properties: {
      by: { type: 'string', enum: ['token', 'switch', 'address'], description: 'What the requests are counted by.' },
      limit: { type: 'integer', minimum: 1, description: 'Most requests of the window.' },
      windowSeconds: { type: 'integer', minimum: 1 },
    },
  },
};

const GUARD_REFUSAL: Record<string, Reference> = { details: { $ref: '#/components/schemas/GuardRefusal' } };

/** Whose run it is about. */
const runId = (description: string): Record<string, Schema> => ({
  runId: { type: 'string', format: 'uuid', description },
});

/** What each code tells a caller. A code without a description does not compile. */
export const ERROR_DESCRIPTIONS: Readonly<Record<ErrorCode, ErrorDescription>> = {
  VALIDATION_FAILED: {
    when: 'A field, a parameter or the request itself is not as it must be, or is not known here. Nothing was done.',
    example: {
      message: 'The request has faults; fieldErrors names them.',
      fieldErrors: { limit: ['must be a whole number from 1 to 200'] },
    },
    fields: FIELD_ERRORS,
  },
  MALFORMED_JSON: {
    when: 'The body is not JSON in UTF-8.',
    example: { message: 'The body is not well-formed JSON in UTF-8.' },
  },
  DATASET_INVALID: {
    when: 'The file has faults. The data that the name had before is kept.',
    example: {
      message: 'The file has 1 fault; nothing was changed.',
      details: { faultCount: 1, faults: [{ line: 3, column: 'probability', message: 'must lie between 0 and 1' }] },
    },
    fields: DATASET_FAULTS,
  },
  UNAUTHENTICATED: {
    when: 'There is no header `Authorization`, or it is not of the form `Bearer <token>`.',
    example: { message: 'Send the header "Authorization: Bearer <token>".' },
    headers: ['www-authenticate'],
  },
  FORBIDDEN: {
    when: 'The token is not known, or its role does not allow this.',
    example: { message: 'This token does not allow that.' },
  },
  NOT_FOUND: {
    when: 'There is nothing of this name or id. An id that cannot be one is answered likewise.',
    example: { message: 'There is no run with this id.' },
  },
  METHOD_NOT_ALLOWED: {
    when: 'The path exists, but takes other methods: the header `allow` lists them.',
    example: { message: 'This path takes GET, HEAD, OPTIONS.' },
    headers: ['allow'],
  },
  REQUEST_TIMEOUT: {
    when: 'The headers or the body did not arrive in time. The connection is closed.',
    example: { message: 'The body did not arrive within 10 s.' },
  },
  KILL_SWITCH_ON: {
    when: 'A kill switch stands over what was asked for; `killSwitch` is the strictest one that does.',
    example: { message: 'Starts are refused: global is halted.', killSwitch: killSwitchExample },
    fields: KILL_SWITCH,
  },
  KILL_SWITCH_UNCHANGED: {
    when:
      'The switch is as wished already; `killSwitch` shows it. While it is on, the orders that it forbids have been canceled once more; ' +
      '`effect` tells what that did.',
    example: {
      message: 'The switch global is so already.',
      killSwitch: killSwitchExample,
      effect: { runsAborted: 0, ordersCanceled: 0, ordersUnknown: 0 },
    },
    fields: { ...KILL_SWITCH, effect: { $ref: getSchemaPath(StopEffect) } },
  },
  MAX_POSITION_EXCEEDED: {
    when: 'The position asked for is above the limit (setting `MAX_POSITION_LIMIT`).',
    example: {
      message: 'maxPosition 2000000 is above the limit of 1000000',
      details: refusal('position', '2000000', '1000000'),
    },
    fields: GUARD_REFUSAL,
  },
  RISK_LIMIT_EXCEEDED: {
    when: "The mode's losses of the day have reached the limit (setting `RISK_MAX_DAILY_LOSS`).",
    example: {
      message: 'the daily loss of 500000 in mode:mock reaches the limit of 500000',
      details: refusal('dailyLoss', '500000', '500000'),
    },
    fields: GUARD_REFUSAL,
  },
  ORDER_RATE_LIMIT_EXCEEDED: {
    when:
      "The mode's orders of the last 60 s have reached the limit (setting `ORDER_RATE_LIMIT_PER_MIN`), or its starts theirs " +
      '(`RUN_START_LIMIT_PER_MIN`).',
    example: {
      message: '30 orders in mode:mock within 60 seconds, which reaches the limit of 30',
      details: refusal('orderRate', '30', '30'),
    },
    fields: GUARD_REFUSAL,
  },
  ...ORDER_REFUSALS,
  RUN_NOT_FINISHED: {
    when: 'The run has not ended yet.',
    example: { message: 'The run has not ended yet; its report comes with its end.' },
  },
  RUN_ALREADY_FINISHED: {
    when: 'The run has ended, so that there is nothing left to end.',
    example: { message: 'The run has ended already: COMPLETED.' },
  },
  ORDER_ALREADY_FINISHED: {
    when: 'The order has ended, so that there is nothing left to cancel.',
    example: { message: 'The order has ended already: FILLED.' },
  },
  IDEMPOTENCY_KEY_REUSED: {
    when:
      'The key belongs to a run or an order of the same strategy with other parameters, or to a transfer of the same account with another ' +
      'amount; `runId`, `orderId` or `transferId` names it. Nothing was started, placed or booked.',
    example: { message: 'The key belongs to a run with other parameters.', runId: RUN_ID },
    optionalFields: {
      ...runId('The run that has the key.'),
      orderId: { type: 'string', format: 'uuid', description: 'The order that has the key.' },
      transferId: { type: 'string', format: 'uuid', description: 'The transfer that has the key.' },
    },
  },
  PAYLOAD_TOO_LARGE: {
    when: 'The body is larger than this route takes.',
    example: { message: 'The body is larger than 64 KiB.' },
  },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body is of another type than this route takes, not in UTF-8, or compressed.',
    example: { message: 'The body must be application/json in UTF-8, not compressed.' },
  },
  RATE_LIMITED: {
    when:
      'Too many requests within a minute: of this token (setting `HTTP_RATE_LIMIT_PER_MIN`), of this address without a valid one ' +
      '(`HTTP_RATE_LIMIT_ANONYMOUS_PER_MIN`), or to turn kill switches, which have a limit of their own. Nothing was done.',
    example: {
      message: 'More than 600 requests in 60 s; try again in 12 s.',
      details: { by: 'address', limit: 600, windowSeconds: 60 },
    },
    fields: RATE,
    headers: ['retry-after'],
  },
  HEADERS_TOO_LARGE: {
    when: 'Request line and headers are larger than 16 KiB together.',
    example: { message: 'Request line and headers are larger than 16 KiB together.' },
  },
  INTERNAL_ERROR: {
    when: 'Something went wrong inside. The log tells more under the request id.',
    example: { message: 'Something went wrong inside; the log tells more under the request id.' },
  },
  ADMIN_TOKEN_NOT_CONFIGURED: {
    when: 'The api was started without a token (setting `ADMIN_API_TOKEN`), so that none can be right.',
    example: { message: 'No token is configured: set ADMIN_API_TOKEN and start again.' },
  },
  DATABASE_UNAVAILABLE: {
    when:
      'The database cannot be reached, or was lost on the way (the message says whether the change may have been made), or the api ' +
      'is starting and waits for it.',
    example: { message: 'The database cannot be reached, or not in time.' },
    headers: ['retry-after'],
  },
  ENQUEUE_FAILED: {
    when: 'The queue did not take the run. It will never execute, and its key is free again.',
    example: { message: 'The queue did not take the run; it will never execute.', runId: RUN_ID },
    fields: runId('The run, with status `ENQUEUE_FAILED`.'),
    headers: ['retry-after'],
  },
  OUTCOME_UNKNOWN: {
    when:
      'The database was lost at the worst moment: the run may execute or not. Repeat the start with the same idempotency key, or ask ' +
      'for the run by `runId`.',
    example: {
      message: 'The database was lost at a moment that leaves open whether the run will execute; ask for it by its id.',
      runId: RUN_ID,
    },
    fields: runId('The run, if there is one.'),
  },
  RISK_STATE_UNAVAILABLE: {
    when:
      'The state of the risk guards cannot be read, or the venue of an order is out of reach, restarting or not reconciled yet. Nothing ' +
      'is admitted while they cannot judge; the same order, with its `clientOrderId`, may be sent again.',
    example: { message: 'The state of the risk guards cannot be read, so nothing is admitted.' },
    headers: ['retry-after'],
  },
  QUEUE_FULL: {
    when: 'As many runs wait for a worker as may (setting `QUEUE_MAX_WAITING`). Nothing was started.',
    example: { message: 'Too many runs wait for a worker already; nothing was started.' },
    headers: ['retry-after'],
  },
  OVERLOADED: {
    when: 'As many requests are here as can be worked on soon, or four datasets are imported already. This one was not begun.',
    example: { message: 'Too many requests are here already; this one was not begun.' },
    headers: ['retry-after'],
  },
};
