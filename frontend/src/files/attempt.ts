/** One file sent and judged, step by step, until it is done, refused or cancelled. */

import { newId, type Api } from "../api/client";
import { Failure } from "../api/failure";
import type { Progress } from "../api/types";
import { pause } from "../pause";
import type { Phase, Stage } from "./items";

const POLL_PAUSE = 250; // ms between two questions for the progress
const CANCEL_TRIES = 8; // a file that has just arrived may be unknown for a moment

/** An analysis that has been begun; `move` is told of every phase that it comes to. */
export class Attempt {
  readonly id = newId();
  private readonly abort = new AbortController();
  private step: "sending" | "sent" | "cancelling" | "over" = "sending";

  constructor(
    private readonly api: Api,
    private readonly file: File,
    private readonly move: (phase: Phase) => void,
  ) {}

  /** Send the file and wait for the verdict. */
  async run(): Promise<void> {
    this.move({ kind: "sending", sent: 0, total: this.file.size });
    const last = await this.judge();
    this.step = "over";
    this.move(last);
  }

  /** Stop it, so that nothing of it is left in the service. */
  async cancel(): Promise<void> {
    if (this.step === "sending") {
      this.step = "cancelling";
      this.abort.abort();
    } else if (this.step === "sent") {
      this.step = "cancelling";
      this.move({ kind: "cancelling" });
      await this.remove();
    }
  }

  private async judge(): Promise<Phase> {
    try {
      const answer = await this.api.predict({
        file: this.file,
        name: this.file.name,
        id: this.id,
        keepFrames: true,
        signal: this.abort.signal,
        onSent: (sent, total) => this.onSent(sent, total),
      });
      if (this.step !== "cancelling") return { kind: "done", answer, judgedAt: new Date(), framesAreKept: true };
      await this.api.remove(this.id); // it was done before it could be cancelled
      return { kind: "cancelled" };
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return { kind: "cancelled" };
      if (!(error instanceof Failure)) throw error;
      return error.code === "cancelled" ? { kind: "cancelled" } : { kind: "failed", failure: error };
    }
  }

  private onSent(sent: number, total: number): void {
    if (this.step !== "sending") return;
    if (sent < total) {
      this.move({ kind: "sending", sent, total });
    } else {
      this.step = "sent";
      this.move({ kind: "working", stage: "waiting", examined: 0, expected: null });
      void this.follow();
    }
  }

  private async follow(): Promise<void> {
    while (this.step === "sent") {
      const progress = await this.api.progress(this.id).catch(() => null); // a lost answer costs a step of the bar
      if (this.step === "sent" && progress && isStage(progress.state)) {
        this.move({
          kind: "working",
          stage: progress.state,
          examined: progress.instants_examined,
          expected: progress.instants_expected,
        });
      }
      await pause(POLL_PAUSE);
    }
  }

  /** Have the service drop it; its call for the verdict is then answered with “cancelled”. */
  private async remove(): Promise<void> {
    for (let tries = 0; tries < CANCEL_TRIES && this.step === "cancelling"; tries++) {
      try {
        await this.api.remove(this.id);
        return;
      } catch {
        await pause(POLL_PAUSE);
      }
    }
  }
}

function isStage(state: Progress["state"]): state is Stage {
  return (["waiting", "examining", "drawing"] satisfies Stage[] as string[]).includes(state);
}
