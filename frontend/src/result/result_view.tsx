import { useState } from "preact/hooks";
import type { Api } from "../api/client";
import type { Answer, Service } from "../api/types";
import { ScoreChart } from "../chart/score_chart";
import { FramesView } from "../frames/frames_view";
import { Anomalies } from "./anomalies";
import { FactList } from "./fact_list";
import { custodyFacts, mediaFacts } from "./facts";
import { Keeping } from "./keeping";
import { VerdictBlock } from "./verdict_block";

interface Props {
  api: Api;
  service: Service;
  file: File;
  answer: Answer;
  judgedAt: Date;
  framesAreKept: boolean;
  removeFrames: () => Promise<void>;
}

/** Everything that is known of a file that was judged. */
export function ResultView({ api, service, file, answer, judgedAt, framesAreKept, removeFrames }: Props) {
  const { details } = answer;
  const [selected, setSelected] = useState(() => mostTelling(answer));
  const choice = { selected, select: setSelected };
  return (
    <div class="result">
      <VerdictBlock answer={answer} />
      <Keeping {...{ api, service, file, answer, judgedAt, framesAreKept, removeFrames }} />
      {details.frames.length > 1 && details.basis !== "whole_frame" && <ScoreChart details={details} {...choice} />}
      {framesAreKept && <FramesView details={details} address={(url) => api.frame(url)} {...choice} />}
      <Anomalies answer={answer} />
      <section class="block" aria-labelledby="media-title">
        <h3 id="media-title">The file</h3>
        <FactList facts={mediaFacts(file, details)} />
      </section>
      <details class="block">
        <summary>How it was judged</summary>
        <FactList facts={custodyFacts(answer, service)} />
      </details>
    </div>
  );
}

/** The frame that has the face with the highest score, to begin with. */
function mostTelling({ details }: Answer): number {
  const highest = details.frames.map((frame) => Math.max(0, ...frame.faces.map((face) => face.fake_probability)));
  return highest.indexOf(Math.max(...highest));
}
