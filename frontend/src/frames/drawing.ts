/** Boxes, scores and heat maps of faces on a canvas. */

import type { FaceFacts } from "../api/types";
import { percent } from "../text/format";
import { heatOf, heatPixels } from "./heat";

export const FAKE_COLOUR = [214, 48, 49] as const; // the service draws in the same three
export const REAL_COLOUR = [9, 132, 127] as const;
const NO_FACE_COLOUR = [90, 90, 90] as const; // what is said of a whole frame proves nothing, so it gets no number
const SMALLEST_TEXT = 12; // CSS pixels

export interface Drawing {
  faces: readonly FaceFacts[];
  scale: number; // pixels of the canvas for one of the source
  unit: number; // pixels of the canvas for one of CSS
  threshold: number | null; // the logit above which heat is drawn; null: no heat
}

/** Draw the faces of a frame over what is on the canvas. */
export function drawFaces(canvas: HTMLCanvasElement, { faces, scale, unit, threshold }: Drawing): void {
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (threshold !== null) for (const face of faces) layHeat(context, face, scale, threshold);
  for (const face of faces) drawBox(context, face, scale, unit);
}

function layHeat(context: CanvasRenderingContext2D, face: FaceFacts, scale: number, threshold: number): void {
  if (!face.logit_map) return;
  const heat = heatOf(face.logit_map, threshold);
  const small = new OffscreenCanvas(heat.columns, heat.rows);
  const picture = new ImageData(heat.columns, heat.rows);
  picture.data.set(heatPixels(heat, FAKE_COLOUR));
  small.getContext("2d")!.putImageData(picture, 0, 0);
  const [x, y, width, height] = inCanvas(face.region, scale);
  context.drawImage(small, x, y, width, height); // smoothed between the middles of areas
}

function drawBox(context: CanvasRenderingContext2D, face: FaceFacts, scale: number, unit: number): void {
  const [x, y, width, height] = inCanvas(face.box ?? face.region, scale);
  const { width: wide, height: high } = context.canvas;
  const text = face.box ? `Face ${face.track}: ${percent(face.fake_probability)} fake` : "No face found";
  const likelier = face.fake_probability >= 0.5 ? FAKE_COLOUR : REAL_COLOUR;
  const colour = `rgb(${(face.box ? likelier : NO_FACE_COLOUR).join(" ")})`;
  context.lineWidth = 2 * unit;
  context.strokeStyle = colour;
  context.strokeRect(x, y, width, height);
  const textHeight = Math.max(SMALLEST_TEXT * unit, 0.028 * Math.min(wide, high));
  context.font = `600 ${textHeight}px system-ui, sans-serif`;
  const labelWidth = context.measureText(text).width + 0.8 * textHeight;
  const labelHeight = 1.6 * textHeight;
  const left = Math.min(Math.max(x - unit, 0), Math.max(0, wide - labelWidth));
  const top = Math.min(Math.max(y - labelHeight, 0), high - labelHeight);
  context.fillStyle = colour;
  context.fillRect(left, top, labelWidth, labelHeight);
  context.fillStyle = "white";
  context.textBaseline = "middle";
  context.fillText(text, left + 0.4 * textHeight, top + labelHeight / 2);
}

function inCanvas([x, y, width, height]: FaceFacts["region"], scale: number): FaceFacts["region"] {
  return [x * scale, y * scale, width * scale, height * scale];
}
