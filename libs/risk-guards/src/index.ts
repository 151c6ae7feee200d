export { maximumPosition } from './maximum-position.js';
export type { GuardRefusal } from './refusal.js';
