export { type EmbeddedServer, findEmbeddedServer, startEmbeddedServer } from './embedded-server.js';
