import { useState } from "preact/hooks";
import type { Api } from "../api/client";
import { Failure } from "../api/failure";
import type { Answer, Service } from "../api/types";
import { downloadReport } from "../report/download";
import { clock } from "../text/format";

interface Props {
  api: Api;
  service: Service;
  file: File;
  answer: Answer;
  judgedAt: Date;
  framesAreKept: boolean;
  removeFrames: () => Promise<void>;
}

/** What is kept and until when; a report to take away, and a button that deletes the rest now. */
export function Keeping({ api, service, file, answer, judgedAt, framesAreKept, removeFrames }: Props) {
  const [task, setTask] = useState<"report" | "removal" | null>(null);
  const [trouble, setTrouble] = useState("");
  const { expires_at } = answer.details;

  const attempt = async (name: "report" | "removal", work: () => Promise<void>) => {
    setTask(name);
    setTrouble("");
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setTrouble(error.sentence);
    } finally {
      setTask(null);
    }
  };

  return (
    <section class="block keeping" aria-label="Report and deletion">
      <p role="status">
        {framesAreKept
          ? `The upload is deleted already. The frames are purged ${expires_at ? `after ${clock(new Date(expires_at))}` : "soon"}.`
          : "All files of this analysis are deleted; what is shown here is in this window alone."}
      </p>
      <div class="buttons">
        <button
          type="button"
          class="button is-main"
          disabled={task !== null}
          onClick={() =>
            attempt("report", () => downloadReport({ api, service, file, answer, judgedAt, framesAreKept }))
          }
        >
          {task === "report" ? "Writing the report …" : "Download report"}
        </button>
        {framesAreKept && (
          <button
            type="button"
            class="button"
            disabled={task !== null}
            onClick={() => attempt("removal", removeFrames)}
          >
            {task === "removal" ? "Deleting …" : "Delete files now"}
          </button>
        )}
      </div>
      {trouble && (
        <p role="alert" class="trouble">
          {trouble}
        </p>
      )}
    </section>
  );
}
