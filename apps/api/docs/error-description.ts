import type { ErrorFields } from '../http/api-error.js';
import type { Reference, Schema } from './document-types.js';

/** Headers that come with some errors; they are described in `components.headers`. */
export type ErrorHeader = 'allow' | 'retry-after' | 'www-authenticate';

export interface ErrorDescription {
  /** When it is answered, as one sentence or two for somebody who meets it for the first time. */
  readonly when: string;
  /** A real answer's message and fields. */
  readonly example: { readonly message: string } & ErrorFields;
  /** What it always holds beside code, message and request id. */
  readonly fields?: Readonly<Record<string, Schema | Reference>>;
  /** What it may hold besides, depending on what was asked for. */
  readonly optionalFields?: Readonly<Record<string, Schema | Reference>>;
  /** Headers that it has. */
  readonly headers?: readonly ErrorHeader[];
}
