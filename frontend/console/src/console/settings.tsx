import type { Description } from "./api";
import { spaced } from "./format";

/** What is shown elsewhere, or is no setting. */
const LEFT_OUT = new Set([
  "modelName",
  "modelVersion",
  "workers",
  "jobQueueStatus",
  "settingSources",
  "state",
  "reason",
  "recovery",
  "readyWorkers",
  "lastError",
  "lastLoadError",
  "defaultVersion",
  "customizedMetadata",
]);

/** Units of what has none in its name. */
const UNITS: Record<string, string> = {
  maxBatchDelay: "ms",
  responseTimeout: "s",
  startupTimeout: "s",
};

export function Settings({ description }: { description: Description | null }) {
  if (description === null) {
    return <p class="empty">Asking for the settings…</p>;
  }
  const sources = description.settingSources ?? {};
  const names = Object.keys(description).filter((name) => !LEFT_OUT.has(name));
  return (
    <section class="card" aria-labelledby="settings">
      <h2 id="settings">Settings</h2>
      <table class="settings">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Value</th>
            <th scope="col">Where it comes from</th>
          </tr>
        </thead>
        <tbody>
          {names.map((name) => (
            <tr key={name}>
              <th scope="row">{spaced(name)}</th>
              <td>{shown(name, description[name])}</td>
              <td class="muted">{sources[name] ?? ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function shown(name: string, value: unknown): string {
  if (value === "" || value === null) {
    return "–";
  }
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const unit = UNITS[name];
  return unit === undefined ? text : `${text} ${unit}`;
}
