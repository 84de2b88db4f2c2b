import { useMemo, useState } from "preact/hooks";
import { path, type VersionRow } from "./api";
import { number, plain, seconds } from "./format";
import { keyOf, type Live } from "./live";
import { Notes, Sparkline, State, type Note } from "./parts";
import { RegisterButton } from "./actions";

/** Models of which a filter is worth its place. */
const MANY = 8;

/** States in which the last error tells more than what follows from it. */
const BROKEN = new Set(["DEGRADED", "RECOVERING", "FAILED"]);

export function Overview({ live }: { live: Live }) {
  const [filter, setFilter] = useState("");
  const [note, setNote] = useState<Note | null>(null);
  const rows = live.sample?.models ?? [];
  const wanted = filter.trim().toLowerCase();
  const shown = rows.filter((row) => `${row.name} ${row.version} ${row.state}`.toLowerCase().includes(wanted));
  return (
    <>
      <div class="headline">
        <h1>Models</h1>
        <span class="spacer" />
        {rows.length > MANY && (
          <input
            type="search"
            aria-label="Filter models"
            placeholder="Filter by name or state"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        )}
        {live.server?.modelApi === true && <RegisterButton live={live} onNote={setNote} />}
      </div>
      <Notes note={note} />
      <Totals rows={rows} />
      {rows.length === 0 ? (
        <Empty modelApi={live.server?.modelApi === true} />
      ) : shown.length === 0 ? (
        <p class="empty">No model has “{filter}” in its name, version or state.</p>
      ) : (
        <Table live={live} rows={shown} />
      )}
    </>
  );
}

function Empty({ modelApi }: { modelApi: boolean }) {
  return (
    <div class="card empty">
      <h2>No models yet</h2>
      <p>
        {modelApi
          ? "Register one from the model store with the button above, or start the server with --models."
          : "Start the server with --models, or with --enable-model-api to register models while it runs."}
      </p>
    </div>
  );
}

function sum(rows: VersionRow[], of: (row: VersionRow) => number | undefined): number {
  return rows.reduce((all, row) => all + (of(row) ?? 0), 0);
}

function Totals({ rows }: { rows: VersionRow[] }) {
  const ready = rows.filter((row) => row.state === "READY").length;
  const errors = sum(rows, (row) => row.figures.errors);
  return (
    <dl class="totals">
      <div>
        <dt>Versions ready</dt>
        <dd class={ready < rows.length ? "attention" : ""}>
          {ready} of {rows.length}
        </dd>
      </div>
      <div>
        <dt>Workers</dt>
        <dd>{sum(rows, (row) => row.figures.readyWorkers)}</dd>
      </div>
      <div>
        <dt>Requests / s</dt>
        <dd>{number(sum(rows, (row) => row.figures.rate))}</dd>
      </div>
      <div>
        <dt>Errors / s</dt>
        <dd class={errors > 0 ? "attention" : ""}>{number(errors)}</dd>
      </div>
      <div>
        <dt>Waiting</dt>
        <dd>{number(sum(rows, (row) => row.figures.queueLength))}</dd>
      </div>
    </dl>
  );
}

function Table({ live, rows }: { live: Live; rows: VersionRow[] }) {
  const names = live.sample?.models.map((row) => row.name) ?? [];
  const several = new Set(names.filter((name, i) => names.indexOf(name) !== i));
  return (
    <table class="models">
      <caption class="hidden">Models and their versions; figures are over the last ten seconds</caption>
      <thead>
        <tr>
          <th scope="col">Model</th>
          <th scope="col">State</th>
          <th scope="col" class="num">
            Workers
          </th>
          <th scope="col">Last 15 minutes</th>
          <th scope="col" class="num">
            Requests / s
          </th>
          <th scope="col" class="num">
            p50
          </th>
          <th scope="col" class="num">
            p99
          </th>
          <th scope="col" class="num">
            Queue
          </th>
          <th scope="col" class="num">
            Errors / s
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <Row key={keyOf(row)} row={row} points={live.spark(row)} several={several.has(row.name)} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ row, points, several }: { row: VersionRow; points: (number | null)[]; several: boolean }) {
  const { figures } = row;
  const spark = useMemo(() => <Sparkline points={points} />, [points]);
  const why = plain(BROKEN.has(row.state) ? row.lastError || row.reason : row.reason);
  const workers = row.minWorkers === row.maxWorkers ? `${row.minWorkers}` : `${row.minWorkers}–${row.maxWorkers}`;
  return (
    <tr>
      <th scope="row">
        <a href={`#/models/${path(row.name, row.version)}`}>
          <bdi>{row.name}</bdi> <span class="muted">{row.version}</span>
        </a>
        {row.default && several && <span class="tag">default</span>}
        {why !== "" && <span class="why">{why}</span>}
      </th>
      <td data-label="State">
        <State state={row.state} />
      </td>
      <td data-label="Workers" class="num">
        {number(figures.readyWorkers)}
        <span class="muted"> / {workers}</span>
      </td>
      <td data-label="Last 15 minutes">{spark}</td>
      <td data-label="Requests / s" class="num">
        {number(figures.rate ?? 0)}
      </td>
      <td data-label="p50" class="num">
        {seconds(figures.p50)}
      </td>
      <td data-label="p99" class="num">
        {seconds(figures.p99)}
      </td>
      <td data-label="Queue" class="num">
        {number(figures.queueLength)}
      </td>
      <td data-label="Errors / s" class={`num ${(figures.errors ?? 0) > 0 ? "attention" : ""}`}>
        {number(figures.errors ?? 0)}
      </td>
    </tr>
  );
}
