/** The files of this visit and what became of each: a pure state, which only `reduce` changes. */

import type { Failure } from "../api/failure";
import type { Answer, Progress } from "../api/types";

/** The stages of an analysis that is under way, in the service's words. */
export type Stage = Extract<Progress["state"], "waiting" | "examining" | "drawing">;

export type Phase =
  | { kind: "queued" }
  | { kind: "sending"; sent: number; total: number } // bytes
  | { kind: "working"; stage: Stage; examined: number; expected: number | null } // instants
  | { kind: "cancelling" }
  | { kind: "cancelled" }
  | { kind: "failed"; failure: Failure }
  | { kind: "done"; answer: Answer; judgedAt: Date; framesAreKept: boolean };

export interface Item {
  key: number; // its place among all files of this visit; an analysis' id is a new one with every attempt
  file: File;
  phase: Phase;
}

export interface Items {
  all: readonly Item[];
  open: number | null; // the key of the one that is shown in full
}

export type Action =
  | { do: "add"; files: readonly File[]; firstKey: number }
  | { do: "move"; key: number; to: Phase }
  | { do: "open"; key: number }
  | { do: "forget"; key: number };

export const NOTHING: Items = { all: [], open: null };

/** What the state is after an action. */
export function reduce(items: Items, action: Action): Items {
  switch (action.do) {
    case "add": {
      const added = action.files.map((file, place): Item => ({
        key: action.firstKey + place,
        file,
        phase: { kind: "queued" },
      }));
      return { all: [...items.all, ...added], open: added[0]?.key ?? items.open };
    }
    case "move":
      return {
        ...items,
        all: items.all.map((item) => (item.key === action.key ? { ...item, phase: action.to } : item)),
      };
    case "open":
      return { ...items, open: action.key };
    case "forget": {
      const all = items.all.filter((item) => item.key !== action.key);
      return { all, open: items.open === action.key ? (all[0]?.key ?? null) : items.open };
    }
  }
}

/** Whether something is still to come of it. */
export function isUnderWay(phase: Phase): boolean {
  return ["queued", "sending", "working", "cancelling"].includes(phase.kind);
}
