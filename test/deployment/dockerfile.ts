import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly name: string;
  /** All after the name, continuation lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly name: string;
  readonly image: string;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, with the defaults of its ARGs put in. */
export function readDockerfile(path: string): Stage[] {
  const lines = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const defaults = new Map<string, string>();
  const stages: { name: string; image: string; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', raw = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    const text = raw.replaceAll(/\$\{(\w+)\}/g, (_, variable: string) => defaults.get(variable) ?? '');
    if (name === 'ARG') defaults.set(...(text.split('=') as [string, string]));
    const [, image = '', stage = ''] = name === 'FROM' ? (/^(\S+) AS (\S+)$/.exec(text) ?? []) : [];
    if (name === 'FROM') stages.push({ name: stage, image, instructions: [] });
    else stages.at(-1)?.instructions.push({ name, text });
  }
  return stages;
}

/** The command of an instruction in its JSON form. */
export function commandOf(stage: Stage, name: 'CMD' | 'ENTRYPOINT' | 'HEALTHCHECK'): string[] {
  const found = stage.instructions.find((instruction) => instruction.name === name);
  return JSON.parse(/\[.*\]$/.exec(found?.text ?? '')?.[0] ?? '[]') as string[];
}

/** The variables that a stage sets. */
export function environmentOf(stage: Stage): Record<string, string> {
  const pairs = stage.instructions
    .filter(({ name }) => name === 'ENV')
    .flatMap(({ text }) => text.split(/\s+/).map((pair) => pair.split('=') as [string, string]));
  return Object.fromEntries(pairs);
}

/** Tells which paths of the context a .dockerignore keeps from the engine: the last line that matches decides. */
export function ignoredBy(path: string): (file: string) => boolean {
  const rules = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const keeps = line.startsWith('!');
      const body = line
        .replace('!', '')
        .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
        .replaceAll(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(?:.*/)?'));
      return { keeps, pattern: new RegExp(`^${body}(?:/|$)`) };
    });
  return (file) => rules.findLast(({ pattern }) => pattern.test(file))?.keeps === false;
}
