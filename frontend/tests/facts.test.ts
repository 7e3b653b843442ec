import { expect, test } from "vitest";
import { mediaFacts } from "../src/result/facts";
import { answer } from "./answers";

const FILE = { name: "a.mp4", size: 2048 };

function factsWith(changes: Partial<ReturnType<typeof answer>["details"]["media"]>): Record<string, string> {
  const { details } = answer(0.8);
  return Object.fromEntries(mediaFacts(FILE, { ...details, media: { ...details.media, ...changes } }));
}

test("what the metadata do not name is not listed, and that there are no credentials shows nothing", () => {
  const facts = factsWith({});
  expect(Object.keys(facts).join()).not.toContain("by the metadata");
  expect(facts["Content Credentials"]).toBe("none, which shows nothing");
});

test("programs and credentials are listed as the file tells them", () => {
  const facts = factsWith({ editor: "GIMP", generator: "ComfyUI", credentials: { state: "valid", declares_ai: true } });
  expect(facts["Editor, by the metadata"]).toBe("GIMP");
  expect(facts["Generator, by the metadata"]).toBe("ComfyUI");
  expect(facts["Content Credentials"]).toBe("they fit the file; who signed them was not checked");
});
