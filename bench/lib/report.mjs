import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { ROOT } from '../../scripts/lib/environment.mjs';
import { BENCHMARKS } from './catalogue.mjs';
import { readResults } from './results.mjs';

const PAGE = join(ROOT, 'docs/performance.md');
const [BEGIN, END] = ['<!-- results: begin -->', '<!-- results: end -->'];

/** Puts the latest results between the marks of docs/performance.md. @returns what it did, in a few words */
export async function writeReport() {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.split(BEGIN)[0], page.split(END)[1]];
  const names = Object.keys(BENCHMARKS);
  const results = readResults().toSorted((a, b) => names.indexOf(a.name) - names.indexOf(b.name));
  const text = [`${before}${BEGIN}`, overview(results), ...results.map(section), `${END}${after}`].join('\n\n');
  const options = await resolveConfig(PAGE);
  writeFileSync(PAGE, await format(text, { ...options, parser: 'markdown' }));
  return `docs/performance.md shows ${results.length} results.`;
}

function overview(results) {
  const rows = results.flatMap((result) =>
    result.goals.map(({ what, goal, measured, reached }) => [
      nameOf(result),
      what,
      measured,
      goal,
      reached ? 'yes' : '**no**',
    ]),
  );
  return ['### Goals', table({ columns: ['benchmark', 'what', 'measured', 'goal', 'reached'], rows })].join('\n\n');
}

function section(result) {
  const { machine, software, date, commit, seconds } = result;
  const { cores, model, memoryGiB, system, loadAtStart } = machine;
  const versions = Object.entries(software).map(([name, version]) => `${name} ${version.replace(/^v/, '')}`);
  const about =
    `Measured ${date.slice(0, 10)} in ${seconds} s, commit ${commit ?? 'unknown'}: ${cores} cores (${model}), ` +
    `${memoryGiB} GiB, ${[system, ...versions].join(', ')}; load at the start ${loadAtStart.join(', ')}.`;
  return [
    `### ${nameOf(result)}`,
    `\`${commandOf(result)}\``,
    about,
    ...result.tables.flatMap((each) => [`${each.title}:`, table(each)]),
    ...result.notes,
  ].join('\n\n');
}

function commandOf({ name, backend }) {
  return `npm run bench -- ${name}${backend ? ` --backend ${backend}` : ''}`;
}

function nameOf({ name, backend }) {
  return backend ? `${name}, ${backend}` : name;
}

/** Columns of numbers stand to the right. */
function table({ columns, rows }) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  const isNumeric = (_, index) => rows.every((row) => /^[\d≥≤<]/.test(row[index]));
  return [
    line(columns),
    line(columns.map((...column) => (isNumeric(...column) ? '--:' : '---'))),
    ...rows.map(line),
  ].join('\n');
}
