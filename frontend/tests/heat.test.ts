import { expect, test } from "vitest";
import { coloured, FULL_OPACITY, heatOf, heatPixels } from "../src/frames/heat";

const MAP = [
  [-9, 1.9],
  [2, 4],
  [6, 60],
];

test("only what lies above the threshold is coloured, fully from four logits on", () => {
  const heat = heatOf(MAP, 2);
  expect([...heat.opacities]).toEqual([0, 0, 0, 0.5, 1, 1].map((part) => Math.fround(part * FULL_OPACITY)));
  expect(coloured(heat)).toBe(3);
});

test("the same map says less above a higher threshold", () => {
  expect(coloured(heatOf(MAP, 5))).toBe(2);
});

test("a pixel for each area, all of one colour", () => {
  const pixels = heatPixels(heatOf(MAP, 2), [1, 2, 3]);
  expect(pixels).toHaveLength(2 * 3 * 4);
  expect([...pixels.slice(0, 4)]).toEqual([1, 2, 3, 0]);
  expect([...pixels.slice(-4)]).toEqual([1, 2, 3, 255 * FULL_OPACITY]);
});
