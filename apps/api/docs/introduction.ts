import type { ErrorCode } from '../http/error-codes.js';
import { errorTable } from './error-responses.js';

/**
 * Opens the document: what holds for every route.
 * @param codes those with which some route may refuse
 */
export const introduction = (
  codes: readonly ErrorCode[],
) => `Interlock starts calibration and trading runs, holds each one behind a kill switch and risk guards, \
and keeps the record of what they did.

**Roles.** Each contains the one before: \`observer\` reads, \`operator\` starts and stops, \`risk-officer\` lets more through, \
\`admin\` does everything. A token is sent as \`Authorization: Bearer <token>\`. Routes without a padlock take none.

**Numbers.** Probabilities, scores and counts are JSON numbers. Money, prices and quantities are decimal strings, such as \
\`"120.5"\`, so that nothing is rounded on the way; the \`maxPosition\` of a start is a JSON number.

**Lists** answer \`{ ok, items, nextCursor }\`, newest first. Send \`nextCursor\` as \`cursor\` for the next page; it is null on the last.

**Methods.** HEAD answers as GET without the body, OPTIONS with 204 and the header \`allow\`. Answers come with \
\`cache-control: no-store\`.

**Strictness.** An unknown field or query parameter, a parameter given twice, \`null\` and a value of another type are refused, never \
ignored or converted. Order: path and method, then the token, then the body, then the work.

**Errors** are \`{ ok: false, code, message, requestId }\`, and what the code has beside. \`code\` is for programs and stays; \
\`message\` is for people. A path that does not exist is \`NOT_FOUND\`; what never becomes a request (malformed HTTP, headers that are too \
large or too slow) is answered in the same form.

${errorTable(codes)}
`;

/** The groups of routes, in the order in which they are shown. */
export const TAGS: Readonly<Record<string, string>> = {
  Execution: 'Start runs. What is accepted reaches a final state; what is refused never executes.',
  'Kill switch':
    'Halt everything, or one mode, venue or strategy. It holds from the answer on, in every process, through restarts.',
  Runs: 'What became of a run: its state, its stages, its report. End it.',
  Orders:
    'Place and cancel orders. Each is judged by switches, limits, market and books before anything is sent to its venue.',
  Accounts: 'Cash at the venues by the books, and the deposits and withdrawals that people book.',
  Positions: 'What was filled, what is held, and what it has earned.',
  Datasets: 'Resolved markets that calibrations are computed from.',
  Risk: 'How close each guard is to its limit.',
  Events: 'What happened: every change, every refusal.',
  Markets: 'The markets of an HTTP service of yours, in one fixed form.',
  'Paper venue': 'A venue of our own to practise on: its markets, what others do in them, its records, its faults.',
  Health: 'For probes, load balancers and Prometheus.',
  Docs: 'This description.',
};
