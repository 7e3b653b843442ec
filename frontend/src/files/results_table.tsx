import { counted, percent } from "../text/format";
import { isUnderWay, type Item, type Items, type Phase } from "./items";
import { phaseInWords } from "./phase_words";

interface Props {
  items: Items;
  open: (key: number) => void;
  cancel: (key: number) => void;
  forget: (key: number) => void;
}

/** All files of this visit, a row each. */
export function ResultsTable({ items, open, cancel, forget }: Props) {
  const done = items.all.filter((item) => !isUnderWay(item.phase)).length;
  return (
    <section class="block" aria-labelledby="table-title">
      <h2 id="table-title">Files</h2>
      <p class="hint" role="status">
        {done} of {counted(items.all.length, "file")} done
      </p>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">File</th>
            <th scope="col">Verdict</th>
            <th scope="col">Confidence</th>
            <th scope="col">
              <span class="unseen">Do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.all.map((item) => (
            <tr key={item.key} class={item.key === items.open ? "is-open" : ""}>
              <th scope="row">{item.file.name}</th>
              <td data-verdict={verdictOf(item.phase)}>{phaseInWords(item.phase)}</td>
              <td class="table__number">{confidenceOf(item.phase)}</td>
              <td>
                <Buttons item={item} isOpen={item.key === items.open} {...{ open, cancel, forget }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Buttons({ item, isOpen, open, cancel, forget }: Omit<Props, "items"> & { item: Item; isOpen: boolean }) {
  const { key, file, phase } = item;
  return (
    <div class="table__buttons">
      <button type="button" class="button" aria-pressed={isOpen} onClick={() => open(key)}>
        Show <span class="unseen">{file.name}</span>
      </button>
      {isUnderWay(phase) ? (
        <button type="button" class="button" disabled={phase.kind === "cancelling"} onClick={() => cancel(key)}>
          Cancel <span class="unseen">{file.name}</span>
        </button>
      ) : (
        <button type="button" class="button" onClick={() => forget(key)}>
          Remove <span class="unseen">{file.name} from this list</span>
        </button>
      )}
    </div>
  );
}

function verdictOf(phase: Phase): string {
  return phase.kind === "done" ? phase.answer.details.verdict : phase.kind;
}

function confidenceOf(phase: Phase): string {
  if (phase.kind !== "done" || phase.answer.details.verdict === "inconclusive") return "";
  return percent(phase.answer.confidence);
}
