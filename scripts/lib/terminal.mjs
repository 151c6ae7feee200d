import { StopRequested } from './refusal.mjs';

const ERASE_LINE = '\r\x1b[2K';
/** Whether lines may be drawn anew, since a person looks on. */
export const live = process.stdout.isTTY && process.env.CI === undefined;

// Whoever read our output may have gone (`npm start | head`). That must not end the program: its children would be left alone.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const style = (code) => (text) => (live && !process.env.NO_COLOR ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = style(1);
export const dim = style(2);

/** Prints a line. */
export function say(text = '') {
  process.stdout.write(`${text}\n`);
}

/** Prints a line about a part of the system that has run before. */
export function report(text) {
  say(`interlock: ${text}`);
}

/**
 * Carries out a step and shows how it goes: on a terminal a line with the seconds so far, elsewhere plain lines.
 * @param work gets a function to tell what it is doing; what it returns (a short text, or nothing) is shown at the end
 * @param options `talkative` for work during which other lines are printed, which a live line would be torn by
 */
export async function step(name, work, { talkative = false } = {}) {
  const begin = performance.now();
  const label = `  ${name.padEnd(10)}`;
  const drawing = live && !talkative;
  let doing = '…';
  const draw = () => {
    const room = (process.stdout.columns || 80) - seconds(begin).length - 2;
    if (drawing) process.stdout.write(`${ERASE_LINE}${`${label}${doing}`.slice(0, room)} ${dim(seconds(begin))}`);
  };
  draw();
  const timer = setInterval(draw, 200);
  // Without a live line a long step is announced, so that a silent log can be told from a hanging program.
  const announcement = drawing ? undefined : setTimeout(() => say(`${label}…`), 1_000);
  const onProgress = (text) => {
    doing = `${text} …`;
    draw();
  };
  const finish = (outcome) => say(`${drawing ? ERASE_LINE : ''}${label}${outcome} ${dim(seconds(begin))}`);
  try {
    finish(((await work(onProgress)) ?? 'done').padEnd(48));
  } catch (error) {
    finish(error instanceof StopRequested ? 'stopped' : 'failed');
    throw error;
  } finally {
    clearInterval(timer);
    clearTimeout(announcement);
  }
}

function seconds(begin) {
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
}
