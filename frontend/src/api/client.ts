import { failureOf, unreachable } from "./failure";
import type { Answer, Progress, Service } from "./types";

/** How a file is to be judged. */
export interface Order {
  file: Blob;
  name: string;
  id: string;
  keepFrames: boolean;
  signal: AbortSignal;
  onSent?: (sent: number, total: number) => void; // bytes
}

/** Where the API is, as the page's own server tells. */
export async function findApi(): Promise<string> {
  const response = await fetch("/config.json", { cache: "no-store" });
  if (!response.ok) throw unreachable(location.origin);
  return ((await response.json()) as { api: string }).api;
}

/** The id of an analysis, chosen here so that its progress can be asked for: 128 random bits, in hexadecimal. */
export function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The calls of the service. All throw a `Failure`; those that are aborted, an `AbortError`. */
export class Api {
  constructor(
    readonly origin: string,
    private readonly key: string | null = null,
  ) {}

  /** What the service is, and its limits. */
  async service(): Promise<Service> {
    return (await this.call("GET", "/")) as Service;
  }

  /** How far an analysis is. */
  async progress(id: string): Promise<Progress> {
    return (await this.call("GET", `/analyses/${id}`)) as Progress;
  }

  /** Cancel an analysis that runs, or delete the files of one that is done. */
  async remove(id: string): Promise<void> {
    await this.call("DELETE", `/analyses/${id}`);
  }

  /** The whole address of a frame. */
  frame(url: string): string {
    return this.origin + url;
  }

  /** Send a file and wait for the verdict. By XMLHttpRequest, since fetch tells nothing of how much has been sent. */
  predict({ file, name, id, keepFrames, signal, onSent }: Order): Promise<Answer> {
    const form = new FormData();
    form.append("file", file, name);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      const abort = () => request.abort();
      request.open("POST", `${this.origin}/predict?id=${id}${keepFrames ? "" : "&store=false"}`);
      if (this.key) request.setRequestHeader("Authorization", `Bearer ${this.key}`);
      request.upload.onprogress = (event) => onSent?.(event.loaded, event.total);
      request.onload = () => {
        const body = parsed(request.responseText);
        if (request.status === 200) resolve(body as Answer);
        else reject(failureOf(request.status, body, request.getResponseHeader("Retry-After")));
      };
      request.onerror = () => reject(unreachable(this.origin));
      request.onabort = () => reject(new DOMException("cancelled here", "AbortError"));
      request.onloadend = () => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort);
      request.send(form);
    });
  }

  private async call(method: "GET" | "DELETE", path: string): Promise<unknown> {
    let response: Response;
    try {
      response = await fetch(this.origin + path, { method, cache: "no-store", headers: this.headers() });
    } catch {
      throw unreachable(this.origin);
    }
    const body = parsed(await response.text());
    if (!response.ok) throw failureOf(response.status, body, response.headers.get("Retry-After"));
    return body;
  }

  private headers(): Record<string, string> {
    return this.key ? { Authorization: `Bearer ${this.key}` } : {};
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
