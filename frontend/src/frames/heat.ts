/** The network's map of logits as a picture to lay over a frame: as the service draws it, from the same numbers. */

export const FULL_LOGIT = 4; // above the threshold, where the colour is full; the service's own scale
export const FULL_OPACITY = 0.6;

/** A logit map with the logit at which Real and Fake are equally likely. */
export interface Heat {
  rows: number;
  columns: number;
  opacities: Float32Array; // 0 to FULL_OPACITY, row by row; 0 at and below the threshold
}

/** How strongly each area speaks for fake. What does not is left without colour: it does not prove anything. */
export function heatOf(logitMap: readonly (readonly number[])[], threshold: number): Heat {
  const logits = logitMap.flat();
  const opacities = Float32Array.from(
    logits,
    (logit) => Math.min(Math.max((logit - threshold) / FULL_LOGIT, 0), 1) * FULL_OPACITY,
  );
  return { rows: logitMap.length, columns: logitMap[0]?.length ?? 0, opacities };
}

/** How many areas are coloured at all. */
export function coloured(heat: Heat): number {
  return heat.opacities.filter((opacity) => opacity > 0).length;
}

/** One pixel an area, in one colour (red, green, blue), of the opacities. */
export function heatPixels(heat: Heat, [red, green, blue]: readonly [number, number, number]): Uint8ClampedArray {
  const pixels = new Uint8ClampedArray(4 * heat.opacities.length);
  heat.opacities.forEach((opacity, place) => pixels.set([red, green, blue, Math.round(255 * opacity)], 4 * place));
  return pixels;
}
