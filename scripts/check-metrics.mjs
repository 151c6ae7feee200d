#!/usr/bin/env node
import { requireNode } from './lib/check-node.mjs';

requireNode();

const help = `Usage: npm run metrics:check

Checks with Prometheus's promtool, which must be installed (Debian: apt-get install prometheus): the metrics of a real api
and a real worker, which are started for it on a database of their own, and the alerts of ops/prometheus with their tests.`;

const RULES = 'ops/prometheus/rules.yml';
const RULE_TESTS = 'ops/prometheus/rules.test.yml';

void import('./lib/command.mjs').then(({ runScript }) =>
  runScript(help, async ({ signal }) => {
    const { prepareProgram } = await import('./lib/prepare-program.mjs');
    const { promtool } = await import('./lib/promtool.mjs');
    const { scrapePrograms } = await import('./lib/scrape-programs.mjs');
    const { step } = await import('./lib/terminal.mjs');
    await step('promtool', async () => / version (\S+)/.exec(await promtool(['--version'], { signal }))?.[1]);
    await prepareProgram({ signal });
    await step('rules', async () => /\d+ rules/.exec(await promtool(['check', 'rules', RULES], { signal }))?.[0]);
    await step('tests', async () => void (await promtool(['test', 'rules', RULE_TESTS], { signal })));
    await scrapePrograms({ signal }, (name, page) =>
      step(name, async () => {
        await promtool(['check', 'metrics'], { signal, input: page });
        return `${page.match(/^# TYPE /gm).length} metrics in ${page.match(/^[a-z]/gm).length} series`;
      }),
    );
  }),
);
