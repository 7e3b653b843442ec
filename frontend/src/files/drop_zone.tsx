import { useEffect, useRef, useState } from "preact/hooks";
import type { Limits } from "../api/types";
import { bytes, listed } from "../text/format";
import { accepted } from "./checking";

interface Props {
  limits: Limits;
  isSmall: boolean; // once it has been used
  add: (files: readonly File[]) => void;
}

/** Takes files: dropped anywhere on the page, pasted, or chosen. */
export function DropZone({ limits, isSmall, add }: Props) {
  const chooser = useRef<HTMLInputElement>(null);
  const [isOver, setIsOver] = useState(false);

  useEffect(() => {
    const take = (files: FileList | undefined) => {
      if (files?.length) add([...files]);
    };
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setIsOver(true);
    };
    const leave = (event: DragEvent) => {
      if (!event.relatedTarget) setIsOver(false); // out of the window, not only onto the next element
    };
    const drop = (event: DragEvent) => {
      event.preventDefault();
      setIsOver(false);
      take(event.dataTransfer?.files);
    };
    const paste = (event: ClipboardEvent) => take(event.clipboardData?.files);
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    document.addEventListener("paste", paste);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
      document.removeEventListener("paste", paste);
    };
  }, [add]);

  const kinds = accepted(limits);
  return (
    <section class={`drop${isSmall ? " is-small" : ""}${isOver ? " is-over" : ""}`} aria-label="Choose files">
      <p class="drop__title">Drop videos or pictures here</p>
      <button type="button" class="button is-main" onClick={() => chooser.current?.click()}>
        Choose files
      </button>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        accept={kinds.join(",")}
        onChange={(event) => {
          add([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = ""; // so that the same file can be chosen again
        }}
      />
      <p class="hint">
        or paste them:{" "}
        {listed(
          kinds.map((kind) => kind.slice(1)),
          "or",
        )}
        , up to {bytes(limits.upload_bytes)} each.
      </p>
    </section>
  );
}
