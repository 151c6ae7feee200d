import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/lib/environment.mjs';

/*
 * A result: `{ name, backend?, date, commit, machine, seconds, tables, goals, notes }`.
 *
 * A table is `{ title, columns, rows }` with texts in its cells. A goal is `{ what, goal, measured, reached }`; `goal` and `measured` are
 * texts. Notes are sentences.
 */
const FOLDER = join(ROOT, 'bench/results');

export function writeResult(result) {
  mkdirSync(FOLDER, { recursive: true });
  const path = `bench/results/${result.name}${result.backend ? `-${result.backend}` : ''}.json`;
  writeFileSync(join(ROOT, path), `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

export function readResults() {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json'));
  return files.map((file) => JSON.parse(readFileSync(join(FOLDER, file), 'utf8')));
}

/** A goal that a number must not pass. */
export function atMost(what, value, limit, text = rounded) {
  return { what, goal: `< ${text(limit)}`, measured: text(value), reached: value < limit };
}

/** A goal that a number must reach. */
export function atLeast(what, value, limit, text = rounded) {
  return { what, goal: `≥ ${text(limit)}`, measured: text(value), reached: value >= limit };
}

/** A number with three significant digits, or as a whole number when it is larger. */
export function rounded(value) {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

export function milliseconds(value) {
  return `${rounded(value)} ms`;
}

/** A ratio of `ratios`, with the smallest and the largest of the rounds. */
export function withSpread({ ratio, least, most }) {
  return `${rounded(ratio)} (${rounded(least)}–${rounded(most)})`;
}

export function percent(value) {
  return `${Math.round(value * 100)} %`;
}

/** The table as lines of text, its columns aligned. */
export function drawn({ columns, rows }) {
  const widths = columns.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index].length)));
  const line = (cells) =>
    cells.map((cell, index) => (index === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[index]))).join('   ');
  return [line(columns), line(widths.map((width) => '─'.repeat(width))), ...rows.map(line)];
}
