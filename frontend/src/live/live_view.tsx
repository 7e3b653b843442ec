import { useEffect, useRef, useState } from "preact/hooks";
import type { Api } from "../api/client";
import { Failure } from "../api/failure";
import type { Answer } from "../api/types";
import { drawFaces } from "../frames/drawing";
import { closeCamera, openCamera } from "./camera";
import { remember } from "./running";
import { RunningVerdict } from "./running_verdict";
import { watch } from "./watch";

/** The camera's picture, judged a few times a second; nothing of it is stored. */
export function LiveView({ api }: { api: Api }) {
  const [isOn, setIsOn] = useState(false);
  const [answers, setAnswers] = useState<readonly Answer[]>([]);
  const [trouble, setTrouble] = useState<Failure | null>(null);
  const video = useRef<HTMLVideoElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);

  useEffect(() => {
    if (!isOn) return;
    const stop = new AbortController();
    setAnswers([]);
    setTrouble(null);
    run(api, video.current!, stop.signal, (answer) => {
      setAnswers((before) => remember(before, answer));
      draw(canvas.current, video.current, answer);
    }).catch((error: Error) => {
      if (stop.signal.aborted) return;
      setTrouble(
        error instanceof Failure ? error : new Failure("unforeseen", "The camera's picture could not be judged."),
      );
      setIsOn(false);
    });
    return () => stop.abort();
  }, [isOn, api]);

  return (
    <section class="live" aria-labelledby="live-title">
      <div class="live__head">
        <h2 id="live-title">Live camera</h2>
        <button type="button" class="button is-main" onClick={() => setIsOn(!isOn)}>
          {isOn ? "Stop the camera" : "Start the camera"}
        </button>
      </div>
      <p class="hint">
        A picture of the camera is judged a few times a second, each for itself. Nothing is stored, and nothing leaves
        this machine.
      </p>
      {trouble && (
        <p role="alert" class="trouble" data-code={trouble.code}>
          {trouble.sentence}
        </p>
      )}
      <div class="live__columns">
        <div class={`live__picture${isOn ? "" : " is-off"}`}>
          <video ref={video} muted playsInline aria-label="The camera's picture" />
          <canvas ref={canvas} aria-hidden="true" />
          {!isOn && <p>The camera is off</p>}
        </div>
        <RunningVerdict answers={answers} isOn={isOn} />
      </div>
    </section>
  );
}

/** Show the camera and have it judged until the signal, then switch it off. */
async function run(
  api: Api,
  video: HTMLVideoElement,
  signal: AbortSignal,
  tell: (answer: Answer) => void,
): Promise<void> {
  const stream = await openCamera();
  const close = () => closeCamera(stream);
  signal.addEventListener("abort", close); // at once, not only when the next picture would be due
  try {
    if (signal.aborted) return;
    video.srcObject = stream;
    await video.play();
    await watch(api, video, signal, tell);
  } finally {
    close();
    if (video.srcObject === stream) video.srcObject = null; // unless it was started anew meanwhile
  }
}

function draw(canvas: HTMLCanvasElement | null, video: HTMLVideoElement | null, { details }: Answer): void {
  if (!canvas || !video) return;
  const unit = devicePixelRatio;
  canvas.width = Math.round(video.clientWidth * unit);
  canvas.height = Math.round(video.clientHeight * unit);
  const faces = details.basis === "whole_frame" ? [] : (details.frames[0]?.faces ?? []);
  drawFaces(canvas, { faces, scale: canvas.width / details.media.width, unit, threshold: null });
}
