import { Failure } from "../api/failure";
import type { Limits } from "../api/types";
import { bytes, listed } from "../text/format";

/** What the service would refuse anyway, told before anything is sent; null where there is nothing to say. */
export function check(file: { name: string; size: number }, limits: Limits): Failure | null {
  if (file.size > limits.upload_bytes) {
    const sentence = `The file has ${bytes(file.size)}; at most ${bytes(limits.upload_bytes)} are accepted.`;
    return new Failure("file_too_large", sentence);
  }
  const extension = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0] ?? "";
  if (!accepted(limits).includes(extension)) {
    const named = accepted(limits).map((one) => one.slice(1));
    return new Failure("unsupported_type", `Only ${listed(named, "and")} files are judged.`);
  }
  return null;
}

/** Extensions with their dot, as a file chooser wants them. */
export function accepted(limits: Limits): string[] {
  return limits.extensions.map((extension) => `.${extension.replace(/^\./, "")}`);
}
