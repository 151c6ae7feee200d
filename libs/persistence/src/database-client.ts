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
  constructor(config?: ClientConfig) {
    super(config);
    const query = this.query.bind(this) as (...parameters: unknown[]) => unknown;
    const watched = (...parameters: unknown[]): unknown => {
      const answer = query(...parameters);
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

  /** Closes the connection at once: statements under way fail, the server rolls back, the pool forgets it. */
  cut(): void {
    // Marks it as ending at once: only after the socket's own end would node-postgres and its pool know.
    this.end().catch(() => undefined);
    this.connection.stream.destroy();
  }
}
