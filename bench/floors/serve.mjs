import { once } from 'node:events';

/** Listens on a free port, says where, and ends with its parent. */
export async function serve(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  console.log(JSON.stringify({ address: `http://127.0.0.1:${server.address().port}` }));
  process.once('disconnect', () => process.exit(0));
  process.once('SIGTERM', () => process.exit(0));
}
