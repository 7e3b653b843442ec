import { useEffect, useRef, useState } from "preact/hooks";
import type { FrameFacts } from "../api/types";
import { seconds } from "../text/format";
import { drawFaces } from "./drawing";

interface Props {
  frame: FrameFacts;
  address: string; // of the plain picture
  isVideo: boolean;
  threshold: number | null; // the logit above which heat is drawn; null: no heat
}

/** One examined frame with its faces drawn over it. */
export function FramePicture({ frame, address, isVideo, threshold }: Props) {
  const picture = useRef<HTMLImageElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [loaded, setLoaded] = useState("");
  const [missing, setMissing] = useState("");

  useEffect(() => {
    const image = picture.current;
    const over = canvas.current;
    if (!image || !over) return;
    over.width = 0; // what was drawn belongs to another frame, or to another wish
    if (loaded !== address) return;
    const redraw = () => {
      const unit = devicePixelRatio;
      over.width = Math.round(image.clientWidth * unit);
      over.height = Math.round(image.clientHeight * unit);
      over.dataset["drawn"] = threshold === null ? "boxes" : "boxes and heat";
      const scale = over.width / frame.width;
      if (over.width) drawFaces(over, { faces: frame.faces, scale, unit, threshold });
    };
    const observer = new ResizeObserver(redraw);
    observer.observe(image);
    return () => observer.disconnect();
  }, [loaded, address, frame, threshold]);

  if (missing === address) {
    return <p class="frame__gone">This frame is no longer there: its time is over, or it was deleted.</p>;
  }
  return (
    <div class="frame">
      <img
        ref={picture}
        src={address}
        crossOrigin="anonymous"
        alt={isVideo ? `The frame at ${seconds(frame.time)}` : "The picture"}
        onLoad={() => setLoaded(address)}
        onError={() => setMissing(address)}
      />
      <canvas ref={canvas} aria-hidden="true" />
    </div>
  );
}
