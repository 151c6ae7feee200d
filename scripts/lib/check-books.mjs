import { userInfo } from 'node:os';
import { compile } from './compile.mjs';
import { requireCurrentSchema, withDatabase } from './database.mjs';
import { built } from './environment.mjs';
import { install } from './install.mjs';
import { prepareProgram } from './prepare-program.mjs';
import { explain, StopRequested, UsageError } from './refusal.mjs';
import { bold, say, step } from './terminal.mjs';

const DIFFERS = 1;
const CANNOT_TELL = 2;

/** Compares the books with the venues, and prints what it found and, where that is wished, booked. @returns the exit status */
export function reconcile(values, signal) {
  const { venue, json } = values;
  const why = acceptanceIn(values);
  return unlessItFails(async () => {
    // Of JSON nothing else may be printed.
    if (json) {
      await install({ signal });
      await compile({ signal });
    } else await prepareProgram({ signal });
    const results = await onCurrentSchema(signal, async (url, books) => {
      const known = await books.venueNames(url);
      if (venue !== undefined && !known.includes(venue))
        throw new UsageError(`No venue ${venue} is configured; there is ${known.join(', ')}.`);
      const names = venue === undefined ? known : [venue];
      if (why === undefined) return books.compareVenues(url, names);
      if (names.length > 1) throw new UsageError(`Say with --venue whose cash it is: ${names.join(', ')}.`);
      const acceptance = await books.acceptCashOf(url, names[0], why);
      if (!json) printAcceptance(acceptance);
      return [{ ...(acceptance.after ?? acceptance.before), accepted: acceptance.accepted }];
    });
    if (json) say(JSON.stringify(results));
    else if (why === undefined) for (const result of results) printComparison(result);
    const statuses = results.map(statusOf);
    return statuses.includes(DIFFERS) ? DIFFERS : Math.max(0, ...statuses);
  });
}

/** Why and by whom a difference in cash is to be booked; undefined when it is not to be. */
function acceptanceIn({ 'accept-cash': isWished, reason, by }) {
  if (!isWished) {
    if (reason !== undefined || by !== undefined) throw new UsageError('--reason and --by belong to --accept-cash.');
    return undefined;
  }
  if (!isPlain(reason, 500)) throw new UsageError('--accept-cash needs a --reason of 1 to 500 characters.');
  if (by !== undefined && !isPlain(by, 100)) throw new UsageError('--by must be a name of 1 to 100 characters.');
  return { reason, by: by ?? systemUser() };
}

function isPlain(text, longest) {
  return text !== undefined && text.trim() !== '' && text.length <= longest;
}

function systemUser() {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `user ${process.getuid?.() ?? 'unknown'}`;
  }
}

/** Checks the ledger against its journal, and prints what it found. @returns the exit status */
export function ledgerCheck(signal) {
  return unlessItFails(async () => {
    await prepareProgram({ signal });
    let check;
    await onCurrentSchema(signal, (url, books) =>
      step('replay', async (onProgress) => {
        check = await books.checkLedger(url, (done, total) => onProgress(`${count(done)} of ${count(total)} postings`));
        return `${count(check.postings)} postings`;
      }),
    );
    for (const { what, journal, stored } of check.differences) {
      say(`  differs   ${what}: ${journal} by the journal, ${stored} stored`);
    }
    const untold = check.differenceCount - check.differences.length;
    if (untold > 0) say(`  … and ${count(untold)} more`);
    const result = check.differenceCount === 0 ? 'all agree' : differences(check.differenceCount);
    say(
      `\n${bold(result)}: ${count(check.postings)} postings, ${count(check.positions)} positions, ${count(check.accounts)} accounts, ` +
        `${count(check.workingOrders)} working orders, replayed in ${(check.durationMs / 1000).toFixed(1)} s`,
    );
    return check.differenceCount === 0 ? 0 : DIFFERS;
  });
}

/** Nothing may be mistaken for a difference: whatever fails ends with a status of its own. */
async function unlessItFails(work) {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StopRequested || error instanceof UsageError) throw error;
    explain(error);
    return CANNOT_TELL;
  }
}

function onCurrentSchema(signal, work) {
  return withDatabase({ signal }, async (url) => {
    await requireCurrentSchema(url);
    return work(url, await import(built('apps/cli/check-books.js')));
  });
}

function printComparison(result) {
  if (result.kind === 'failed') {
    say(`\n${bold(result.venue)} could not be compared: ${result.reason}`);
    return;
  }
  const { venue, account, items, inFlight, isComplete, reserved } = result;
  say(`\n${bold(venue)}, account ${account}\n`);
  const rows = items.map((item) => [item.kind, item.key, shown(item.ledger), shown(item.venue), markOf(result, item)]);
  const header = ['', '', 'ledger', 'venue', ''];
  printTable([header, ...rows, ['reserved', account, reserved.ledger, reserved.venue, 'not compared']]);
  say();
  if (inFlight > 0) say(`  ${count(inFlight)} orders are on their way and were left out.`);
  if (!isComplete) say('  Trading went on meanwhile: cash, and what was traded, could not be compared. Try again.');
  say(`  ${summaryOf(result)}`);
}

function printAcceptance({ before, accepted, after }) {
  printComparison(before);
  if (accepted?.kind === 'nothing') say('  Nothing was booked: cash does not differ.');
  if (accepted?.kind === 'refused') say(`  Nothing was booked: ${accepted.reason}.`);
  if (accepted?.kind !== 'booked') return;
  const { transferId, venue, account, amount, cash, reason, bookedBy } = accepted.transfer;
  const what = amount.startsWith('-') ? `withdrawal of ${amount.slice(1)}` : `deposit of ${amount}`;
  say(`\n${bold(`Booked a ${what}`)} on ${venue}, account ${account}; its cash is ${cash} now.`);
  say(`  Transfer ${transferId}, by ${bookedBy}: ${reason}`);
  say('  Positions, orders and switches are as they were.');
  printComparison(after);
}

function summaryOf({ items, differences: found, isComplete }) {
  if (found.length > 0) return bold(`${differences(found.length)} in ${count(items.length)} that were compared`);
  return bold(`${count(items.length)} compared, ${isComplete ? 'all agree' : 'all of them agree'}`);
}

function markOf({ differences: found }, { kind, key, by }) {
  const differs = found.some((item) => item.kind === kind && item.key === key);
  if (!differs) return '';
  return by === null ? '<- differs' : `<- differs by ${by}`;
}

function statusOf(result) {
  if (result.kind === 'failed') return CANNOT_TELL;
  if (result.differences.length > 0) return DIFFERS;
  return result.isComplete ? 0 : CANNOT_TELL;
}

function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows) say(`  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd());
}

function shown(text) {
  return text ?? '-';
}

function differences(n) {
  return n === 1 ? '1 difference' : `${count(n)} differences`;
}

function count(n) {
  return n.toLocaleString('en');
}
