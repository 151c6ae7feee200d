import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';

const LOOK_EVERY_MS = 5_000;
/** Longer than any script of the queue takes. */
const PATIENCE_MS = 5_000;

/**
 * Ends a link on which no answer comes any more, so that the client makes another: a server that vanishes without a word leaves one
 * behind that the system would keep for a quarter of an hour.
 */
export function watchLink(client: Redis | Cluster): void {
  if (client instanceof Cluster) client.on('+node', (node: Redis) => watchNode(node));
  else watchNode(client);
}

function watchNode(node: Redis): void {
  const timer = setInterval(() => void look(node), LOOK_EVERY_MS).unref();
  node.once('end', () => clearInterval(timer));
}

async function look(node: Redis): Promise<void> {
  if (node.status !== 'ready') return;
  const { stream } = node;
  const heard = node.ping().then(
    () => true,
    () => false,
  );
  const answered = await Promise.race([heard, delay(PATIENCE_MS, false, { ref: false })]);
  if (!answered && node.stream === stream) stream.destroy(new Error(`no answer within ${PATIENCE_MS} ms`));
}
