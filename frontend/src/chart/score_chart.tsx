import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Details } from "../api/types";
import { percent, seconds } from "../text/format";
import { CHART_WORDS } from "../text/words";
import { useScheme } from "../use_scheme";
import { lineColour, lineDashes } from "./palette";
import { seriesOf } from "./series";

const HEIGHT = 220; // CSS pixels
const FONT = "12px system-ui, sans-serif";

interface Props {
  details: Details;
  selected: number;
  select: (place: number) => void;
}

/** The score of each face over time. A click, or an arrow key, selects the frame of an instant. */
export function ScoreChart({ details, selected, select }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marked = useRef(selected);
  const scheme = useScheme();
  const { frames, tracks } = details;

  useEffect(() => {
    const element = box.current!;
    const drawn = new uPlot(
      optionsFor(details, element, marked, select),
      [frames.map((frame) => frame.time), ...seriesOf(frames, tracks).map((series) => series.scores)],
      element,
    );
    plot.current = drawn;
    const observer = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      drawn.destroy();
    };
  }, [details, scheme]);

  useEffect(() => {
    marked.current = selected;
    plot.current?.redraw(false);
  }, [selected]);

  const move = (event: KeyboardEvent) => {
    const last = frames.length - 1;
    const targets: Record<string, number> = {
      ArrowLeft: selected - 1,
      ArrowDown: selected - 1,
      ArrowRight: selected + 1,
      ArrowUp: selected + 1,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    select(Math.min(Math.max(target, 0), last));
  };

  return (
    <section class="block" aria-labelledby="chart-title">
      <h3 id="chart-title">Score of each face over time</h3>
      <div
        ref={box}
        class="chart"
        role="slider"
        tabIndex={0}
        aria-label="Examined instant"
        aria-valuemin={1}
        aria-valuemax={frames.length}
        aria-valuenow={selected + 1}
        aria-valuetext={instantInWords(details, selected)}
        onKeyDown={move}
      />
      <ul class="keys">
        {tracks.map((track, place) => (
          <li key={track.number}>
            <svg viewBox="0 0 28 4" width="28" height="4" aria-hidden="true">
              <line
                x1="0"
                y1="2"
                x2="28"
                y2="2"
                class={`line-${lineColour(place).slice(-1)}`}
                stroke-dasharray={lineDashes(place).join(" ")}
              />
            </svg>
            Face {track.number}: {percent(track.fake_probability)} fake in all
            {!track.judged && ", seen too seldom to count"}
          </li>
        ))}
      </ul>
      <p class="hint">{CHART_WORDS} Click a point, or use the arrow keys, to see its frame.</p>
    </section>
  );
}

function instantInWords({ frames, tracks }: Details, place: number): string {
  const frame = frames[place];
  if (!frame) return "";
  const faces = seriesOf([frame], tracks)
    .filter(({ scores }) => scores[0] !== null)
    .map(({ track, scores }) => `face ${track.number} ${percent(scores[0] ?? 0)} fake`);
  return `${seconds(frame.time)}: ${faces.length ? faces.join(", ") : "no face"}`;
}

function optionsFor(
  details: Details,
  element: HTMLElement,
  marked: { current: number },
  select: (place: number) => void,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--text-soft"),
    grid: { stroke: colour("--rule") },
    ticks: { stroke: colour("--rule") },
    font: FONT,
  };
  const [low, high] = details.model.inconclusive;
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, y: false, points: { size: 10 } },
    scales: { x: { time: false }, y: { range: [0, 1] } },
    axes: [
      { ...axis, values: (_, times) => times.map((time) => seconds(time)), space: 70, size: 34 },
      { ...axis, values: (_, shares) => shares.map((value) => `${Math.round(100 * value)} %`), size: 52 },
    ],
    series: [
      {},
      ...details.tracks.map((track, place) => ({
        label: `Face ${track.number}`,
        stroke: colour(lineColour(place)),
        dash: lineDashes(place),
        width: track.judged ? 2 : 1,
        points: { show: true, size: 7, fill: colour("--surface") },
      })),
    ],
    hooks: {
      drawClear: [
        (plot) => {
          shade(plot, low, high, colour("--band"));
          strike(plot, "y", 0.5, colour("--text-soft"), [6, 4]);
        },
      ],
      draw: [
        (plot) => {
          const time = details.frames[marked.current]?.time;
          if (time !== undefined) strike(plot, "x", time, colour("--accent"), []);
        },
      ],
      ready: [
        (plot) =>
          plot.over.addEventListener("click", () => {
            if (plot.cursor.idx != null) select(plot.cursor.idx);
          }),
      ],
    },
  };
}

function shade({ ctx, bbox, valToPos }: uPlot, low: number, high: number, colour: string): void {
  const top = valToPos(high, "y", true);
  ctx.save();
  ctx.fillStyle = colour;
  ctx.fillRect(bbox.left, top, bbox.width, valToPos(low, "y", true) - top);
  ctx.restore();
}

/** A line through the whole plot at a value of one scale. */
function strike(plot: uPlot, scale: "x" | "y", value: number, colour: string, dashes: number[]): void {
  const { ctx, bbox } = plot;
  const place = plot.valToPos(value, scale, true);
  ctx.save();
  ctx.beginPath();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dashes.map((length) => length * devicePixelRatio));
  if (scale === "x") {
    ctx.moveTo(place, bbox.top);
    ctx.lineTo(place, bbox.top + bbox.height);
  } else {
    ctx.moveTo(bbox.left, place);
    ctx.lineTo(bbox.left + bbox.width, place);
  }
  ctx.stroke();
  ctx.restore();
}
