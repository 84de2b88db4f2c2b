import { useMemo } from "preact/hooks";
import { attributionsOf } from "./attributions";
import { Explanation } from "./explanation";
import { bytes, number } from "./format";
import { useObjectUrl } from "./hooks";

export interface Result {
  running: boolean;
  /** 0 while there is none. */
  status: number;
  ms: number;
  size: number;
  /** How many pieces have come. */
  parts: number;
  headers: [string, string][];
  type: string;
  bytes: Uint8Array<ArrayBuffer>[];
  problem: string;
  /** Whether an explanation was asked for. */
  explains: boolean;
  /** The picture that is explained. */
  picture: Blob | null;
}

/** Characters that are shown of a text. */
const MAX_CHARACTERS = 200_000;
/** Of a text that is read as JSON, to set it out; longer ones are shown as they came. */
const MAX_PRETTY_CHARACTERS = 1_000_000;
/** Of a text in which attributions are looked for. */
const MAX_READ_CHARACTERS = 32_000_000;
const MAX_BYTES_PER_CHARACTER = 4;

export function Answer({ result }: { result: Result }) {
  const good = result.status >= 200 && result.status < 300;
  return (
    <>
      <p class="facts">
        {result.status > 0 && <span class={`pill ${good ? "good" : "bad"}`}>{result.status}</span>}
        {result.running && <span class="pill warn">{result.status === 0 ? "Waiting" : "Coming"}</span>}
        <span>{number(result.ms)} ms</span>
        <span>{bytes(result.size)}</span>
        {result.parts > 1 && <span>{result.parts} parts</span>}
        <span class="muted">{result.type}</span>
      </p>
      {result.problem !== "" && (
        <p class="problem" role="alert">
          {result.problem}
        </p>
      )}
      {result.size > 0 && <Body result={result} />}
      {result.size === 0 && good && !result.running && <p class="empty">The answer has no body.</p>}
      {result.headers.length > 0 && (
        <details>
          <summary>Headers</summary>
          <table class="settings">
            <tbody>
              {result.headers.map(([name, value]) => (
                <tr key={name}>
                  <th scope="row">{name}</th>
                  <td>{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </>
  );
}

function Body({ result }: { result: Result }) {
  const type = result.type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (!result.running && (type.startsWith("image/") || type.startsWith("audio/"))) {
    return <Media result={result} type={type} />;
  }
  const text = textOf(result, type);
  return text === null ? <Binary result={result} /> : <Text text={text} result={result} />;
}

function Text({ text, result }: { text: string; result: Result }) {
  const json = useMemo(() => {
    if (result.running || text.length > MAX_READ_CHARACTERS) {
      return undefined;
    }
    try {
      return JSON.parse(text) as unknown;
    } catch {
      return undefined;
    }
  }, [text, result.running]);
  const found = useMemo(
    () => (json !== undefined && result.status < 300 ? attributionsOf(json) : null),
    [json, result.status],
  );
  const pretty = useMemo(() => (json === undefined ? text : setOut(json, text)), [json, text]);
  return (
    <>
      {found !== null && <Explanation found={found} picture={result.picture} />}
      {found === null && result.explains && !result.running && result.status < 300 && (
        <p class="muted">
          Nothing to draw: an explanation is drawn if it holds rows of finite numbers, or words with a number for each.
        </p>
      )}
      <pre class="body" tabIndex={0} aria-label="Body of the answer">
        {pretty.length > MAX_CHARACTERS ? `${pretty.slice(0, MAX_CHARACTERS)}\n…` : pretty}
      </pre>
    </>
  );
}

/** JSON on lines of its own, unless it is very long or deep. */
function setOut(json: unknown, text: string): string {
  try {
    return text.length <= MAX_PRETTY_CHARACTERS ? shortLists(JSON.stringify(json, null, 2)) : text;
  } catch {
    return text;
  }
}

/** Lists of numbers on one line each. */
function shortLists(json: string): string {
  return json.replace(/\[\s*([\d.eE+-]+(?:,\s*[\d.eE+-]+)*)\s*\]/g, (_, inner: string) => {
    return `[${inner.replace(/\s+/g, " ")}]`;
  });
}

function Media({ result, type }: { result: Result; type: string }) {
  const content = useMemo(() => new Blob(result.bytes, { type }), [result.bytes]);
  const url = useObjectUrl(content);
  if (url === "") {
    return null;
  }
  return type.startsWith("image/") ? (
    <img class="media" src={url} alt="The picture that the model answered" />
  ) : (
    <audio controls src={url} />
  );
}

const SHOWN_BYTES = 256;

function Binary({ result }: { result: Result }) {
  const first = joined(result.bytes, SHOWN_BYTES);
  const hex = Array.from(first, (byte) => byte.toString(16).padStart(2, "0"));
  const lines: string[] = [];
  for (let i = 0; i < hex.length; i += 16) {
    lines.push(hex.slice(i, i + 16).join(" "));
  }
  return (
    <>
      <p class="muted">Binary data; its beginning:</p>
      <pre class="body" tabIndex={0} aria-label="Beginning of the body">
        {lines.join("\n")}
      </pre>
    </>
  );
}

/** The body as text; null if it is none. */
function textOf(result: Result, type: string): string | null {
  const said = type.startsWith("text/") || /json|xml|javascript|yaml/.test(type);
  // Each piece that comes shows the text again: no more of it than is shown.
  const most = result.running ? MAX_CHARACTERS * MAX_BYTES_PER_CHARACTER : Infinity;
  try {
    return new TextDecoder("utf-8", { fatal: !said }).decode(joined(result.bytes, most), {
      stream: result.running,
    });
  } catch {
    return null;
  }
}

function joined(pieces: Uint8Array[], most: number): Uint8Array {
  const size = Math.min(
    most,
    pieces.reduce((sum, piece) => sum + piece.length, 0),
  );
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    if (at >= size) {
      break;
    }
    all.set(piece.subarray(0, size - at), at);
    at += Math.min(piece.length, size - at);
  }
  return all;
}
