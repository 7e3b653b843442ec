import type { Details } from "../api/types";
import { lineDashes } from "../chart/palette";
import { seriesOf, type Series } from "../chart/series";
import { percent, seconds, share } from "../text/format";
import { html, type Html } from "./html";

const WIDTH = 720;
const HEIGHT = 240;
const LEFT = 48;
const TOP = 10;
const RIGHT = 14;
const BOTTOM = 26;
const LEVELS = [0, 0.25, 0.5, 0.75, 1];
const COLOURS = ["#1f5f6b", "#b3541e", "#5b4b9a", "#4c7a2f", "#a02c5a", "#6b6b1f"];

/** Times and scores to places in the picture. */
interface Scales {
  across: (time: number) => string;
  up: (score: number) => string;
}

/** The scores of all faces over time, as a picture in text. */
export function svgChart({ frames, tracks, model }: Details): Html {
  const times = frames.map((frame) => frame.time);
  const [start, end] = [times[0] ?? 0, times.at(-1) ?? 0];
  const scales: Scales = {
    across: (time) => (LEFT + ((time - start) / (end - start || 1)) * (WIDTH - LEFT - RIGHT)).toFixed(1),
    up: (score) => (TOP + (1 - score) * (HEIGHT - TOP - BOTTOM)).toFixed(1),
  };
  const lines = seriesOf(frames, tracks).map((series, place) => line(series, times, place, scales));
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Score of each face over time">
${band(model.inconclusive, scales)}
${LEVELS.map((level) => levelLine(level, scales))}
<text x="${scales.across(start)}" y="${HEIGHT - 6}">${seconds(start)}</text>
<text x="${scales.across(end)}" y="${HEIGHT - 6}" text-anchor="end">${seconds(end)}</text>
${lines}
</svg>`;
}

/** A piece of the line of a face, to tell which is which. */
export function lineSample(place: number): Html {
  return html`<svg class="sample" viewBox="0 0 28 4" aria-hidden="true">${stroke("M0 2L28 2", place)}</svg>`;
}

function band([low, high]: Details["model"]["inconclusive"], { up }: Scales): Html {
  const height = Number(up(low)) - Number(up(high));
  return html`<rect x="${LEFT}" y="${up(high)}" width="${WIDTH - LEFT - RIGHT}" height="${height}" fill="#ece8da"/>`;
}

function levelLine(level: number, { up }: Scales): Html {
  const colour = level === 0.5 ? "#555" : "#ddd";
  return html`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${up(level)}" y2="${up(level)}" stroke="${colour}"/>
<text x="${LEFT - 6}" y="${Number(up(level)) + 4}" text-anchor="end">${share(level)}</text>`;
}

function line({ track, scores }: Series, times: readonly number[], place: number, { across, up }: Scales): Html {
  const steps: string[] = [];
  const dots: Html[] = [];
  scores.forEach((score, at) => {
    if (score === null) return;
    const [x, y] = [across(times[at]!), up(score)];
    const isJoined = (scores[at - 1] ?? null) !== null;
    steps.push(`${isJoined ? "L" : "M"}${x} ${y}`);
    const title = `Face ${track.number}: ${percent(score)}`;
    dots.push(html`<circle cx="${x}" cy="${y}" r="3" fill="${colourOf(place)}"><title>${title}</title></circle>`);
  });
  return html`${stroke(steps.join(""), place)}${dots}`;
}

function stroke(path: string, place: number): Html {
  const dashes = lineDashes(place).join(" ");
  return html`<path d="${path}" fill="none" stroke="${colourOf(place)}" stroke-width="2" stroke-dasharray="${dashes}"/>`;
}

function colourOf(place: number): string {
  return COLOURS[place % COLOURS.length]!;
}
