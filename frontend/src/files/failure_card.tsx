import { advice, isWorthRepeating, type Failure } from "../api/failure";

interface Props {
  failure: Failure;
  retry: () => void;
}

/** What went wrong with a file, and what can be done about it. */
export function FailureCard({ failure, retry }: Props) {
  const help = advice(failure);
  return (
    <section class="block failure" role="alert" data-code={failure.code}>
      <h3>Not judged</h3>
      <p>{failure.sentence}</p>
      {help && <p>{help}</p>}
      {failure.retryAfter && <p>The service asks to wait {failure.retryAfter} s.</p>}
      {isWorthRepeating(failure) && (
        <button type="button" class="button is-main" onClick={retry}>
          Try again
        </button>
      )}
      {failure.requestId && <p class="hint">Request {failure.requestId}</p>}
    </section>
  );
}
