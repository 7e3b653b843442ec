import { expect, test } from "vitest";
import { isUnderWay, NOTHING, reduce, type Action, type Items } from "../src/files/items";

const A = new File(["a"], "a.mp4");
const B = new File(["b"], "b.mp4");

function after(...actions: Action[]): Items {
  return actions.reduce(reduce, NOTHING);
}

test("files that are added wait for their turn, and the first of them is shown", () => {
  const items = after({ do: "add", files: [A], firstKey: 0 }, { do: "add", files: [B, A], firstKey: 1 });
  expect(items.all.map(({ key, file, phase }) => [key, file.name, phase.kind])).toEqual([
    [0, "a.mp4", "queued"],
    [1, "b.mp4", "queued"],
    [2, "a.mp4", "queued"],
  ]);
  expect(items.open).toBe(1);
});

test("a move changes one file alone", () => {
  const items = after({ do: "add", files: [A, B], firstKey: 0 }, { do: "move", key: 1, to: { kind: "cancelled" } });
  expect(items.all.map((item) => item.phase.kind)).toEqual(["queued", "cancelled"]);
  expect(items.all.map((item) => isUnderWay(item.phase))).toEqual([true, false]);
});

test("when the file that is shown is removed, another is shown", () => {
  const two = after({ do: "add", files: [A, B], firstKey: 0 }, { do: "open", key: 1 }, { do: "forget", key: 1 });
  expect(two.open).toBe(0);
  expect(reduce(two, { do: "forget", key: 0 })).toEqual(NOTHING);
});
