import type { Api } from "../api/client";
import type { Answer, FrameFacts, Service } from "../api/types";
import { reportOf, type KeptFrame } from "./report";

interface Order {
  api: Api;
  service: Service;
  file: File;
  answer: Answer;
  judgedAt: Date;
  framesAreKept: boolean;
}

/** Gather what the report needs, write it, and hand it to the browser as a download. */
export async function downloadReport({ api, service, file, answer, judgedAt, framesAreKept }: Order): Promise<void> {
  const frames = answer.details.frames.map((facts) => (framesAreKept ? keep(api, facts) : null));
  const text = reportOf({
    file,
    answer,
    service,
    judgedAt,
    writtenAt: new Date(),
    sha256Here: await sha256(file),
    frames: await Promise.all(frames),
  });
  save(new Blob([text], { type: "text/html" }), `${file.name}.report.html`);
}

async function keep(api: Api, { annotated_url, plain_url }: FrameFacts): Promise<KeptFrame | null> {
  const [annotated, plain] = await Promise.all([annotated_url, plain_url].map((url) => picture(api, url)));
  if (!annotated || !plain) return null;
  return { annotated: await dataUrl(annotated), plain: await dataUrl(plain), sha256: await sha256(plain) };
}

async function picture(api: Api, url: string | null): Promise<Blob | null> {
  if (!url) return null;
  const response = await fetch(api.frame(url)).catch(() => null);
  return response?.ok ? response.blob() : null;
}

/** In hexadecimal; null where the browser does not compute it: outside of secure contexts, or for want of memory. */
async function sha256(blob: Blob): Promise<string | null> {
  try {
    const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  } catch {
    return null;
  }
}

function dataUrl(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}

function save(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // by then the browser has read it
}
