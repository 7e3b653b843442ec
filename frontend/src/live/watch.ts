/** Pictures of the camera sent one after the other, as fast as they are judged but a few a second at the most. */

import { newId, type Api } from "../api/client";
import { Failure } from "../api/failure";
import type { Answer } from "../api/types";
import { pause } from "../pause";
import { takePicture } from "./camera";

const PAUSE = 250; // ms at least from one picture to the next
const PATIENCE = 3; // failures in a row
const BUSY = new Set(["busy", "too_many_requests", "not_ready"]);

/** Watch until the signal; throws the `Failure` that it gives up for. Nothing is stored by the service. */
export async function watch(
  api: Api,
  video: HTMLVideoElement,
  signal: AbortSignal,
  tell: (answer: Answer) => void,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const earliest = performance.now() + PAUSE;
    const picture = document.hidden ? null : await takePicture(video);
    if (picture) {
      try {
        tell(await api.predict({ file: picture, name: "camera.jpg", id: newId(), keepFrames: false, signal }));
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        if (!(error instanceof Failure) || failures >= PATIENCE || !BUSY.has(error.code)) throw error;
        await pause(1000 * (error.retryAfter ?? 1));
      }
    }
    await pause(earliest - performance.now());
  }
}
