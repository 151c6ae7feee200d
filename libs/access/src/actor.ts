/** Roles, each containing the ones before it. */
export const ROLES = ['observer', 'operator', 'risk-officer', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Somebody who calls: a person or a program behind a token, or the system itself. */
export interface Actor {
  /** As it shows in events and on switches. */
  readonly name: string;
  readonly role: Role;
}

/** True when `role` may do what `needed` may do. */
export function includesRole(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
