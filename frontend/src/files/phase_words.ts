import { bytes, percent } from "../text/format";
import type { Phase } from "./items";

/** Where a file is, in a few words. */
export function phaseInWords(phase: Phase): string {
  switch (phase.kind) {
    case "queued":
      return "Waiting for the files before it";
    case "sending":
      return `Sending: ${bytes(phase.sent)} of ${bytes(phase.total)}`;
    case "working":
      return workInWords(phase);
    case "cancelling":
      return "Cancelling";
    case "cancelled":
      return "Cancelled; nothing of it was kept";
    case "failed":
      return phase.failure.sentence;
    case "done":
      return phase.answer.details.headline;
  }
}

/** The same without counts, for those who are read to: said when it changes, not at every step. */
export function stageInWords(phase: Phase): string {
  if (phase.kind === "sending") return "Sending";
  if (phase.kind === "working") return workInWords({ ...phase, examined: 0 });
  if (phase.kind === "failed") return "Not judged"; // why is said by the message itself
  if (phase.kind === "done") {
    const { confidence, details } = phase.answer;
    return details.verdict === "inconclusive" ? details.headline : `${details.headline}, ${percent(confidence)}`;
  }
  return phaseInWords(phase);
}

/** How much is done, 0 to 1; null where that is not known. */
export function shareDone(phase: Phase): number | null {
  if (phase.kind === "sending") return phase.total ? phase.sent / phase.total : null;
  if (phase.kind !== "working" || phase.stage === "waiting") return null;
  if (phase.stage === "drawing") return 1;
  return phase.expected ? Math.min(phase.examined / phase.expected, 1) : null;
}

function workInWords({ stage, examined, expected }: Extract<Phase, { kind: "working" }>): string {
  if (stage === "waiting") return "Sent; waiting for its turn";
  if (stage === "drawing") return "Drawing the frames";
  if (examined === 0) return "Examining";
  return expected
    ? `Examining: ${examined} of ${Math.max(examined, expected)} instants`
    : `Examining: ${examined} instants so far`;
}
