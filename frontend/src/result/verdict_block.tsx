import type { Answer } from "../api/types";
import { caveatOf, confidenceInWords, examinedInWords, notExamined } from "../text/words";
import { ErrorRates } from "./error_rates";
import { Strength } from "./strength";

/** Words before numbers: the verdict, its reason, what speaks against relying on it. */
export function VerdictBlock({ answer }: { answer: Answer }) {
  const { details } = answer;
  return (
    <section class="block verdict" data-verdict={details.verdict} aria-labelledby="verdict-title">
      <Strength verdict={details.verdict} strength={details.strength} />
      <h3 id="verdict-title" class="verdict__headline">
        {details.headline}
      </h3>
      <p class="verdict__reason">{details.reason}</p>
      <p class="verdict__confidence">{confidenceInWords(answer)}</p>
      <p class="verdict__caveat">{caveatOf(details.verdict)}</p>
      <div class="columns">
        <ErrorRates details={details} />
        <div>
          <h4>What was examined</h4>
          <p>{examinedInWords(details)}</p>
          <h4>What was not</h4>
          <ul>
            {notExamined(details).map((part) => (
              <li key={part}>{part}</li>
            ))}
          </ul>
        </div>
      </div>
    </section>
  );
}
