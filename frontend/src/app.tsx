import { useEffect, useMemo, useState } from "preact/hooks";
import { Api, findApi } from "./api/client";
import { Failure } from "./api/failure";
import type { Service } from "./api/types";
import { FilesView } from "./files/files_view";
import { useItems } from "./files/use_items";
import { LiveView } from "./live/live_view";
import { NoService } from "./no_service";
import { CAVEAT } from "./text/words";
import { useRoute } from "./use_route";

/** The whole page: it asks for the service first, since all else depends on it. */
export function App() {
  const [origin, setOrigin] = useState<string | null>(null);
  const [key, setKey] = useState<string | null>(null);
  const [service, setService] = useState<Service | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [tries, setTries] = useState(0);
  const api = useMemo(() => (origin === null ? null : new Api(origin, key)), [origin, key]);

  useEffect(() => {
    setFailure(null);
    if (!api) findApi().then(setOrigin, (error: Error) => setFailure(asFailure(error)));
    else api.service().then(setService, (error: Error) => setFailure(asFailure(error)));
  }, [api, tries]);

  return (
    <>
      <Header service={service} />
      <main id="main" tabIndex={-1}>
        {failure && <NoService failure={failure} retry={() => setTries(tries + 1)} enter={setKey} />}
        {!failure && !(api && service) && <p class="hint">Asking for the service …</p>}
        {!failure && service && !service.model && <NoModel retry={() => setTries(tries + 1)} />}
        {!failure && api && service && <Views api={api} service={service} />}
      </main>
      <footer class="foot">
        <p>{CAVEAT}</p>
        <p>
          This page and the service run on your own machine and send nothing anywhere else. Faces are biometric data:
          have a reason to judge them.
        </p>
      </footer>
    </>
  );
}

function Views({ api, service }: { api: Api; service: Service }) {
  const route = useRoute();
  const files = useItems(api, service.limits); // kept while the other view is looked at
  if (route === "live") return <LiveView api={api} />;
  return <FilesView {...{ api, service, files }} />;
}

function NoModel({ retry }: { retry: () => void }) {
  return (
    <section class="block failure" role="alert" data-code="not_ready">
      <p>
        The service has no model yet, so it cannot judge. A model takes some seconds to load, at the first start a
        minute.
      </p>
      <button type="button" class="button" onClick={retry}>
        Ask again
      </button>
    </section>
  );
}

function Header({ service }: { service: Service | null }) {
  const route = useRoute();
  return (
    <header class="head">
      <button type="button" class="skip" onClick={() => document.getElementById("main")?.focus()}>
        Skip to the contents
      </button>
      <h1>Deepfake detector</h1>
      <nav aria-label="Views">
        <a href="#files" aria-current={route === "files" ? "page" : undefined}>
          Files
        </a>
        <a href="#live" aria-current={route === "live" ? "page" : undefined}>
          Live camera
        </a>
      </nav>
      <p class="head__model">{service?.model ? `Model ${service.model.version}` : ""}</p>
    </header>
  );
}

function asFailure(error: Error): Failure {
  return error instanceof Failure ? error : new Failure("unforeseen", "The page could not be started.");
}
