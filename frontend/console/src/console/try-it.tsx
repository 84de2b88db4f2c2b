// Asks a model, and shows what it answers.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { path } from "./api";
import { Answer, type Result } from "./answer";
import { curl } from "./curl";
import { bytes, messageOf } from "./format";
import { useObjectUrl } from "./hooks";
import type { Live } from "./live";

type Way = "file" | "json" | "text";
type Kind = "predictions" | "explanations";

const TYPES = ["application/json", "text/plain; charset=utf-8", "application/octet-stream", "image/png", "image/jpeg", "audio/wav"];
const TYPE_OF_WAY: Record<Way, string> = {
  file: "application/octet-stream",
  json: "application/json",
  text: "text/plain; charset=utf-8",
};

/** An answer is shown up to this size, as a whole or as far as it has come. */
const MAX_BYTES = 64 * 1024 * 1024;

/** How often an answer is shown anew while it comes. */
const SHOWN_EVERY_MS = 100;

/** A text that stands in the command; longer ones come from a file. */
const MAX_COMMAND_CHARACTERS = 2000;

/** Kept for the page, so that it need not be typed for each model. Nowhere else. */
let inferenceToken = "";

interface Props {
  live: Live;
  name: string;
  version: string;
}

export function TryIt({ live, name, version }: Props) {
  const [kind, setKind] = useState<Kind>("predictions");
  const [way, setWay] = useState<Way>("file");
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState("");
  const [type, setType] = useState("");
  const [token, setToken] = useState(inferenceToken);
  const [result, setResult] = useState<Result | null>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  // Not with each sample of the stream and each key: an answer may be large.
  const answer = useMemo(() => result !== null && <Answer result={result} />, [result]);
  const needsToken = live.server?.inferenceToken === true;
  const contentType = type || (way === "file" && file?.type) || TYPE_OF_WAY[way];
  const jsonProblem = way === "json" && text !== "" ? problemOf(text) : "";
  const named = (way === "file" && file?.name) || "FILE";
  const command = curl({
    address: live.server?.inferenceAddress ?? "",
    path: `/${kind}/${path(name, version)}`,
    contentType,
    token: needsToken,
    body: way !== "file" && text.length <= MAX_COMMAND_CHARACTERS ? { text } : { file: named },
  });

  const send = async (event: Event) => {
    event.preventDefault();
    running.current?.abort();
    const control = new AbortController();
    running.current = control;
    inferenceToken = token;
    await ask(
      live,
      `console/${kind}/${path(name, version)}`,
      way === "file" ? (file ?? new Blob()) : text,
      { "content-type": contentType, ...(needsToken ? { "x-ts-inference-token": token.trim() } : {}) },
      control.signal,
      (next) => running.current === control && setResult(next),
      { explains: kind === "explanations", picture: kind === "explanations" && way === "file" ? file : null },
    );
  };

  return (
    <div class="try">
      <form class="card" onSubmit={(event) => void send(event)} aria-labelledby="try-title">
        <h2 id="try-title">Request</h2>
        <Choice
          legend="What to ask"
          name="kind"
          value={kind}
          options={[
            ["predictions", "Prediction"],
            ["explanations", "Explanation"],
          ]}
          onChoice={setKind}
        />
        <Choice
          legend="Input"
          name="way"
          value={way}
          options={[
            ["file", "File"],
            ["json", "JSON"],
            ["text", "Text"],
          ]}
          onChoice={setWay}
        />
        {way === "file" ? (
          <FileField file={file} onFile={setFile} />
        ) : (
          <>
            <label for="typed">{way === "json" ? "JSON" : "Text"}</label>
            <textarea
              id="typed"
              rows={8}
              spellcheck={false}
              value={text}
              aria-invalid={jsonProblem !== ""}
              aria-describedby="typed-problem"
              placeholder={way === "json" ? '{"data": …}' : ""}
              onInput={(event) => setText(event.currentTarget.value)}
            />
            <p id="typed-problem" class="problem" aria-live="polite">
              {jsonProblem !== "" && `No valid JSON yet: ${jsonProblem}`}
            </p>
          </>
        )}
        <label>
          Content type
          <input
            type="text"
            list="content-types"
            spellcheck={false}
            placeholder={contentType}
            value={type}
            onInput={(event) => setType(event.currentTarget.value)}
          />
        </label>
        <datalist id="content-types">
          {TYPES.map((known) => (
            <option key={known} value={known} />
          ))}
        </datalist>
        {needsToken && (
          <label>
            Inference token
            <input
              type="password"
              autoComplete="off"
              required
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </label>
        )}
        <div class="buttons">
          {result?.running === true && (
            <button type="button" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
          <button class="main" type="submit" disabled={way === "file" && file === null}>
            Send
          </button>
        </div>
        <Command text={command} />
      </form>
      <section class="card answer" aria-labelledby="answer-title" aria-busy={result?.running === true}>
        <h2 id="answer-title">Answer</h2>
        {answer || <p class="empty">Choose an input and send it: the answer appears here.</p>}
      </section>
    </div>
  );
}

/** Sends a request and shows the answer as it comes. */
async function ask(
  live: Live,
  where: string,
  body: BodyInit,
  headers: Record<string, string>,
  signal: AbortSignal,
  show: (result: Result) => void,
  asked: Pick<Result, "explains" | "picture">,
): Promise<void> {
  const began = performance.now();
  const result: Result = { running: true, status: 0, ms: 0, size: 0, parts: 0, headers: [], type: "", bytes: [], problem: "", ...asked };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const change = (what: Partial<Result>) => Object.assign(result, what, { ms: performance.now() - began });
  const now = (what: Partial<Result>) => {
    clearTimeout(timer);
    timer = undefined;
    change(what);
    show({ ...result });
  };
  // Of a stream of very many parts not each by itself.
  const soon = (what: Partial<Result>) => {
    change(what);
    timer ??= setTimeout(() => now({}), SHOWN_EVERY_MS);
  };
  now({});
  try {
    const response = await live.api.fetch("POST", where, { body, headers, signal });
    now({ status: response.status, headers: [...response.headers], type: response.headers.get("content-type") ?? "" });
    const reader = response.body?.getReader();
    while (reader !== undefined) {
      const { value, done } = await reader.read();
      if (done) {
        break;
      }
      result.bytes.push(value);
      soon({ size: result.size + value.length, parts: result.parts + 1 });
      if (result.size > MAX_BYTES) {
        await reader.cancel();
        now({ problem: `Only the first ${bytes(MAX_BYTES)} are shown.` });
        break;
      }
    }
    now({ running: false });
  } catch (error) {
    const cut = result.status === 0 ? "The server did not answer." : "The answer broke off.";
    const why = error instanceof Error ? ` (${error.message})` : "";
    now({ running: false, problem: signal.aborted ? "Stopped." : cut + why });
  }
}

function problemOf(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return messageOf(error);
  }
}

function Choice<T extends string>(props: {
  legend: string;
  name: string;
  value: T;
  options: [T, string][];
  onChoice: (value: T) => void;
}) {
  return (
    <fieldset class="choice">
      <legend>{props.legend}</legend>
      {props.options.map(([value, label]) => (
        <label key={value}>
          <input
            type="radio"
            name={props.name}
            value={value}
            checked={props.value === value}
            onChange={() => props.onChoice(value)}
          />
          <span>{label}</span>
        </label>
      ))}
    </fieldset>
  );
}

function FileField({ file, onFile }: { file: File | null; onFile: (file: File | null) => void }) {
  const preview = useObjectUrl(file !== null && file.type.startsWith("image/") ? file : null);
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onFile(event.dataTransfer?.files[0] ?? null);
  };
  return (
    <label
      class={`drop ${over ? "over" : ""}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {preview !== "" && <img src={preview} alt="Preview" />}
      <span>{file === null ? "Choose a file, or drop it here" : `${file.name} · ${bytes(file.size)}`}</span>
      <input type="file" onChange={(event) => onFile(event.currentTarget.files?.[0] ?? null)} />
    </label>
  );
}

function Command({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      return; // The browser does not allow it: the text can be selected.
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return (
    <div class="command">
      <div class="headline">
        <h3>The same from a terminal</h3>
        <span class="spacer" />
        {/* Browsers have a clipboard for pages on this machine and over TLS alone. */}
        {window.isSecureContext && (
          <button type="button" class="small" onClick={() => void copy()}>
            {copied ? "Copied" : "Copy"}
          </button>
        )}
      </div>
      <pre tabIndex={0} aria-label="Command">
        {text}
      </pre>
    </div>
  );
}
