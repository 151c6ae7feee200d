#!/usr/bin/env node
/* Tells which parts of a program took its thread's time, by a CPU profile as `npm run bench -- start --profile` writes it. */
import { readFileSync } from 'node:fs';
import { drawn } from './lib/results.mjs';

/** A sample belongs to the part of the innermost frame that one of these fits. */
const PARTS = [
  ['garbage collection', /^\(garbage collector\)/],
  ['HTTP: parsing, sockets, answers', / node:_http/],
  ['correlation (async hooks)', / node:(internal\/)?async_hooks/],
  ['log line', /\/(pino|pino-http|nestjs-pino|sonic-boom|@pinojs)\/|request-log\.js/],
  ['checks of the body', /\/(class-validator|class-transformer)\/|dto\.pipe\.js|constraints\.js/],
  ['ids, token', /\/uuid\/|libs\/access\/| node:internal\/crypto/],
  ['metrics', /\/prom-client\/|metrics\.js/],
  ['queue', /\/(bullmq|ioredis|redis-parser)\/|libs\/queue\//],
  ['database driver', /\/(pg|pg-pool|pg-protocol|pg-types|postgres-\w+|typeorm)\//],
  ['Express and Nest', /\/(express|router|@nestjs|rxjs|parseurl|reflect-metadata)\//],
  ['front door', /dist\/apps\/api\//],
  ['admission', /dist\/libs\//],
  ['the floor itself', /bench\/floors\//],
];
const REST = 'event loop, promises, the rest';

const [file, from = '5'] = process.argv.slice(2);
if (file === undefined) {
  console.error('Usage: node bench/read-profile.mjs <file.cpuprofile> [seconds from its begin to leave out: 5]');
  process.exit(64);
}
const { nodes, samples, timeDeltas, startTime } = JSON.parse(readFileSync(file, 'utf8'));
const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])));
const names = new Map(nodes.map(({ id, callFrame: { functionName, url } }) => [id, `${functionName} ${url}`]));

function partOf(leaf) {
  if (names.get(leaf).startsWith('(idle)')) return undefined;
  for (let id = leaf; id !== undefined; id = parents.get(id)) {
    const part = PARTS.find(([, pattern]) => pattern.test(names.get(id)));
    if (part !== undefined) return part[0];
  }
  return REST;
}

const partsById = new Map(nodes.map(({ id }) => [id, partOf(id)]));
const microseconds = new Map();
let [now, busy, all] = [startTime, 0, 0];
samples.forEach((id, index) => {
  now += timeDeltas[index];
  if (now < startTime + Number(from) * 1e6) return;
  all += timeDeltas[index];
  const part = partsById.get(id);
  if (part === undefined) return;
  busy += timeDeltas[index];
  microseconds.set(part, (microseconds.get(part) ?? 0) + timeDeltas[index]);
});
const rows = [...microseconds].toSorted(([, a], [, b]) => b - a);
const table = {
  columns: ['part', 'share'],
  rows: rows.map(([part, time]) => [part, `${((100 * time) / busy).toFixed(1)} %`]),
};
console.log(drawn(table).join('\n'));
console.log(`\nThe thread was busy for ${((100 * busy) / all).toFixed(0)} % of ${(all / 1e6).toFixed(1)} s.`);
