import { expect, test } from "vitest";
import { Failure } from "../src/api/failure";
import type { Phase } from "../src/files/items";
import { phaseInWords, shareDone, stageInWords } from "../src/files/phase_words";
import { answer, plain } from "./answers";

const EXAMINING: Phase = { kind: "working", stage: "examining", examined: 5, expected: 16 };

test.each<[Phase, string, number | null]>([
  [{ kind: "queued" }, "Waiting for the files before it", null],
  [{ kind: "sending", sent: 512 * 1024, total: 1024 * 1024 }, "Sending: 512 kB of 1 MB", 0.5],
  [{ kind: "working", stage: "waiting", examined: 0, expected: null }, "Sent; waiting for its turn", null],
  [EXAMINING, "Examining: 5 of 16 instants", 5 / 16],
  [{ ...EXAMINING, expected: null }, "Examining: 5 instants so far", null],
  [{ ...EXAMINING, expected: 4 }, "Examining: 5 of 5 instants", 1],
  [{ ...EXAMINING, stage: "drawing" }, "Drawing the frames", 1],
  [{ kind: "failed", failure: new Failure("busy", "Too much to do.") }, "Too much to do.", null],
])("%j is told as %s", (phase, words, share) => {
  expect(plain(phaseInWords(phase))).toBe(words);
  expect(shareDone(phase)).toBe(share);
});

test("what is read out does not change with every count", () => {
  expect(plain(stageInWords(EXAMINING))).toBe(stageInWords({ ...EXAMINING, examined: 6 }));
});

test("of a failure it is read out once why: by its message", () => {
  expect(stageInWords({ kind: "failed", failure: new Failure("busy", "Too much to do.") })).toBe("Not judged");
});

test("what is read out in the end has the confidence, unless it is inconclusive", () => {
  const done = { kind: "done", judgedAt: new Date(), framesAreKept: true } as const;
  expect(plain(stageInWords({ ...done, answer: answer(0.8) }))).toBe("Moderate evidence of manipulation, 80 %");
  const unclear = answer(0.6, { verdict: "inconclusive", headline: "Inconclusive" });
  expect(plain(stageInWords({ ...done, answer: unclear }))).toBe("Inconclusive");
});
