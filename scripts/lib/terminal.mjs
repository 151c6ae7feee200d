const ERASE_LINE = '\r\x1b[2K';
const live = process.stdout.isTTY && process.env.CI === undefined;

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
 */
export async function step(name, work) {
  const begin = performance.now();
  const label = `  ${name.padEnd(10)}`;
  let doing = '…';
  const draw = () =>
    live && process.stdout.write(`${ERASE_LINE}${label}${doing} ${dim(seconds(begin))}`.slice(0, columns()));
  draw();
  const timer = setInterval(draw, 200);
  // Without a terminal a long step is announced, so that a silent log can be told from a hanging program.
  const announcement = live ? undefined : setTimeout(() => say(`${label}…`), 1_000);
  const onProgress = (text) => {
    doing = `${text} …`;
    draw();
  };
  try {
    const outcome = await work(onProgress);
    finish(`${label}${(outcome ?? 'done').padEnd(48)} ${dim(seconds(begin))}`);
  } catch (error) {
    finish(`${label}${error.name === 'AbortError' || error.exitStatus ? 'stopped' : 'failed'} ${dim(seconds(begin))}`);
    throw error;
  } finally {
    clearInterval(timer);
    clearTimeout(announcement);
  }
}

function finish(line) {
  process.stdout.write(`${live ? ERASE_LINE : ''}${line.trimEnd()}\n`);
}

function columns() {
  return (process.stdout.columns ?? 80) + 8; // the 8 are the invisible codes of the dimmed seconds
}

function seconds(begin) {
  return `${((performance.now() - begin) / 1000).toFixed(1)} s`;
}
