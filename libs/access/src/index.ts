export { AccessModule } from './access.module.js';
export { type Actor, includesRole, type Role } from './actor.js';
export { type Authentication, Authenticator } from './authenticate.js';
