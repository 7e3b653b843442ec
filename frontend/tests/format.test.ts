import { expect, test } from "vitest";
import { bytes, listed, percent, seconds, share } from "../src/text/format";

test("a probability is never told as certain", () => {
  expect([0, 0.004, 0.5, 0.996, 1].map(percent)).toEqual([
    "1\u00a0%",
    "1\u00a0%",
    "50\u00a0%",
    "99\u00a0%",
    "99\u00a0%",
  ]);
});

test("a share that was counted may be none or all", () => {
  expect([0, 0.107, 1].map(share)).toEqual(["0\u00a0%", "11\u00a0%", "100\u00a0%"]);
});

test("times are in seconds, from a minute on in minutes", () => {
  expect([0, 8.333, 59.96, 65.2, 605].map(seconds)).toEqual([
    "0.0\u00a0s",
    "8.3\u00a0s",
    "1:00.0",
    "1:05.2",
    "10:05.0",
  ]);
});

test("bytes are told in the unit in which they are at least one", () => {
  expect([0, 1023, 1024, 1024 * 1024 - 1, 104857600].map(bytes)).toEqual([
    "0\u00a0bytes",
    "1023\u00a0bytes",
    "1\u00a0kB",
    "1\u00a0MB",
    "100\u00a0MB",
  ]);
});

test("lists read like sentences", () => {
  expect(listed([], "or")).toBe("");
  expect(listed(["mp4"], "or")).toBe("mp4");
  expect(listed(["avi", "mov", "mp4"], "or")).toBe("avi, mov or mp4");
});
