import { expect, test } from "vitest";
import { html } from "../src/report/html";
import { reportOf, type Findings } from "../src/report/report";
import { answer, SERVICE } from "./answers";

const NASTY = `<img src=x onerror="alert('1')">&.mp4`;

function report(changes: Partial<Findings> = {}): string {
  return reportOf({
    file: { name: "a.mp4", size: 2048 },
    answer: answer(0.8),
    service: SERVICE,
    judgedAt: new Date("2026-01-02T03:04:05Z"),
    writtenAt: new Date("2026-01-02T03:05:05Z"),
    sha256Here: "a".repeat(64),
    frames: [{ annotated: "data:image/jpeg;base64,AA", plain: "data:image/jpeg;base64,BB", sha256: "c" }, null, null],
    ...changes,
  });
}

test("whatever is put into HTML is escaped, unless it is HTML", () => {
  expect(html`<p>${NASTY}${html`<b>${1}</b>`}</p>`.text).toBe(
    "<p>&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;.mp4<b>1</b></p>",
  );
});

test("a file's name cannot smuggle anything into a report", () => {
  expect(report({ file: { name: NASTY, size: 1 } })).not.toContain("<img src=x");
});

test("a report names everything that identifies the file, the model and the settings", () => {
  const text = report();
  for (const part of ["a".repeat(64), "b".repeat(64), "0".repeat(32), "Crop margin", "2026-01-02T03:04:05.000Z"]) {
    expect(text).toContain(part);
  }
});

test("a report needs nothing from outside, and runs nothing", () => {
  const text = report();
  expect(text).not.toMatch(/https?:/);
  expect(text).not.toMatch(/<script/);
  expect(text).toContain("data:image/jpeg;base64,AA");
});

test("a report says which frames were gone", () => {
  expect(report().match(/was gone when/g)).toHaveLength(2);
});

test("a report says whether the browser found the same SHA-256", () => {
  expect(report()).toContain("(the same)");
  expect(report({ sha256Here: "d".repeat(64) })).toContain("NOT the same");
  expect(report({ sha256Here: null })).toContain("not computed");
});
