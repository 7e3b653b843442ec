import { useEffect, useState } from "preact/hooks";

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** The colour scheme that is asked for now; what is drawn on a canvas is drawn again when it changes. */
export function useScheme(): "dark" | "light" {
  const [isDark, setIsDark] = useState(DARK.matches);
  useEffect(() => {
    const follow = () => setIsDark(DARK.matches);
    DARK.addEventListener("change", follow);
    return () => DARK.removeEventListener("change", follow);
  }, []);
  return isDark ? "dark" : "light";
}
