import { expect, test } from "vitest";
import { advice, failureOf, isWorthRepeating, unreachable } from "../src/api/failure";

test("the service's code and sentence are kept", () => {
  const body = { status: "error", code: "busy", error: "Too much to do.", request_id: "12" };
  const failure = failureOf(503, body, "2");
  expect([failure.code, failure.sentence, failure.requestId, failure.retryAfter]).toEqual([
    "busy",
    "Too much to do.",
    "12",
    2,
  ]);
  expect(isWorthRepeating(failure)).toBe(true);
});

test.each([null, "text", { code: 1 }])("an answer that is not the service's is told as such: %j", (body) => {
  expect(failureOf(502, body, null).sentence).toContain("502");
});

test("when nobody answers, it is said how to start the service", () => {
  expect(advice(unreachable("http://localhost:5000"))).toContain("make run");
});
