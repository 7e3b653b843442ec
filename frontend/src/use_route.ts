import { useEffect, useState } from "preact/hooks";

export type Route = "files" | "live";

/** The view that the address asks for by its fragment. */
export function useRoute(): Route {
  const [route, setRoute] = useState(routeNow);
  useEffect(() => {
    const follow = () => setRoute(routeNow());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function routeNow(): Route {
  return location.hash === "#live" ? "live" : "files";
}
