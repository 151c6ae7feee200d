export {
  type EmbeddedServer,
  type EmbeddedServerOptions,
  findEmbeddedServer,
  startEmbeddedServer,
} from './embedded-server.js';
