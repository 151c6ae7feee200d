/** A rectangle in the picture's units; y grows downwards. */
export interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/**
 * Estimated width of a text set in a sans-serif typeface, in the units of its size: rather too wide than too narrow, after the advance
 * widths of DejaVu Sans, the widest of those that usually stand in for `sans-serif`.
 */
export function textWidth(text: string, size: number, bold = false): number {
  const widths = Array.from(text, (character) => {
    if (/[ .,:;'|!ijlIft()[\]/-]/.test(character)) return 0.4;
    if (/[0-9a-z–·=]/.test(character)) return /[mw]/.test(character) ? 0.98 : 0.64;
    if (/[A-Z%]/.test(character)) return /[MW%]/.test(character) ? 0.99 : 0.72;
    return 1;
  });
  return widths.reduce((sum, width) => sum + width, 0) * size * (bold ? 1.1 : 1);
}

/** The text, cut short with an ellipsis where it is wider than `width`. */
export function shortened(text: string, size: number, width: number, bold = false): string {
  const characters = Array.from(text);
  if (textWidth(text, size, bold) <= width) return text;
  while (characters.length > 0 && textWidth(`${characters.join('')}…`, size, bold) > width) characters.pop();
  return `${characters.join('')}…`;
}
