/*
 * A process that admits orders as an api does, without HTTP: made from what `npm run build` has compiled. Its argument is the database's
 * address. Told `{ order, count }`, it asks for the order so many times at once, and says how often each answer came.
 */
import { openOrdersProgram } from '../../bench/lib/orders-program.mjs';
import { built } from '../../scripts/lib/environment.mjs';

const program = await openOrdersProgram(process.argv[2], { ORDER_RATE_LIMIT_PER_MIN: '1000000', LOG_LEVEL: 'fatal' });
const { PlaceOrders } = await import(built('libs/orders/src/index.js'));

// Whoever started us is gone.
process.once('disconnect', () => process.exit());

process.on('message', ({ order, count }) => {
  const placed = Array.from({ length: count }, () => program.execute(new PlaceOrders([order], 'tester')));
  // What fails ends the process, and with it the test.
  void Promise.all(placed).then((results) => process.send({ answers: countsOf(results) }));
});
process.send({ answers: {} });

function countsOf(results) {
  const answers = {};
  for (const [result] of results) {
    const answer = result.kind === 'refused' ? result.refusal.code : result.kind;
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return answers;
}
