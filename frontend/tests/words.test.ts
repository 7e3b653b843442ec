import { expect, test } from "vitest";
import { confidenceInWords, examinedInWords, measurementInWords, rateInWords, shareOfFakes } from "../src/text/words";
import { answer, plain } from "./answers";

test("an inconclusive answer is not told as a confident one", () => {
  expect(plain(confidenceInWords("fake", "Fake", 0.8))).toBe(
    "80 % confident that Fake is the right one of the two labels.",
  );
  expect(plain(confidenceInWords("inconclusive", "Fake", 0.6))).toContain("too close to call");
});

test("no confidence is certain", () => {
  expect(plain(confidenceInWords("fake", "Fake", 0.9999))).toMatch(/^99 %/);
});

test("an error rate is told with its interval and its size", () => {
  const rate = { value: 0.107, low: 0, high: 0.278, files: 6173 };
  expect(plain(rateInWords(rate, "real videos"))).toBe(
    "11 % (0 % to 28 % with 95 % confidence), measured on 6,173 real videos",
  );
});

test("shares of fakes are told as people count", () => {
  expect([0.5, 0.1, 0.01].map(shareOfFakes)).toEqual(["half of the files are", "1 file in 10 is", "1 file in 100 is"]);
});

test("what was examined is counted", () => {
  expect(plain(examinedInWords(answer(0.8).details))).toBe(
    "3 instants, spread over 2.5 s; 5 faces judged in 4 frames.",
  );
});

test("a measurement is told in its own unit, with its bound", () => {
  const facts = { value: 0.88, threshold: 0.5, time_span: [1, 8.3], track: 2 };
  expect(plain(measurementInWords({ ...facts, code: "fake_span" }))).toBe(
    "Measured 88 % · bound 50 % · face 2 · 1.0 s to 8.3 s",
  );
  expect(
    plain(measurementInWords({ code: "small_face", value: 40.2, threshold: 64, time_span: null, track: null })),
  ).toBe("Measured 40 pixels · bound 64 pixels");
});
