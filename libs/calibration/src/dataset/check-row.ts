import type { DatasetColumn, DatasetFault, DatasetRow } from './dataset-row.js';

/** The text of a row's fields, as decoded; null where the bytes were not UTF-8. Absent columns are left out. */
export type RowText = Partial<Record<DatasetColumn, string | null>>;

export interface CheckedRow {
  /** Null when the row has faults. */
  row: DatasetRow | null;
  /** Null when this very field is at fault. */
  marketId: string | null;
  faults: DatasetFault[];
}

/** Longest texts, in UTF-16 code units. The market id goes into an index whose entries are limited to 2,704 bytes. */
const MAX_LENGTH: Record<DatasetColumn, number> = {
  market_id: 256,
  platform: 256,
  category: 256,
  question: 4_000,
  probability: 400,
  outcome: 400,
  as_of: 64,
  resolved_at: 64,
};

/** Turns the text of one row into its values, or tells everything that is wrong with it. */
export function checkRow(line: number, text: RowText): CheckedRow {
  const fields = new FieldChecks(line, text);
  const marketId = fields.required('market_id', anyText);
  const platform = fields.optional('platform', anyText);
  const category = fields.optional('category', anyText);
  const question = fields.optional('question', anyText);
  const probability = fields.required('probability', probabilityOf);
  const outcome = fields.required('outcome', outcomeOf);
  const asOf = fields.optional('as_of', timeOf);
  const resolvedAt = fields.optional('resolved_at', timeOf);

  const { faults } = fields;
  if (faults.length > 0 || marketId === null || probability === null || outcome === null) {
    return { row: null, marketId, faults };
  }
  const row = { line, marketId, platform, category, question, probability, outcome, asOf, resolvedAt };
  return { row, marketId, faults };
}

/** The value that a text stands for, or what is wrong with it. */
type Parsed<T> = { value: T } | { wrong: string };

class FieldChecks {
  readonly faults: DatasetFault[] = [];

  constructor(
    private readonly line: number,
    private readonly text: RowText,
  ) {}

  /** The field's value; null when it is empty or wrong, which is a fault. */
  required<T>(column: DatasetColumn, parse: (text: string) => Parsed<T>): T | null {
    if (this.text[column] === '' || this.text[column] === undefined) return this.fault(column, 'must not be empty');
    return this.optional(column, parse);
  }

  /** The field's value; null when it is empty, or wrong, which is a fault. */
  optional<T>(column: DatasetColumn, parse: (text: string) => Parsed<T>): T | null {
    const text = this.text[column];
    if (text === undefined || text === '') return null;
    if (text === null) return this.fault(column, 'is not valid UTF-8');
    if (text.includes('\0')) return this.fault(column, 'must not contain a NUL character');
    if (text.length > MAX_LENGTH[column]) {
      return this.fault(column, `must not be longer than ${MAX_LENGTH[column]} characters`);
    }
    const parsed = parse(text);
    return 'value' in parsed ? parsed.value : this.fault(column, parsed.wrong);
  }

  private fault(column: DatasetColumn, message: string): null {
    this.faults.push({ line: this.line, column, message });
    return null;
  }
}

function anyText(text: string): Parsed<string> {
  return { value: text };
}

/** With an exponent too: pandas and JavaScript write 0.00001 as 1e-05 and 1e-5. */
const DECIMAL = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

function probabilityOf(text: string): Parsed<number> {
  // Number() alone would also take spaces, hexadecimal and Infinity.
  if (!DECIMAL.test(text)) return { wrong: 'must be a decimal number, such as 0.25' };
  const value = Number(text);
  if (value < 0 || value > 1) return { wrong: 'must lie between 0 and 1' };
  return { value: value + 0 }; // -0 becomes 0
}

function outcomeOf(text: string): Parsed<0 | 1> {
  if (text === '0') return { value: 0 };
  if (text === '1') return { value: 1 };
  return { wrong: 'must be 0 or 1' };
}

const DATE = /^([12]\d{3})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])/;
const TIME = /^T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-](0\d|1[0-4]):?[0-5]\d)$/;

/** A date stands for its midnight in UTC; a time of day must say its zone, which nobody could guess. */
function timeOf(text: string): Parsed<string> {
  const wrong = 'must be a time in ISO 8601 with its zone, such as 2026-01-08T20:00:00Z';
  const date = DATE.exec(text);
  if (date === null) return { wrong };
  const [written, year, month, day] = date;
  if (Number(day) > daysIn(Number(year), Number(month))) return { wrong: 'is a day that does not exist' };
  const time = text.slice(written.length).replace(' ', 'T');
  if (time === '') return { value: `${written}T00:00:00Z` };
  return TIME.test(time) ? { value: written + time } : { wrong };
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
