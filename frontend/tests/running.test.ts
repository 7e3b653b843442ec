import { expect, test } from "vitest";
import type { Answer } from "../src/api/types";
import { ENOUGH, remember, runningOf, WINDOW } from "../src/live/running";
import { answer } from "./answers";

const NO_FACE = answer(0.5, { basis: "whole_frame", verdict: "inconclusive" });

function judged(...probabilities: number[]): Answer[] {
  return probabilities.map((probability) => answer(probability, { basis: "face_picture" }));
}

test("nothing is said of too few pictures", () => {
  expect(runningOf(judged(...Array<number>(ENOUGH - 1).fill(0.9)))).toEqual({ kind: "gathering", judged: ENOUGH - 1 });
});

test("the middle picture speaks for all, so that a single outlier does not", () => {
  const running = runningOf(judged(0.1, 0.2, 0.99, 0.3, 0.15));
  expect(running.kind === "verdict" && running.middle.details.fake_probability).toBe(0.2);
  expect(running.kind === "verdict" && running.fake).toBe(1);
});

test("of an even number the more cautious of the two in the middle speaks", () => {
  const running = runningOf(judged(0.1, 0.2, 0.3, 0.7, 0.8, 0.9));
  expect(running.kind === "verdict" && running.middle.details.fake_probability).toBe(0.3);
});

test("without a face in most pictures nothing is judged", () => {
  expect(runningOf([...judged(0.9, 0.9), NO_FACE, NO_FACE, NO_FACE]).kind).toBe("no_face");
});

test("old pictures are forgotten", () => {
  const all = judged(...Array<number>(WINDOW).fill(0.1));
  const after = remember(all, NO_FACE);
  expect(after).toHaveLength(WINDOW);
  expect(after.at(-1)).toBe(NO_FACE);
});
