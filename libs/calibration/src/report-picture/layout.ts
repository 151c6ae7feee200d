import type { Box } from './text-box.js';

/** The picture's size. Narrow, so that its texts can be read where it is shown in the width of a telephone. */
export const WIDTH = 480;
export const HEIGHT = 694;
export const MARGIN = 16;

/** Where forecast and observed rate are compared: both axes from 0 to 1. */
export const PLOT: Box = { left: 66, right: 462, top: 86, bottom: 482 };
/** Where the counts are, over the same horizontal axis. */
export const HISTOGRAM: Box = { left: PLOT.left, right: PLOT.right, top: 502, bottom: 592 };

/** Dark enough against white, and light and dark enough against each other, to be told apart in grey. */
export const INK = '#1a1a1a';
export const FAINT_INK = '#595959';
export const POINT = '#0b4f8a';
export const RANGE = '#5f93c4';
export const BAR = '#8fb2d3';
export const GRID = '#e3e6ea';
export const AXIS = '#8a8f96';

/** Horizontal position of a probability. */
export function xOf(probability: number): number {
  return PLOT.left + probability * (PLOT.right - PLOT.left);
}

/** Vertical position of an observed rate. */
export function yOf(rate: number): number {
  return PLOT.bottom - rate * (PLOT.bottom - PLOT.top);
}
