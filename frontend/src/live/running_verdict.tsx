import type { Answer } from "../api/types";
import { ErrorRates } from "../result/error_rates";
import { Strength } from "../result/strength";
import { percent } from "../text/format";
import { ENOUGH, runningOf, WINDOW, type Running } from "./running";

interface Props {
  answers: readonly Answer[];
  isOn: boolean;
}

/** What the last pictures say together, and how far that can be relied on. */
export function RunningVerdict({ answers, isOn }: Props) {
  const running = runningOf(answers);
  if (!isOn && answers.length === 0) {
    return <p class="block">What the pictures say together stands here while the camera is on.</p>;
  }
  return (
    <div
      class="block verdict"
      data-verdict={running.kind === "verdict" ? running.middle.details.verdict : "inconclusive"}
    >
      <p class="unseen" role="status">
        {headline(running)}
      </p>
      {running.kind === "verdict" && <Strength {...running.middle.details} />}
      <h3 class="verdict__headline">{headline(running)}</h3>
      <p class="verdict__reason">{reason(running)}</p>
      <History answers={answers} />
      <p class="verdict__caveat">
        {isOn ? "" : "The camera is off: this is of its last pictures. "}
        Pictures of one camera are much alike: {WINDOW} of them prove little more than one.
      </p>
      {running.kind === "verdict" && <ErrorRates details={running.middle.details} />}
    </div>
  );
}

/** The pictures one beside the other, oldest first, each by its score. */
function History({ answers }: { answers: readonly Answer[] }) {
  return (
    <ol class="history" aria-hidden="true">
      {answers.map(({ details }) => (
        <li key={details.id} data-verdict={details.basis === "whole_frame" ? "none" : details.verdict} />
      ))}
    </ol>
  );
}

function headline(running: Running): string {
  if (running.kind === "gathering") return "Looking";
  return running.kind === "no_face" ? "No face to judge" : running.middle.details.headline;
}

function reason(running: Running): string {
  if (running.kind === "gathering") return `${running.judged} of the ${ENOUGH} pictures with a face that are needed.`;
  if (running.kind === "no_face") return "No face was found in most of the last pictures.";
  const { middle, fake, judged } = running;
  return (
    `The middle one of the last ${judged} pictures scores ${percent(middle.details.fake_probability)} fake; ` +
    `${fake === 0 ? "none of them is" : fake === 1 ? "one of them is" : `${fake} of them are`} likelier fake than real.`
  );
}
