import { Failure } from "../api/failure";
import type { Limits } from "../api/types";
import { bytes, counted, listed } from "../text/format";

/** What the service would refuse anyway, told before anything is sent; null where there is nothing to say. */
export function check(file: { name: string; size: number }, limits: Limits): Failure | null {
  if (file.size > limits.upload_bytes) {
    const [size, most] = toldApart(file.size, limits.upload_bytes);
    return new Failure("file_too_large", `The file has ${size}; at most ${most} are accepted.`);
  }
  const extension = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0] ?? "";
  if (!accepted(limits).includes(extension)) {
    const named = accepted(limits).map((one) => one.slice(1));
    return new Failure("unsupported_type", `Only ${listed(named, "and")} files are judged.`);
  }
  return null;
}

/** Two sizes in round numbers, unless these are the same. */
function toldApart(one: number, other: number): [string, string] {
  if (bytes(one) !== bytes(other)) return [bytes(one), bytes(other)];
  return [counted(one, "byte"), counted(other, "byte")];
}

/** Extensions with their dot, as a file chooser wants them. */
export function accepted(limits: Limits): string[] {
  return limits.extensions.map((extension) => `.${extension.replace(/^\./, "")}`);
}
