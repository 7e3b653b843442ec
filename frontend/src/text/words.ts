/** What the page says about an answer beyond the service's own sentences. */

import type { AnomalyFacts, Answer, Basis, Details, Verdict } from "../api/types";
import { FULL_LOGIT } from "../frames/heat";
import { counted, percent, seconds, share, smallShare } from "./format";

export const CAVEAT = "A verdict is evidence, not proof. Never decide about a person by it alone.";

export const CHART_WORDS =
  "Above the line in the middle an instant speaks for fake. Where a file as a whole scores in the shaded band, the model " +
  "is not right often enough for a verdict. The verdict weighs all instants together.";
export const HEAT_WORDS =
  "Red areas speak for fake: the fuller, the further their logit lies above the model's threshold " +
  `(full at ${FULL_LOGIT} above). An area without colour lies at or below it, which does not show that it is real.`;

type Rate = NonNullable<Details["model"]["meaning"]>["real_called_fake"];

/** What the number beside a verdict is, and how many fakes it supposes. */
export function confidenceInWords({ prediction, confidence, details }: Answer): string {
  if (details.verdict === "inconclusive") {
    return `The likelier of the two labels would be ${prediction}, at ${percent(confidence)}: not enough to rely on.`;
  }
  const told = `${percent(confidence)} confident that ${prediction} is the right one of the two labels`;
  const prior = details.model.prior[details.basis];
  return prior === undefined ? `${told}.` : `${told}, supposing that ${share(prior)} of such files are fake.`;
}

/** What a verdict does not say. */
export function caveatOf(verdict: Verdict): string {
  return verdict === "real"
    ? `${CAVEAT} That nothing was found does not show that it is real: no detector knows every generator.`
    : CAVEAT;
}

/** Why there are no error rates. */
export function notMeasured(basis: Basis): string {
  return basis === "whole_frame"
    ? "It was measured on faces; on files without one nobody knows."
    : "Nobody has measured it. Nothing can be concluded from its scores.";
}

/** The kind of files that an error rate was measured on. */
export function measuredOn(basis: Basis): string {
  return basis === "face_video" ? "videos" : "pictures";
}

/** A measured rate with its interval and what it was measured on. */
export function rateInWords(rate: Rate, what: string): string {
  return (
    `${share(rate.value)} (${share(rate.low)} to ${share(rate.high)} with 95 % confidence), ` +
    `measured on ${rate.files.toLocaleString("en")} ${what}`
  );
}

/** How many of the files are fake: "half of the files", "1 file in 100". */
export function shareOfFakes(value: number): string {
  return value === 0.5 ? "half of the files are" : `1 file in ${Math.round(1 / value)} is`;
}

/** What was looked at. */
export function examinedInWords({ coverage, media, basis }: Details): string {
  const faces =
    basis === "whole_frame" ? "no face was found in" : `${counted(coverage.faces_judged, "face")} judged in`;
  if (media.kind === "picture") return `${sentence(faces)} the picture.`;
  const length = media.duration === null ? "" : `, spread over ${seconds(media.duration)}`;
  return (
    `${counted(coverage.instants_examined, "instant")}${length}; ` +
    `${faces} ${counted(coverage.frames_examined, "frame")}.`
  );
}

/** What was not looked at; the model knows faces only. */
export function notExamined({ coverage, basis }: Details): readonly string[] {
  const beyond =
    basis === "whole_frame" ? "faces, since none was found" : "everything in the picture that is not a face";
  return [...coverage.not_examined, beyond];
}

const UNITS: Record<string, (value: number) => string> = {
  fake_span: (value) => counted(value, "instant"),
  evidence_region: inLogits,
  faces_disagree: inPoints,
  soft_face: (value) => `${(2 ** value).toFixed(1)} times the detail`,
  score_flicker: inLogits,
  unstable_score: inPoints,
  tilted_face: (value) => `${Math.round(value)} degrees`,
  small_face: (value) => `${Math.round(value)} pixels`,
  dark_face: (value) => `${Math.round(value)} of 255`,
  blurred_face: (value) => `edges of ${value.toFixed(2)} of the contrast`,
  heavy_compression: (value) => `${value.toFixed(2)} bits a pixel`,
};

/** What was measured, the bound that it passed, and how often genuine files pass it too; of plain facts nothing. */
export function measurementInWords(facts: AnomalyFacts, basis: Basis): string | null {
  const { code, value, threshold, time_span, track } = facts;
  const told = UNITS[code];
  if (!told) return null;
  const parts = [`measured ${told(value)}`, `bound ${told(threshold)}`];
  if (track !== null) parts.push(`face ${track}`);
  if (time_span) parts.push(`${seconds(time_span[0] ?? 0)} to ${seconds(time_span[1] ?? 0)}`);
  return sentence([...parts, falseAlarms(facts, basis)].join(" · "));
}

function falseAlarms({ false_alarm_rate: rate, false_alarm_upper: upper }: AnomalyFacts, basis: Basis): string {
  if (rate === null || upper === null) return "how often it is told of genuine files was not measured with this model";
  const files = `genuine ${measuredOn(basis)}`;
  return `also told of ${smallShare(rate)} of ${files} (95 % interval up to ${smallShare(upper)})`;
}

function inLogits(value: number): string {
  return `${value.toFixed(2)} logits`;
}

function inPoints(value: number): string {
  return `${Math.round(100 * value)} points of 100`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
