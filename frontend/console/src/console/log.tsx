import { useEffect, useRef, useState } from "preact/hooks";
import type { LogLine } from "./api";
import { plain, time } from "./format";
import { usePolling } from "./hooks";
import type { Live } from "./live";

const MAX_LINES = 200;
const EVERY_MS = 1500;

/** The last lines that the workers of a version printed. */
export function Log({ live, name, version }: { live: Live; name: string; version: string }) {
  const [lines, setLines] = useState<LogLine[] | null>(null);
  const [following, setFollowing] = useState(true);
  const last = useRef(0);
  const text = useRef<HTMLPreElement>(null);
  usePolling(
    async (signal) => {
      if (!following && last.current > 0) {
        return;
      }
      const more = await live.api.log(name, version, last.current, signal);
      const newest = more.at(-1);
      if (newest !== undefined) {
        last.current = newest.number;
      }
      setLines((before) => (before !== null && more.length === 0 ? before : [...(before ?? []), ...more].slice(-MAX_LINES)));
    },
    EVERY_MS,
    [name, version],
  );
  // After a restart the server counts its lines anew.
  const connected = live.link.kind === "live";
  useEffect(() => {
    if (!connected) {
      last.current = 0;
      setLines(null);
    }
  }, [connected]);
  useEffect(() => {
    if (following && text.current !== null) {
      text.current.scrollTop = text.current.scrollHeight;
    }
  }, [lines, following]);
  return (
    <section class="card" aria-labelledby="log">
      <div class="headline">
        <h2 id="log">Log of the workers</h2>
        <span class="spacer" />
        <label class="check">
          <input type="checkbox" checked={following} onChange={(event) => setFollowing(event.currentTarget.checked)} />
          Follow
        </label>
      </div>
      {lines === null || lines.length === 0 ? (
        <p class="empty">{lines === null ? "Asking for the log…" : "The workers of this version have printed nothing yet."}</p>
      ) : (
        <pre class="log" ref={text} tabIndex={0} role="log" aria-label="Log lines" aria-live="off">
          {lines.map((line) => (
            <div key={line.number} class={line.stderr ? "stderr" : ""}>
              <span class="muted">
                {time(line.time)} {line.worker}{" "}
              </span>
              <bdi>{plain(line.text)}</bdi>
            </div>
          ))}
        </pre>
      )}
      <p class="muted small">
        The last {MAX_LINES} lines of stdout and stderr. The whole log is in <code>model_log.log</code> in the
        server's log folder.
      </p>
    </section>
  );
}
