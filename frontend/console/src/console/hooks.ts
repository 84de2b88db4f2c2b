import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Live } from "./live";

/** Renders again whenever the server has told something. */
export function useLive(live: Live): Live {
  const [, again] = useReducer((count: number, _: void) => count + 1, 0);
  useEffect(() => live.listen(() => again()), [live]);
  return live;
}

/** The part of the address behind `#`, taken apart: each part is escaped by itself. */
export function useRoute(): string[] {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const changed = () => setRoute(readRoute());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  return route;
}

function readRoute(): string[] {
  try {
    return location.hash.replace(/^#?\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return [];
  }
}

/** The address of something in memory; empty while there is none. */
export function useObjectUrl(content: Blob | null): string {
  const [url, setUrl] = useState("");
  useEffect(() => {
    const made = content === null ? "" : URL.createObjectURL(content);
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content]);
  return url;
}

/**
 * Calls `load` now and then every `everyMs` once the call before has ended, as long as the page is
 * seen and the part that asks is there.
 */
export function usePolling(
  load: (signal: AbortSignal) => Promise<void>,
  everyMs: number,
  dependencies: readonly unknown[],
): void {
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const control = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const run = async () => {
      if (!document.hidden) {
        await latest.current(control.signal).catch(() => undefined);
      }
      if (!control.signal.aborted) {
        timer = setTimeout(() => void run(), everyMs);
      }
    };
    void run();
    return () => {
      control.abort();
      clearTimeout(timer);
    };
  }, dependencies);
}
