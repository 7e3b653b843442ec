import type { FailureAnswer } from "./types";

/** A call that was not answered as hoped: the service's own code and sentence, or ours if it could not be reached. */
export class Failure extends Error {
  constructor(
    readonly code: string,
    readonly sentence: string,
    readonly requestId: string | null = null,
    readonly retryAfter: number | null = null, // seconds
  ) {
    super(sentence);
  }
}

const ADVICE: Record<string, string> = {
  unreachable: "Start it with “make run”, or see in its terminal why it stopped; then try again.",
  file_too_large: "Cut the video, or save it with a lower resolution or bit rate.",
  unsupported_type: "Save it in one of the accepted formats. Renaming it does not help: the contents are looked at.",
  unreadable_media: "Check whether it opens in a player. If it does, save it anew as mp4 or png and try that.",
  no_video_stream: "Only pictures are judged. Choose a file that has some.",
  media_too_complex: "Save it with a lower resolution and try that.",
  not_ready: "The model is still being loaded, or could not be. The service's log says which.",
  busy: "Wait a moment, then try again.",
  storage_failed: "Make room on the disk of the service, or let it write to its folders.",
  too_slow: "Try again on a faster connection, or with a smaller file.",
  unauthorized: "Enter the key that whoever runs the service gave you.",
  internal_error: "The service's log has more under the number of this request.",
};

const WORTH_REPEATING = new Set([
  "unreachable",
  "not_ready",
  "busy",
  "storage_failed",
  "too_slow",
  "too_many_requests",
  "unauthorized",
  "internal_error",
]);

/** What a person can do about it; null where the sentence says it all. */
export function advice(failure: Failure): string | null {
  return ADVICE[failure.code] ?? null;
}

/** Whether the same may succeed later. */
export function isWorthRepeating(failure: Failure): boolean {
  return WORTH_REPEATING.has(failure.code);
}

/** Nobody answered. */
export function unreachable(origin: string): Failure {
  return new Failure("unreachable", `The service at ${origin} cannot be reached.`);
}

/** What the service says went wrong; also of an answer that is not the service's. */
export function failureOf(status: number, body: unknown, retryAfter: string | null): Failure {
  if (isFailureAnswer(body)) {
    return new Failure(body.code, body.error, body.request_id, retryAfter ? Number(retryAfter) : null);
  }
  return new Failure("unforeseen", `The answer, with status ${status}, is not one of the detector's.`);
}

function isFailureAnswer(body: unknown): body is FailureAnswer {
  return typeof body === "object" && body !== null && "code" in body && "error" in body && "request_id" in body;
}
