import { expect, test } from "vitest";
import {
  confidenceInWords,
  examinedInWords,
  measurementInWords,
  notExamined,
  rateInWords,
  shareOfFakes,
} from "../src/text/words";
import { answer, plain } from "./answers";

test("an inconclusive answer is not told as a confident one", () => {
  expect(plain(confidenceInWords(answer(0.8)))).toContain("80 % confident that Fake is the right one");
  const unclear = plain(confidenceInWords(answer(0.8, { verdict: "inconclusive" })));
  expect(unclear).toContain("80 %: not enough to rely on");
  expect(unclear).not.toContain("confident");
});

test("no confidence is certain", () => {
  expect(plain(confidenceInWords(answer(0.9999)))).toMatch(/^99 %/);
});

test("a confidence is told with the share of fakes that it supposes", () => {
  expect(plain(confidenceInWords(answer(0.8)))).toContain("supposing that 40 % of such files are fake");
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

test("what was not examined is told of faces, and of their absence", () => {
  const { details } = answer(0.8);
  expect(notExamined(details)).toEqual(["sound", "everything in the picture that is not a face"]);
  expect(notExamined({ ...details, basis: "whole_frame" })).toEqual(["sound", "faces, since none was found"]);
});

const FACTS = { time_span: null, track: null, false_alarm_rate: 0.0714, false_alarm_upper: 0.2646 };

test("a measurement is told in its own unit, with its bound and its false alarms", () => {
  const span = { ...FACTS, code: "fake_span", value: 16, threshold: 3, time_span: [1, 8.3], track: 2 };
  expect(plain(measurementInWords(span, "face_video") ?? "")).toBe(
    "Measured 16 instants · bound 3 instants · face 2 · 1.0 s to 8.3 s · " +
      "also told of 7.1 % of genuine videos (95 % interval up to 26.5 %)",
  );
  const small = { ...FACTS, code: "small_face", value: 40.2, threshold: 64, false_alarm_rate: 0.0022 };
  expect(plain(measurementInWords(small, "face_picture") ?? "")).toBe(
    "Measured 40 pixels · bound 64 pixels · also told of 0.2 % of genuine pictures (95 % interval up to 26.5 %)",
  );
});

test.each([
  ["evidence_region", 0.251, "0.25 logits"],
  ["faces_disagree", 0.62, "62 points of 100"],
  ["soft_face", 1, "2.0 times the detail"],
  ["score_flicker", 0.5, "0.50 logits"],
  ["unstable_score", 0.15, "15 points of 100"],
  ["tilted_face", 12.3, "12 degrees"],
  ["dark_face", 18.6, "19 of 255"],
  ["blurred_face", 0.12, "edges of 0.12 of the contrast"],
  ["heavy_compression", 0.3, "0.30 bits a pixel"],
])("%s of %d is told as %s", (code, value, words) => {
  const facts = { ...FACTS, code, value, threshold: value };
  expect(measurementInWords(facts, "face_picture")).toContain(`Measured ${words} · bound ${words} · `);
});

test("where false alarms were not measured, it is said", () => {
  const facts = {
    ...FACTS,
    code: "dark_face",
    value: 18,
    threshold: 19,
    false_alarm_rate: null,
    false_alarm_upper: null,
  };
  expect(measurementInWords(facts, "face_video")).toContain("was not measured with this model");
});

test("a plain fact has nothing that was measured", () => {
  expect(measurementInWords({ ...FACTS, code: "no_face", value: 1, threshold: 1 }, "whole_frame")).toBeNull();
});
