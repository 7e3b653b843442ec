import type { Item } from "./items";
import { phaseInWords, shareDone } from "./phase_words";

interface Props {
  item: Item;
  cancel: () => void;
}

/** A file that is under way. */
export function ProgressCard({ item, cancel }: Props) {
  const share = shareDone(item.phase);
  return (
    <section class="block" aria-label={`Progress of ${item.file.name}`}>
      <p class="progress__words">{phaseInWords(item.phase)}</p>
      <progress
        aria-label={item.phase.kind === "sending" ? "Sent" : "Examined"}
        {...(share === null ? {} : { value: share, max: 1 })}
      />
      <button type="button" class="button" disabled={item.phase.kind === "cancelling"} onClick={cancel}>
        Cancel
      </button>
    </section>
  );
}
