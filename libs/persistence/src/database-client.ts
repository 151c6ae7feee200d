import { Client, type ClientConfig } from 'pg';
import { isLateAnswer, isReadOnly } from './database-errors.js';

/**
 * A connection that is closed as soon as nobody should use it any more.
 *
 * When an answer does not come within `query_timeout`, node-postgres tells so and keeps the connection, on which that answer is
 * still due; whoever the pool lends it to next waits behind the lost statement, once more for the whole timeout. And a server that
 * takes no writes stays one, after a failover say, while a new connection may lead to the one that does.
 */
export class DatabaseClient extends Client {
  /**
   * While it is true, statements are sent without waiting for the answers to those before. The server carries them out in their order;
   * each is answered, or fails, on its own. Cursors and copies do not go through.
   */
  declare pipeline: boolean;
  private statementSent: (() => void) | undefined;

  constructor(config?: ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...parameters: unknown[]) => unknown;
    const watched = (...parameters: unknown[]): unknown => {
      const answer = query(...parameters);
      this.statementSent?.();
      this.statementSent = undefined;
      if (answer instanceof Promise) {
        answer.catch((error: unknown) => {
          if (isLateAnswer(error) || isReadOnly(error)) this.cut();
        });
      }
      return answer;
    };
    this.query = watched as Client['query'];
    // Whoever uses the connection hears of its loss by the statement that fails; without any listener the process would end.
    this.on('error', () => undefined);
  }

  /** Resolves as soon as the next statement was handed to the connection, so that whatever follows comes behind it. */
  nextStatement(): Promise<void> {
    return new Promise((resolve) => {
      this.statementSent = resolve;
    });
  }

  /** Closes the connection at once: statements under way fail, the server rolls back, the pool forgets it. */
  cut(): void {
    // Marks it as ending at once: only after the socket's own end would node-postgres and its pool know.
    this.end().catch(() => undefined);
    this.connection.stream.destroy();
  }
}
