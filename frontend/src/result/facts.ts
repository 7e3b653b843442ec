/** Every fact of an answer as a name and a text: for the page and for the report alike. */

import type { Answer, Service } from "../api/types";
import { bytes, seconds } from "../text/format";

const CREDENTIALS = {
  none: "none, which shows nothing",
  valid: "they fit the file; who signed them was not checked",
  invalid: "they do not fit the file, or are damaged",
  elsewhere: "on a server, not fetched",
};

export type Fact = readonly [name: string, text: string];

/** What the file is, as far as its container tells. */
export function mediaFacts(file: { name: string; size: number }, { media }: Answer["details"]): Fact[] {
  const facts: Fact[] = [
    ["File", file.name],
    ["Size", bytes(file.size)],
    ["Kind", `${media.kind}, ${media.codec}${media.codec === media.container ? "" : ` in ${media.container}`}`],
    ["Picture", `${media.width} × ${media.height} pixels`],
  ];
  if (media.rotation) facts.push(["Turned", `${media.rotation} degrees clockwise, as the file asks for`]);
  if (media.duration !== null) facts.push(["Duration", seconds(media.duration)]);
  if (media.frames_per_second !== null) facts.push(["Frames a second", String(media.frames_per_second)]);
  facts.push(["Bits a pixel", media.bits_per_pixel.toFixed(2)]);
  if (media.generator !== null) facts.push(["Generator, by the metadata", media.generator]);
  if (media.editor !== null) facts.push(["Editor, by the metadata", media.editor]);
  facts.push(["Content Credentials", CREDENTIALS[media.credentials?.state ?? "none"]]);
  return facts;
}

/** What identifies the upload, the model and how it was asked. */
export function custodyFacts({ details }: Answer, service: Service): Fact[] {
  const { settings, model } = details;
  return [
    ["SHA-256 of the file", details.sha256],
    ["Analysis", details.id],
    ["Service", `${service.service} ${service.version}`],
    ["Model", `${model.version}${model.calibrated ? "" : ", not calibrated"}`],
    ["SHA-256 of the model", model.sha256],
    ["Instants asked for", String(settings.instants)],
    ["Faces a frame, at most", String(settings.faces_per_frame)],
    ["Crop margin", String(settings.crop_margin)],
    ["Detector threshold", String(settings.detector_threshold)],
    ["Precision", settings.precision],
  ];
}
