import { useEffect, useRef, useState } from "preact/hooks";
import { Actions } from "./actions";
import { path, Refusal, type Description, type VersionRow } from "./api";
import { Activity } from "./activity";
import { plain } from "./format";
import { usePolling } from "./hooks";
import type { Live } from "./live";
import { Log } from "./log";
import { Notes, State, type Note } from "./parts";
import { Settings } from "./settings";
import { TryIt } from "./try-it";

const TABS = [
  ["activity", "Activity"],
  ["try", "Try it"],
  ["log", "Log"],
  ["settings", "Settings"],
] as const;

const EVERY_MS = 2000;

export function ModelView(props: { live: Live; name: string; version: string; tab: string }) {
  const { live, name, version } = props;
  const tab = TABS.find(([id]) => id === props.tab)?.[0] ?? "activity";
  const [description, setDescription] = useState<Description | null>(null);
  const [gone, setGone] = useState("");
  const [note, setNote] = useState<Note | null>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  usePolling(
    async (signal) => {
      try {
        setDescription(await live.api.describe(name, version, signal));
        setGone("");
      } catch (error) {
        if (error instanceof Refusal && error.status === 404) {
          setGone(error.message);
        }
      }
    },
    EVERY_MS,
    [name, version],
  );
  const row = live.row(name, version);
  const versions = live.sample?.models.filter((other) => other.name === name) ?? [];
  const where = `#/models/${path(name, version)}`;
  return (
    <>
      <p class="crumbs">
        <a href="#/">Models</a> <span aria-hidden="true">/</span>
      </p>
      <div class="headline">
        <h1 ref={heading} tabIndex={-1}>
          <bdi>{name}</bdi>
        </h1>
        <Versions versions={versions} version={version} tab={tab} />
        {row !== undefined && <State state={row.state} />}
        {row?.default === true && versions.length > 1 && <span class="tag">default</span>}
        <span class="spacer" />
        {row !== undefined && <Actions live={live} row={row} onNote={setNote} />}
      </div>
      <Notes note={note} />
      {row === undefined && (
        <p class="banner warn">This version is not there (any more). {gone}</p>
      )}
      {row !== undefined && row.reason !== "" && row.state !== "READY" && (
        <p class="banner bad">
          <strong>{name} is not ready.</strong> {plain(row.reason)}
        </p>
      )}
      <nav class="tabs" aria-label="Parts of this model">
        {TABS.map(([id, label]) => (
          <a key={id} href={`${where}/${id}`} aria-current={id === tab ? "page" : undefined}>
            {label}
          </a>
        ))}
      </nav>
      {tab === "activity" && <Activity live={live} name={name} version={version} description={description} />}
      {tab === "try" && <TryIt live={live} name={name} version={version} />}
      {tab === "log" && <Log live={live} name={name} version={version} />}
      {tab === "settings" && <Settings description={description} />}
    </>
  );
}

function Versions({ versions, version, tab }: { versions: VersionRow[]; version: string; tab: string }) {
  if (versions.length < 2) {
    return <span class="muted big">{version}</span>;
  }
  const go = (to: string) => {
    const name = versions[0]?.name ?? "";
    location.hash = `/models/${path(name, to)}/${tab}`;
  };
  return (
    <select aria-label="Version" value={version} onChange={(event) => go(event.currentTarget.value)}>
      {versions.map((row) => (
        <option key={row.version} value={row.version}>
          {row.version}
          {row.default ? " (default)" : ""}
        </option>
      ))}
    </select>
  );
}
