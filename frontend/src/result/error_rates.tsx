import type { Details } from "../api/types";
import { percent } from "../text/format";
import { measuredOn, notMeasured, rateInWords, shareOfFakes } from "../text/words";

/** How often the model was wrong on files whose truth is known, and what follows where few files are fake. */
export function ErrorRates({ details }: { details: Details }) {
  const { meaning } = details.model;
  const what = measuredOn(details.basis);
  if (!meaning) {
    return (
      <div>
        <h4>How often this model is wrong</h4>
        <p>{notMeasured(details.basis)}</p>
      </div>
    );
  }
  return (
    <div>
      <h4>How often this model was wrong</h4>
      <dl class="rates">
        <dt>Real {what} that it called fake</dt>
        <dd>{rateInWords(meaning.real_called_fake, `real ${what}`)}</dd>
        <dt>Fake {what} that it called real</dt>
        <dd>{rateInWords(meaning.fake_called_real, `fake ${what}`)}</dd>
      </dl>
      <h4>What a “Fake” is worth, by how many files are fake</h4>
      <ul>
        {meaning.fake_right_of_fakes.map(({ share_of_fakes, right }) => (
          <li key={share_of_fakes}>
            Where {shareOfFakes(share_of_fakes)} fake, a “Fake” is right in {percent(right)} of cases.
          </li>
        ))}
      </ul>
    </div>
  );
}
