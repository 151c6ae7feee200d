import { bold, say } from './terminal.mjs';

/** Tells where everything is. */
export function welcome({ api, tokenPlace, database }) {
  say();
  say(`  ${bold('Interlock is ready')}`);
  say();
  say(`  address      ${api}`);
  say(`  docs         ${api}/docs`);
  say(`  admin token  ${tokenPlace}`);
  if (database) say(`  database     data in ${database.data}, log in ${database.log}`);
}

/** Commands to copy. */
export function tryNext({ api, tokenCommand }) {
  const start = '{"mode":"mock","dryRun":false,"pipeline":"calibration","input":{"dataset":"sample"}}';
  const post = `curl -X POST -H "authorization: Bearer $TOKEN" -H 'content-type: application/json'`;
  say();
  say('  To try next, in another terminal:');
  say();
  say(`    TOKEN=${tokenCommand ? `$(${tokenCommand})` : '…'}`);
  say(`    curl ${api}/health`);
  say(`    ${post} ${api}/execution/start -d '${start}'`);
  say(`    curl -H "authorization: Bearer $TOKEN" '${api}/runs?limit=5'`);
  say(`    ${post} ${api}/execution/stop -d '{"reason":"trying the kill switch"}'`);
  say(`    ${post} ${api}/execution/stop -d '{"enabled":false}'`);
  say();
  say('  Ctrl-C ends everything. Log lines follow.');
  say();
}
