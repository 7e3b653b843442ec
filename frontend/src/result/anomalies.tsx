import type { Answer } from "../api/types";
import { measurementInWords } from "../text/words";

/** What was noticed, each with what was measured. */
export function Anomalies({ answer }: { answer: Answer }) {
  return (
    <section class="block" aria-labelledby="anomalies-title">
      <h3 id="anomalies-title">What was noticed</h3>
      {answer.anomalies.length === 0 && <p>Nothing beyond the scores.</p>}
      <ul class="anomalies">
        {answer.anomalies.map((sentence, place) => {
          const facts = answer.details.anomalies[place];
          const measured = facts && measurementInWords(facts, answer.details.basis);
          return (
            <li key={sentence}>
              {sentence}
              {measured && <small>{measured}</small>}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
