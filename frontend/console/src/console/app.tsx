import { useEffect, useRef, useState } from "preact/hooks";
import { useLive, useRoute } from "./hooks";
import type { Live, Link } from "./live";
import { ModelView } from "./model";
import { Overview } from "./overview";

export function App({ live }: { live: Live }) {
  useLive(live);
  const route = useRoute();
  const [kind, name, version, tab] = route;
  const link = live.link;
  useEffect(() => {
    document.title = name === undefined ? "TorchServe Next" : `${name} ${version ?? ""} – TorchServe Next`;
  }, [name, version]);
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <TopBar live={live} />
      <main id="main" tabIndex={-1}>
        {link.kind === "lost" && <Lost cause={link.cause} />}
        {link.kind === "token" ? (
          <TokenForm live={live} link={link} />
        ) : live.sample === null ? (
          link.kind === "lost" ? null : <p class="empty">Asking the server…</p>
        ) : kind === "models" && name !== undefined && version !== undefined ? (
          <ModelView key={`${name}\n${version}`} live={live} name={name} version={version} tab={tab ?? ""} />
        ) : (
          <Overview live={live} />
        )}
      </main>
    </>
  );
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function TopBar({ live }: { live: Live }) {
  const { sample, server, link } = live;
  const connected = link.kind === "live";
  return (
    <header class="top">
      <a class="brand" href="#/">
        <img src="icon.svg" alt="" width="24" height="24" />
        TorchServe Next
      </a>
      {server !== null && <span class="muted version">{server.version}</span>}
      <nav aria-label="Pages">
        <a href="../openapi/">API</a>
      </nav>
      <span class="spacer" />
      {sample !== null && connected && (
        <span class={`pill ${sample.ready ? "good" : "bad"}`}>
          {sample.ready ? "Ready" : `Not ready${notReady(sample.reason, sample.notReady)}`}
        </span>
      )}
      <span class={`pill ${connected ? "plain" : "warn"}`} role="status">
        {connected ? "Live" : { connecting: "Connecting…", lost: "Not connected", token: "Token needed" }[link.kind]}
      </span>
    </header>
  );
}

function notReady(reason: string, models: string[]): string {
  if (reason !== "") {
    return `: ${reason}`;
  }
  return models.length === 1 ? `: ${models[0]}` : models.length > 1 ? `: ${models.length} models` : "";
}

function Lost({ cause }: { cause: string }) {
  return (
    <div class="banner warn" role="alert">
      <strong>No connection to the server.</strong> {cause} Trying again; what you see below is what was last known.
    </div>
  );
}

function TokenForm({ live, link }: { live: Live; link: Link & { kind: "token" } }) {
  const [token, setToken] = useState("");
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    live.enter(token);
  };
  return (
    <form class="card narrow" onSubmit={submit}>
      <h1>Management token</h1>
      <p>
        This server asks for its management token. <code>torchserve token management</code> on its machine shows it; it is in the
        key file, too, which the log of the start names.
      </p>
      <label for="token">Token</label>
      <input
        id="token"
        ref={field}
        type="password"
        autoComplete="off"
        spellcheck={false}
        required
        value={token}
        aria-describedby="token-note"
        aria-invalid={link.wrong}
        onInput={(event) => setToken(event.currentTarget.value)}
      />
      {link.wrong && (
        <p class="problem" role="alert">
          The server does not take this token. {link.words}
        </p>
      )}
      <p id="token-note" class="muted">
        It stays in the memory of this page alone: after a reload it is asked for again.
      </p>
      <button class="main" type="submit">
        Open the console
      </button>
    </form>
  );
}
