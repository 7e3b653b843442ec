import { useLayoutEffect, useReducer, useRef } from "preact/hooks";
import type { Api } from "../api/client";
import type { Limits } from "../api/types";
import { Attempt } from "./attempt";
import { check } from "./checking";
import { isUnderWay, NOTHING, reduce, type Items } from "./items";

const AT_A_TIME = 2; // one is sent while another is judged; the service queues, but its queue is not ours alone

export interface Files {
  items: Items;
  add(files: readonly File[]): void;
  open(key: number): void;
  cancel(key: number): void;
  retry(key: number): void;
  forget(key: number): void;
  removeFrames(key: number): Promise<void>;
}

/** The files of this visit, sent one after the other. */
export function useItems(api: Api, limits: Limits): Files {
  const [items, act] = useReducer(reduce, NOTHING);
  const attempts = useRef(new Map<number, Attempt>());
  const nextKey = useRef(0);

  useLayoutEffect(() => {
    const busy = items.all.filter((item) => isUnderWay(item.phase) && item.phase.kind !== "queued").length;
    const turn = items.all.filter((item) => item.phase.kind === "queued").slice(0, Math.max(0, AT_A_TIME - busy));
    for (const { key, file } of turn) {
      const refusal = check(file, limits);
      if (refusal) {
        act({ do: "move", key, to: { kind: "failed", failure: refusal } });
      } else {
        const attempt = new Attempt(api, file, (to) => act({ do: "move", key, to }));
        attempts.current.set(key, attempt);
        void attempt.run();
      }
    }
  }, [items, api, limits]);

  return {
    items,
    add(files) {
      act({ do: "add", files, firstKey: nextKey.current });
      nextKey.current += files.length;
    },
    open: (key) => act({ do: "open", key }),
    cancel(key) {
      const item = items.all.find((one) => one.key === key);
      if (item?.phase.kind === "queued") act({ do: "move", key, to: { kind: "cancelled" } });
      else void attempts.current.get(key)?.cancel();
    },
    retry: (key) => act({ do: "move", key, to: { kind: "queued" } }),
    forget: (key) => act({ do: "forget", key }),
    async removeFrames(key) {
      const phase = items.all.find((one) => one.key === key)?.phase;
      const id = attempts.current.get(key)?.id;
      if (phase?.kind !== "done" || !id) return;
      await api.remove(id);
      act({ do: "move", key, to: { ...phase, framesAreKept: false } });
    },
  };
}
