// Charts of the last minutes of a version.
import { useEffect, useState } from "preact/hooks";
import { FIGURES, type Figures, type History } from "./api";
import { Chart, type ChartPlan } from "./chart";
import { number, seconds } from "./format";
import type { Live } from "./live";

const CHARTS: ChartPlan[] = [
  {
    title: "Requests per second",
    lines: [
      { figure: "rate", label: "answered", colour: "--c1" },
      { figure: "errors", label: "errors", colour: "--c2" },
    ],
    format: number,
  },
  {
    title: "Latency",
    lines: [
      { figure: "p50", label: "p50", colour: "--c1" },
      { figure: "p99", label: "p99", colour: "--c3" },
    ],
    format: seconds,
  },
  {
    title: "Where the time goes",
    lines: [
      { figure: "queueSeconds", label: "queue", colour: "--c3" },
      { figure: "handlerSeconds", label: "handler", colour: "--c1" },
      { figure: "otherSeconds", label: "transport", colour: "--c4" },
    ],
    stacked: true,
    format: seconds,
  },
  {
    title: "Batches",
    lines: [
      { figure: "batchSize", label: "requests in a batch", colour: "--c1" },
      { figure: "window", label: "window", colour: "--c4" },
    ],
    format: number,
  },
  {
    title: "Queue and workers",
    lines: [
      { figure: "queueLength", label: "waiting", colour: "--c3" },
      { figure: "readyWorkers", label: "ready workers", colour: "--c1" },
    ],
    format: number,
  },
];

/** The history of the server once, then each sample of the stream. */
function useHistory(live: Live, name: string, version: string): History | null {
  const [history, setHistory] = useState<History | null>(null);
  const connected = live.link.kind === "live";
  useEffect(() => {
    if (!connected) {
      return undefined;
    }
    const control = new AbortController();
    live.api.history(name, version, control.signal).then(setHistory, () => undefined);
    return () => control.abort();
  }, [name, version, connected]);
  const at = live.sample?.time;
  useEffect(() => {
    const row = live.row(name, version);
    if (at !== undefined && row !== undefined) {
      setHistory((before) => (before === null || at <= (before.end ?? "") ? before : extended(before, at, row.figures)));
    }
  }, [at]);
  return history;
}

function extended(before: History, end: string, figures: Figures): History {
  const after = { ...before, end, figures: { ...before.figures } };
  for (const figure of FIGURES) {
    after.figures[figure] = [...before.figures[figure].slice(1), figures[figure] ?? null];
  }
  return after;
}

export function Charts({ live, name, version }: { live: Live; name: string; version: string }) {
  const history = useHistory(live, name, version);
  if (history === null || history.figures.rate.length === 0) {
    return <p class="empty">{history === null ? "Asking for the last minutes…" : "There is no history of this version."}</p>;
  }
  return (
    <section aria-label="Charts of the last 15 minutes" class="charts">
      {CHARTS.map((plan) => (
        <Chart key={plan.title} {...plan} history={history} />
      ))}
    </section>
  );
}
