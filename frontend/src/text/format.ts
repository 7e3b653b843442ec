/** Numbers and times as people read them. */

const SPACE = "\u00a0"; // between a number and its unit: no line ends there
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const CALENDAR = new Intl.DateTimeFormat("en-GB", { dateStyle: "long", timeStyle: "long" });

/** A probability in per cent; never 0 or 100, since nothing is certain. */
export function percent(probability: number): string {
  return `${Math.min(Math.max(Math.round(100 * probability), 1), 99)}${SPACE}%`;
}

/** A measured share in per cent; here 0 is possible, as it was counted. */
export function share(value: number): string {
  return `${Math.round(100 * value)}${SPACE}%`;
}

/** A measured share that may be far below one per cent: "0.2 %". */
export function smallShare(value: number): string {
  return `${(100 * value).toFixed(1)}${SPACE}%`;
}

/** Seconds with a decimal: "8.3 s"; from a minute on "1:05.2". */
export function seconds(time: number): string {
  const tenths = Math.round(10 * time);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)}${SPACE}s`;
  return `${Math.floor(tenths / 600)}:${((tenths % 600) / 10).toFixed(1).padStart(4, "0")}`;
}

/** Bytes in the largest unit in which they are at least one, of 1024 each. */
export function bytes(count: number): string {
  if (count < 1024) return `${count}${SPACE}bytes`;
  const inKilobytes = count / 1024;
  if (Math.round(inKilobytes) < 1024) return `${Math.round(inKilobytes)}${SPACE}kB`;
  return `${(inKilobytes / 1024).toFixed(1).replace(".0", "")}${SPACE}MB`;
}

/** "1 face", "2 faces". */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count.toLocaleString("en")} ${count === 1 ? singular : plural}`;
}

/** "mp4, avi or mov". */
export function listed(parts: readonly string[], conjunction: "and" | "or"): string {
  const [last, ...others] = [...parts].reverse();
  return others.length ? `${others.reverse().join(", ")} ${conjunction} ${last}` : (last ?? "");
}

/** The time of day, here. */
export function clock(moment: Date): string {
  return CLOCK.format(moment);
}

/** Day and time with the zone, here. */
export function calendar(moment: Date): string {
  return CALENDAR.format(moment);
}
