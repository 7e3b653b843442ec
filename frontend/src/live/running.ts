/** A verdict on the last pictures of a camera. Each picture is judged alone; the middle one speaks for all. */

import type { Answer } from "../api/types";

export const WINDOW = 20; // pictures
export const ENOUGH = 5; // pictures with a face, before anything is said

export type Running =
  | { kind: "gathering"; judged: number }
  | { kind: "no_face" }
  | { kind: "verdict"; middle: Answer; fake: number; judged: number };

/** The last pictures with a new one. */
export function remember(answers: readonly Answer[], answer: Answer): readonly Answer[] {
  return [...answers, answer].slice(-WINDOW);
}

/** What they say together. */
export function runningOf(answers: readonly Answer[]): Running {
  const judged = answers.filter((answer) => answer.details.basis !== "whole_frame");
  if (answers.length >= ENOUGH && judged.length * 2 < answers.length) return { kind: "no_face" };
  if (judged.length < ENOUGH) return { kind: "gathering", judged: judged.length };
  const byScore = [...judged].sort((one, other) => one.details.fake_probability - other.details.fake_probability);
  return {
    kind: "verdict",
    middle: byScore[Math.floor((byScore.length - 1) / 2)]!,
    fake: judged.filter((answer) => answer.prediction === "Fake").length,
    judged: judged.length,
  };
}
