import { useEffect, useRef } from "preact/hooks";
import type { FrameFacts, Media } from "../api/types";
import { percent, seconds } from "../text/format";

const HEIGHT = 64; // CSS pixels; sizes are told, so that nothing moves when pictures arrive

interface Props {
  media: Media;
  frames: readonly FrameFacts[];
  address: (url: string) => string;
  selected: number;
  select: (place: number) => void;
}

/** All examined frames in a row, to choose one of; arrow keys go from one to the next. */
export function Filmstrip({ media, frames, address, selected, select }: Props) {
  const strip = useRef<HTMLFieldSetElement>(null);

  useEffect(() => {
    const row = strip.current!;
    const chosen = row.querySelectorAll("label")[selected];
    // Not scrollIntoView, which would scroll the page as well.
    if (chosen) row.scrollLeft = chosen.offsetLeft - (row.clientWidth - chosen.offsetWidth) / 2;
  }, [selected]);

  return (
    <fieldset ref={strip} class="filmstrip">
      <legend class="unseen">Examined frames</legend>
      {frames.map((frame, place) => (
        <label key={frame.plain_url} class="filmstrip__frame">
          <input type="radio" name="frame" class="unseen" checked={place === selected} onChange={() => select(place)} />
          <img
            src={address(frame.plain_url ?? "")}
            alt=""
            loading="lazy"
            crossOrigin="anonymous"
            width={(HEIGHT * media.width) / media.height}
            height={HEIGHT}
          />
          <span>
            {seconds(frame.time)} <Highest frame={frame} />
          </span>
        </label>
      ))}
    </fieldset>
  );
}

function Highest({ frame }: { frame: FrameFacts }) {
  const faces = frame.faces.filter((face) => face.box);
  if (!faces.length) return <span class="filmstrip__none">no face</span>;
  const highest = Math.max(...faces.map((face) => face.fake_probability));
  return <span class={highest >= 0.5 ? "is-fake" : "is-real"}>{percent(highest)}</span>;
}
