import type { Limits } from "../api/types";
import { counted } from "../text/format";

/** What a visitor may expect, before the first file. */
export function Introduction({ limits }: { limits: Limits }) {
  return (
    <section class="block introduction" aria-labelledby="introduction-title">
      <h2 id="introduction-title">What you will be told</h2>
      <ul>
        <li>
          <b>A verdict in words.</b> Strong, moderate or weak evidence of manipulation, none found, or inconclusive;
          with the reason, and with how often the model was wrong where the truth was known.
        </li>
        <li>
          <b>Where the evidence lies.</b> The score of each face over time, the frames that were examined, and the areas
          of a face that speak for fake.
        </li>
        <li>
          <b>What it does not cover.</b> Only faces are judged: neither sound nor scenery, and not whether a scene ever
          took place.
        </li>
        <li>
          <b>What is kept.</b> The file is deleted as soon as it has been judged, its frames after{" "}
          {counted(Math.round(limits.retention_seconds / 60), "minute")} or when you say so. A report is yours to take
          along.
        </li>
      </ul>
    </section>
  );
}
