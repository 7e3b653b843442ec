import { useEffect, useRef } from "preact/hooks";
import type { Api } from "../api/client";
import type { Service } from "../api/types";
import { ResultView } from "../result/result_view";
import { bytes } from "../text/format";
import { DropZone } from "./drop_zone";
import { FailureCard } from "./failure_card";
import { Introduction } from "./introduction";
import { isUnderWay, type Item } from "./items";
import { phaseInWords, stageInWords } from "./phase_words";
import { ProgressCard } from "./progress_card";
import { ResultsTable } from "./results_table";
import type { Files } from "./use_items";

interface Props {
  api: Api;
  service: Service;
  files: Files;
}

/** Files in, verdicts out. */
export function FilesView({ api, service, files }: Props) {
  const { all, open } = files.items;
  const item = all.find((one) => one.key === open);
  return (
    <>
      <DropZone limits={service.limits} isSmall={all.length > 0} add={files.add} />
      {all.length === 0 && <Introduction limits={service.limits} />}
      {all.length > 1 && <ResultsTable {...files} />}
      <p class="unseen" role="status">
        {item && `${item.file.name}: ${stageInWords(item.phase)}`}
      </p>
      {item && <OpenItem key={item.key} {...{ api, service, files, item }} />}
    </>
  );
}

function OpenItem({ api, service, files, item }: Props & { item: Item }) {
  const { key, file, phase } = item;
  const title = useRef<HTMLHeadingElement>(null);
  const framesAreKept = phase.kind === "done" && phase.framesAreKept;

  useEffect(() => {
    // The button that was pressed may be gone with its phase, and the focus with it.
    if (document.activeElement === document.body) title.current?.focus({ preventScroll: true });
  }, [phase.kind, framesAreKept]);

  return (
    <article class="open" aria-labelledby="open-title">
      <h2 ref={title} id="open-title" tabIndex={-1} class="open__title">
        {file.name} <small>{bytes(file.size)}</small>
      </h2>
      {isUnderWay(phase) && <ProgressCard item={item} cancel={() => files.cancel(key)} />}
      {phase.kind === "cancelled" && (
        <section class="block">
          <p>{phaseInWords(phase)}.</p>
          <button type="button" class="button" onClick={() => files.retry(key)}>
            Judge it after all
          </button>
        </section>
      )}
      {phase.kind === "failed" && <FailureCard failure={phase.failure} retry={() => files.retry(key)} />}
      {phase.kind === "done" && (
        <ResultView {...{ api, service, file, ...phase }} removeFrames={() => files.removeFrames(key)} />
      )}
    </article>
  );
}
