import { rm } from 'node:fs/promises';

/** Ends the server of the tests and removes its folder. */
export default async function globalTeardown() {
  const { server, folder, undertaker } = globalThis.interlockTestServer;
  await server.stop(2_000);
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  undertaker.stdin.end();
}
