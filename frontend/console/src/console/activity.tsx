// What a version does: its last error, its workers, and charts of the last minutes.
import { useEffect, useState } from "preact/hooks";
import { FIGURES, type Description, type Figures, type History, type PythonError, type Worker } from "./api";
import { Chart, type ChartPlan } from "./chart";
import { bytes, number, seconds, time } from "./format";
import type { Live } from "./live";
import { State } from "./parts";
import { Traceback } from "./traceback";

interface Props {
  live: Live;
  name: string;
  version: string;
  description: Description | null;
}

export function Activity({ live, name, version, description }: Props) {
  const error = description?.lastError ?? description?.lastLoadError;
  return (
    <>
      {error !== undefined && <LastError error={error} />}
      <Charts live={live} name={name} version={version} />
      <Workers description={description} />
    </>
  );
}

function LastError({ error }: { error: PythonError }) {
  return (
    <section class="card" aria-labelledby="last-error">
      <h2 id="last-error">Last error</h2>
      <p class="error-line">
        <strong>{error.detail || error.message || error.type}</strong>
      </p>
      <p class="muted">
        {time(error.time)}
        {error.message !== undefined && error.detail !== undefined ? ` · ${error.message}` : ""}
      </p>
      {error.traceback !== undefined && <Traceback text={error.traceback} />}
    </section>
  );
}

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
      { figure: "workerSeconds", label: "handler", colour: "--c1" },
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

function Charts({ live, name, version }: { live: Live; name: string; version: string }) {
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

function Workers({ description }: { description: Description | null }) {
  if (description === null) {
    return null;
  }
  const { workers } = description;
  return (
    <section class="card" aria-labelledby="workers">
      <h2 id="workers">Workers</h2>
      {workers.length === 0 ? (
        <p class="empty">
          {description.maxWorkers === 0
            ? "This version has no workers: scale it to have it answer."
            : "No worker runs at the moment."}
        </p>
      ) : (
        <table class="models workers">
          <thead>
            <tr>
              <th scope="col">Worker</th>
              <th scope="col">State</th>
              <th scope="col" class="num">
                Process
              </th>
              <th scope="col" class="num">
                Memory
              </th>
              <th scope="col">GPU</th>
              <th scope="col" class="num">
                Runs
              </th>
              <th scope="col" class="num">
                Restarts
              </th>
              <th scope="col">Last exit</th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <WorkerRow key={worker.id} worker={worker} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function WorkerRow({ worker }: { worker: Worker }) {
  return (
    <tr>
      <th scope="row">{worker.id}</th>
      <td data-label="State">
        <State state={worker.state ?? worker.status} />
        <span class="muted small"> since {time(worker.stateSince ?? worker.startTime)}</span>
      </td>
      <td data-label="Process" class="num">
        {worker.pid ?? "–"}
      </td>
      <td data-label="Memory" class="num">
        {bytes(worker.memoryUsage)}
      </td>
      <td data-label="GPU">{worker.gpu ? worker.gpuUsage : "–"}</td>
      <td data-label="Runs" class="num">
        {worker.inFlight ?? "–"}
        {worker.window !== undefined && <span class="muted"> / {worker.window}</span>}
      </td>
      <td data-label="Restarts" class={`num ${(worker.restarts ?? 0) > 0 ? "attention" : ""}`}>
        {worker.restarts ?? 0}
      </td>
      <td data-label="Last exit">{exit(worker)}</td>
    </tr>
  );
}

function exit(worker: Worker): string {
  const last = worker.lastExit;
  if (last === undefined) {
    return "–";
  }
  const how = last.signal !== undefined ? `signal ${last.signal}` : last.code !== undefined ? `code ${last.code}` : "";
  return [time(last.time), how, last.reason ?? ""].filter((part) => part !== "").join(" · ");
}
