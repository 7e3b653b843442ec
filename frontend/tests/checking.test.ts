import { expect, test } from "vitest";
import { check } from "../src/files/checking";
import { SERVICE } from "./answers";

test.each([
  ["a.mp4", 1000, null],
  ["A.MP4", 0, null],
  ["a.mp4", 1001, "file_too_large"],
  ["a.txt", 1, "unsupported_type"],
  ["mp4", 1, "unsupported_type"],
])("%s with %i bytes: %s", (name, size, code) => {
  expect(check({ name, size }, SERVICE.limits)?.code ?? null).toBe(code);
});

test("the refusal names what is accepted", () => {
  expect(check({ name: "a.txt", size: 1 }, SERVICE.limits)?.sentence).toBe("Only jpg and mp4 files are judged.");
});
