// What a version does: its last error, its workers, and charts of the last minutes.
import type { Description, PythonError, Worker } from "./api";
import { Charts } from "./charts";
import { bytes, plain, time } from "./format";
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
        <strong>{plain(error.detail || error.message || error.type || "")}</strong>
      </p>
      <p class="muted">
        {time(error.time)}
        {error.message !== undefined && error.detail !== undefined ? ` · ${plain(error.message)}` : ""}
      </p>
      {error.traceback !== undefined && <Traceback text={error.traceback} />}
    </section>
  );
}

const COLUMNS = [
  ["Worker", ""],
  ["State", ""],
  ["Process", "num"],
  ["Memory", "num"],
  ["GPU", ""],
  ["Runs", "num"],
  ["Restarts", "num"],
  ["Last exit", ""],
] as const;

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
              {COLUMNS.map(([title, kind]) => (
                <th key={title} scope="col" class={kind}>
                  {title}
                </th>
              ))}
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
