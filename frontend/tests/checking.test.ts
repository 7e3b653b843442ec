import { expect, test } from "vitest";
import { check } from "../src/files/checking";
import { plain, SERVICE } from "./answers";

test.each([
  ["a.mp4", 1000, null],
  ["A.MP4", 0, null],
  ["a.mp4", 1001, "file_too_large"],
  ["a.txt", 1, "unsupported_type"],
  ["mp4", 1, "unsupported_type"],
])("%s with %i bytes: %s", (name, size, code) => {
  expect(check({ name, size }, SERVICE.limits)?.code ?? null).toBe(code);
});

test.each([
  [2048, "The file has 2 kB; at most 1000 bytes are accepted."],
  [1001, "The file has 1001 bytes; at most 1000 bytes are accepted."],
])("a file of %i bytes is told apart from the limit", (size, sentence) => {
  expect(plain(check({ name: "a.mp4", size }, SERVICE.limits)?.sentence ?? "")).toBe(sentence);
});

test("where round numbers are the same, exact ones are told", () => {
  const limits = { ...SERVICE.limits, upload_bytes: 104_857_600 };
  expect(check({ name: "a.mp4", size: 104_857_601 }, limits)?.sentence).toBe(
    "The file has 104,857,601 bytes; at most 104,857,600 bytes are accepted.",
  );
});

test("the refusal names what is accepted", () => {
  expect(check({ name: "a.txt", size: 1 }, SERVICE.limits)?.sentence).toBe("Only jpg and mp4 files are judged.");
});
