import { useState } from "preact/hooks";
import type { Details, FrameFacts } from "../api/types";
import { percent, seconds } from "../text/format";
import { HEAT_WORDS } from "../text/words";
import { Filmstrip } from "./filmstrip";
import { FramePicture } from "./frame_picture";
import { coloured, heatOf } from "./heat";

interface Props {
  details: Details;
  address: (url: string) => string;
  selected: number;
  select: (place: number) => void;
}

/** The frame that is selected, large, with the heat map on or off; below it all of them. */
export function FramesView({ details, address, selected, select }: Props) {
  const [heatIsOn, setHeatIsOn] = useState(true);
  const { frames, media } = details;
  const frame = frames[selected];
  if (!frame?.plain_url) return null;
  const { threshold } = details.model;
  const hasMap = frame.faces.some((face) => face.box && face.logit_map);
  return (
    <section class="block" aria-labelledby="frames-title">
      <div class="block__head">
        <h3 id="frames-title">{frames.length > 1 ? "Frames" : "Picture"}</h3>
        {hasMap && (
          <label class="switch">
            <input type="checkbox" checked={heatIsOn} onChange={(event) => setHeatIsOn(event.currentTarget.checked)} />
            Heat map
          </label>
        )}
      </div>
      <FramePicture
        frame={frame}
        address={address(frame.plain_url)}
        isVideo={media.kind === "video"}
        threshold={heatIsOn && hasMap ? threshold : null}
      />
      <p class="frame__words">{inWords(frame, media.kind === "video", hasMap ? threshold : null)}</p>
      {hasMap && heatIsOn && <Legend />}
      {frames.length > 1 && <Filmstrip {...{ media, frames, address, selected, select }} />}
    </section>
  );
}

function Legend() {
  return (
    <div class="legend">
      <span class="legend__ramp" aria-hidden="true" />
      <p>{HEAT_WORDS}</p>
    </div>
  );
}

/** What is drawn, for those who do not see it. */
function inWords(frame: FrameFacts, isVideo: boolean, threshold: number | null): string {
  const faces = frame.faces.map((face) => {
    if (!face.box) return "no face was found";
    const heat = face.logit_map && threshold !== null ? heatOf(face.logit_map, threshold) : null;
    const areas = heat ? ` (${coloured(heat)} of ${heat.opacities.length} areas towards fake)` : "";
    return `face ${face.track} scores ${percent(face.fake_probability)} fake${areas}`;
  });
  const found = faces.length ? faces.join("; ") : "no face was found";
  return isVideo ? `At ${seconds(frame.time)}: ${found}.` : `${found[0]?.toUpperCase()}${found.slice(1)}.`;
}
