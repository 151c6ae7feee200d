/**
 * Exits with 0 when the program of this container is ready. The image runs either of two programs: the one that is not there
 * refuses the connection.
 */
const PATIENCE_MS = 3_000;
const addresses = [
  `http://127.0.0.1:${process.env.PORT ?? 3000}/api/health/ready`,
  `http://127.0.0.1:${process.env.WORKER_PORT ?? 3001}/health/ready`,
];

const answers = await Promise.allSettled(
  addresses.map((address) => fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) })),
);
const statuses = answers.filter(({ status }) => status === 'fulfilled').map(({ value }) => value.status);
if (statuses.length === 0) process.stderr.write('No program answers.\n');
else if (statuses.some((status) => status !== 200)) process.stderr.write(`Not ready: HTTP ${statuses.join(', ')}.\n`);
process.exit(statuses.length > 0 && statuses.every((status) => status === 200) ? 0 : 1);
