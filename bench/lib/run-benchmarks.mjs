import { spawnSync } from 'node:child_process';
import { prepareProgram } from '../../scripts/lib/prepare-program.mjs';
import { Refusal, UsageError } from '../../scripts/lib/refusal.mjs';
import { bold, dim, say } from '../../scripts/lib/terminal.mjs';
import { BACKENDS, BENCHMARKS } from './catalogue.mjs';
import { commit, describeMachine } from './machine.mjs';
import { drawn, writeResult } from './results.mjs';

/** Runs one benchmark or all. @returns the exit status: 0 when every goal was reached */
export async function runBenchmarks(name, options, signal) {
  if (name === 'report') {
    const { writeReport } = await import('./report.mjs');
    say(await writeReport());
    return 0;
  }
  const wishes = wishesFor(name, options.backend);
  await prepareProgram({ signal });
  let missed = 0;
  for (const wish of wishes) missed += await runOne(wish, options, signal);
  say(missed === 0 ? '\n[RESULT] every goal was reached' : `\n[RESULT] ${missed} goals were MISSED`);
  return missed === 0 ? 0 : 1;
}

function wishesFor(name, backend) {
  if (name === undefined) throw new UsageError('Which benchmark?');
  if (name !== 'all' && !Object.hasOwn(BENCHMARKS, name)) throw new UsageError(`There is no benchmark ${name}.`);
  if (backend !== undefined && !BACKENDS.includes(backend)) throw new UsageError(`There is no backend ${backend}.`);
  const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
  if (backend === 'redis' && !hasRedis) throw new Refusal('redis-server is not installed, or not in the PATH.');
  if (name === 'all' && backend === undefined && !hasRedis)
    say('redis-server is not installed: that backend is skipped.');

  const names = name === 'all' ? Object.keys(BENCHMARKS) : [name];
  return names.flatMap((each) => {
    if (!BENCHMARKS[each].perBackend) return [{ name: each }];
    if (backend !== undefined) return [{ name: each, backend }];
    if (name !== 'all') return [{ name: each, backend: 'postgres' }];
    return BACKENDS.filter((candidate) => candidate !== 'redis' || hasRedis).map((b) => ({ name: each, backend: b }));
  });
}

/** @returns how many goals were missed */
async function runOne({ name, backend }, options, signal) {
  const machine = describeMachine();
  const date = new Date().toISOString();
  const begin = performance.now();
  say(`\n${bold(`${name}${backend ? `, queue on ${backend}` : ''}`)} ${dim(BENCHMARKS[name].shows)}`);
  const { run } = await BENCHMARKS[name].load();
  const software = { node: process.version };
  const tell = (text) => say(dim(`  ${text}`));
  const context = { ...options, signal, backend: backend ?? 'postgres', software, tell };
  const { tables, goals, notes = [] } = await run(context);
  const seconds = Math.round((performance.now() - begin) / 1_000);

  for (const table of tables) say(['', `  ${table.title}`, '', ...drawn(table).map((line) => `  ${line}`)].join('\n'));
  say();
  for (const note of notes) say(`  ${note}`);
  for (const { what, goal, measured, reached } of goals) {
    say(`  [${reached ? 'REACHED' : 'MISSED'}] ${what}: ${measured} (goal ${goal})`);
  }
  if (!options.quick) {
    const about = { name, ...(backend && { backend }), date, commit: commit(), machine, software, seconds };
    say(dim(`  written to ${writeResult({ ...about, tables, goals, notes })}, after ${seconds} s`));
  }
  return goals.filter(({ reached }) => !reached).length;
}
