#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run paper:play -- [options]

Plays recorded prices into the paper venue of a running system: around each price it shows a book of others, for YES and for NO, over
PUT /api/paper/markets/<market_id>. Resting orders that a new book reaches are filled. Ctrl-C ends it; the books stay as they are.

  --file <path>      JSON list of { market_id, prices }; default: the bundled, made-up libs/venues/data/sample-series.json
  --speed <n>        how many times faster than real; default 1
  --interval <s>     seconds from one price to the next at speed 1; default 60
  --spread <price>   between best bid and best ask; default 0.02
  --depth <shares>   shares at each level; default 100
  --levels <n>       levels on either side, a tick apart; default 3
  --tick <price>     default 0.001
  --rules <name>     how takers are charged: free (default), polymarket or kalshi
  --fee-rate <n>     of the rules polymarket; default 0

  INTERLOCK_URL      the api (http://127.0.0.1:PORT)
  ADMIN_API_TOKEN    a token of role operator or above; without it the one in INTERLOCK_HOME/admin-token`;

const text = (value) => ({ type: 'string', ...(value === undefined ? {} : { default: value }) });
const options = {
  file: text(),
  speed: text('1'),
  interval: text('60'),
  spread: text('0.02'),
  depth: text('100'),
  levels: text('3'),
  tick: text('0.001'),
  rules: text('free'),
  'fee-rate': text('0'),
};

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(
    help,
    async ({ signal, values }) => {
      const { paperPlay } = await import('./lib/paper-play.mjs');
      await paperPlay(values, signal);
    },
    { options },
  ),
);
