import { advice, type Failure } from "./api/failure";

interface Props {
  failure: Failure;
  retry: () => void;
  enter: (key: string) => void;
}

/** The service cannot be used: why, and what to do; where it asks for a key, a place to enter one. */
export function NoService({ failure, retry, enter }: Props) {
  const help = advice(failure);
  return (
    <section class="block failure" role="alert" data-code={failure.code}>
      <h2>The service cannot be used</h2>
      <p>{failure.sentence}</p>
      {help && <p>{help}</p>}
      {failure.code === "unauthorized" ? (
        <form
          class="key"
          onSubmit={(event) => {
            event.preventDefault();
            enter(String(new FormData(event.currentTarget).get("key")));
          }}
        >
          <label>
            API key
            <input name="key" type="password" required autocomplete="off" />
          </label>
          <button class="button is-main">Use this key</button>
        </form>
      ) : (
        <button type="button" class="button is-main" onClick={retry}>
          Try again
        </button>
      )}
    </section>
  );
}
