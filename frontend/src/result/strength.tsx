import type { Details } from "../api/types";

const LEVELS: Record<Details["strength"], number> = { inconclusive: 0, weak: 1, moderate: 2, strong: 3 };
const DIRECTIONS = { fake: "towards fake", real: "towards real" };

/** The strength of the evidence as up to three bars, and in words. */
export function Strength({ verdict, strength }: Pick<Details, "verdict" | "strength">) {
  return (
    <p class="strength">
      <span class="strength__bars" aria-hidden="true">
        {[1, 2, 3].map((level) => (
          <span key={level} class={level <= LEVELS[strength] ? "is-full" : ""} />
        ))}
      </span>
      Evidence: {strength}
      {verdict !== "inconclusive" && `, ${DIRECTIONS[verdict]}`}
    </p>
  );
}
