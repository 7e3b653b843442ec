/** Lines that are told apart by colour and by dashes; both repeat after all combinations. */

const COLOURS = 6; // --line-1 to --line-6 in the style sheet
const DASHES: readonly (readonly number[])[] = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

/** The custom property that holds the colour of a line. */
export function lineColour(place: number): string {
  return `--line-${(place % COLOURS) + 1}`;
}

/** Lengths of strokes and gaps, in CSS pixels. */
export function lineDashes(place: number): number[] {
  return [...DASHES[place % DASHES.length]!];
}
