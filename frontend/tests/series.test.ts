import { expect, test } from "vitest";
import { seriesOf } from "../src/chart/series";
import { answer } from "./answers";

test("a face has a score at the instants at which it was seen, and a gap at the others", () => {
  const { frames, tracks } = answer(0.8).details;
  expect(seriesOf(frames, tracks).map(({ track, scores }) => [track.number, scores])).toEqual([
    [1, [0.8, 0.9, 0.4]],
    [2, [null, 0.1, null]],
  ]);
});
