/** The report: one HTML file that needs nothing else, for when the service has forgotten all. */

import type { Answer, FrameFacts, Service } from "../api/types";
import { custodyFacts, mediaFacts, type Fact } from "../result/facts";
import { bytes, calendar, percent, seconds } from "../text/format";
import {
  CHART_WORDS,
  HEAT_WORDS,
  caveatOf,
  confidenceInWords,
  examinedInWords,
  measuredOn,
  measurementInWords,
  notExamined,
  notMeasured,
  rateInWords,
  shareOfFakes,
} from "../text/words";
import { html, Html } from "./html";
import { REPORT_STYLE } from "./style";
import { lineSample, svgChart } from "./svg_chart";

/** A frame's two pictures as `data:` addresses, with the SHA-256 of the plain one where it could be computed. */
export interface KeptFrame {
  annotated: string;
  plain: string;
  sha256: string | null;
}

export interface Findings {
  file: { name: string; size: number };
  answer: Answer;
  service: Service;
  judgedAt: Date;
  writtenAt: Date;
  sha256Here: string | null; // of the file, computed in the browser; null where it could not be
  frames: readonly (KeptFrame | null)[]; // in the order of the answer's; null for those that are gone
}

const NOTHING = new Html("");

/** The whole file. */
export function reportOf(findings: Findings): string {
  const { answer, file, writtenAt } = findings;
  const { details } = answer;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${file.name}: ${details.headline}</title>
<style>${new Html(REPORT_STYLE)}</style>
</head>
<body>
<main>
${verdict(findings)}
${errorRates(answer)}
<section>
<h2>What was examined</h2>
<p>${examinedInWords(details)} Not examined: ${notExamined(details).join("; ")}.</p>
</section>
${details.frames.length > 1 ? timeline(answer) : NOTHING}
${anomalies(answer)}
<section>
<h2>The file</h2>
${factTable(mediaFacts(file, details))}
</section>
${custody(findings)}
<section>
<h2>Frames</h2>
<p>${HEAT_WORDS}</p>
${details.frames.map((facts, place) => frame(facts, findings.frames[place] ?? null, details.media.kind === "video"))}
</section>
<section>
<h2>The service's answer</h2>
<details><summary>All numbers, as JSON</summary><pre>${JSON.stringify(answer, null, 1)}</pre></details>
</section>
<footer><p>Written on ${calendar(writtenAt)} by the page of the service, from its answer, in a browser.</p></footer>
</main>
</body>
</html>
`.text;
}

function verdict({ answer, file, judgedAt }: Findings): Html {
  const { details } = answer;
  return html`<header>
<p>Report of the deepfake detector on <b>${file.name}</b> (${bytes(file.size)}), judged on ${calendar(judgedAt)}</p>
<h1>${details.headline}</h1>
<p class="reason">${details.reason}</p>
<p>Evidence: <b>${details.strength}</b>. ${confidenceInWords(answer)}</p>
<p><b>${caveatOf(details.verdict)}</b></p>
</header>`;
}

function errorRates({ details }: Answer): Html {
  const { meaning } = details.model;
  if (!meaning) {
    return html`<section><h2>How often this model is wrong</h2><p>${notMeasured(details.basis)}</p></section>`;
  }
  const what = measuredOn(details.basis);
  const shares = meaning.fake_right_of_fakes.map(({ share_of_fakes, right }) => {
    const where = shareOfFakes(share_of_fakes);
    return html`<li>Where ${where} fake, a “Fake” is right in ${percent(right)} of cases.</li>`;
  });
  return html`<section>
<h2>How often this model was wrong</h2>
<ul>
<li>Real ${what} called fake: ${rateInWords(meaning.real_called_fake, `real ${what}`)}.</li>
<li>Fake ${what} called real: ${rateInWords(meaning.fake_called_real, `fake ${what}`)}.</li>
${shares}
</ul>
</section>`;
}

function timeline({ details }: Answer): Html {
  const tracks = details.tracks.map(({ number, fake_probability, first_time, last_time, instants, judged }, place) => {
    const span = `from ${seconds(first_time)} to ${seconds(last_time)} at ${instants} instants`;
    const weight = judged ? "" : ", too seldom to count";
    return html`<li>${lineSample(place)} Face ${number}: ${percent(fake_probability)} fake in all, seen ${span}${weight}.</li>`;
  });
  return html`<section>
<h2>Score of each face over time</h2>
${svgChart(details)}
<ul class="plain">${tracks}</ul>
<p>${CHART_WORDS}</p>
</section>`;
}

function anomalies({ anomalies: sentences, details }: Answer): Html {
  const items = sentences.map((sentence, place) => {
    const facts = details.anomalies[place];
    const measured = facts && measurementInWords(facts, details.basis);
    return html`<li>${sentence} ${measured ? html`<small>${measured}</small>` : NOTHING}</li>`;
  });
  return html`<section>
<h2>What was noticed</h2>
${items.length ? html`<ul>${items}</ul>` : html`<p>Nothing beyond the scores.</p>`}
</section>`;
}

function custody({ answer, service, judgedAt, sha256Here }: Findings): Html {
  const facts: Fact[] = [
    ["Judged", `${calendar(judgedAt)} (${judgedAt.toISOString()}), by the clock of the browser`],
    ...custodyFacts(answer, service),
    ["SHA-256 of the file, computed by the browser", comparison(sha256Here, answer.details.sha256)],
  ];
  return html`<section>
<h2>Chain of custody</h2>
<p>Whoever has the file, the model and these settings can have it judged again; the answer is the same but for its id,
names of frames and times. A file whose SHA-256 differs is another file.</p>
${factTable(facts)}
</section>`;
}

function comparison(here: string | null, there: string): string {
  if (here === null) return "not computed: browsers do so only on pages of this machine, or over TLS";
  return `${here} (${here === there ? "the same" : "NOT the same: the service judged other bytes"})`;
}

function factTable(facts: readonly Fact[]): Html {
  const rows = facts.map(([name, text]) => html`<tr><th scope="row">${name}</th><td>${text}</td></tr>`);
  return html`<table>${rows}</table>`;
}

function frame({ time, faces }: FrameFacts, kept: KeptFrame | null, isVideo: boolean): Html {
  const title = isVideo ? `At ${seconds(time)}` : "The picture";
  const scores = faces
    .filter((face) => face.box)
    .map((face) => `face ${face.track} ${percent(face.fake_probability)} fake`);
  const caption = `${title}: ${scores.join(", ") || "no face"}.`;
  if (!kept) {
    return html`<figure>
<figcaption>${caption}</figcaption>
<p>This frame was gone when the report was written.</p>
</figure>`;
  }
  return html`<figure>
<figcaption>${caption}</figcaption>
<img src="${kept.annotated}" alt="${title}, with boxes, scores and heat map">
<details><summary>Without drawing</summary><img src="${kept.plain}" alt="${title}, as it was examined"></details>
${kept.sha256 ? html`<small>SHA-256 of the picture without drawing: ${kept.sha256}</small>` : NOTHING}
</figure>`;
}
