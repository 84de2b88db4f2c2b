// A traceback of Python, with the frames of the user's own files marked.
import { plain } from "./format";

const FRAME = /^\s*(?:\|\s*)*File "(.*)", line (\d+)(?:, in .*)?$/;
const NOT_THEIRS = /\/(?:site|dist)-packages\/|\/lib\/python3|^<frozen |^<string>|\/ts\/_?[a-z_]+\/|\/ts\/[a-z_]+\.py$/;

/** Whether a file is one of the user's: no library, no part of Python or of this server. */
export function isUsers(file: string): boolean {
  return !NOT_THEIRS.test(file);
}

interface Part {
  users: boolean;
  lines: string[];
}

/** The text in parts, each a frame with its lines of code or what stands between frames. */
export function parts(text: string): Part[] {
  const found: Part[] = [];
  for (const line of text.split("\n")) {
    const frame = FRAME.exec(line);
    const last = found.at(-1);
    if (frame !== null) {
      found.push({ users: isUsers(frame[1] ?? ""), lines: [line] });
    } else if (last === undefined || !/^\s/.test(line)) {
      found.push({ users: false, lines: [line] });
    } else {
      last.lines.push(line);
    }
  }
  return found;
}

export function Traceback({ text }: { text: string }) {
  const all = parts(plain(text).replace(/\n+$/, ""));
  return (
    <figure class="traceback">
      {all.some((part) => part.users) && (
        <figcaption class="muted small">
          <span class="swatch" aria-hidden="true" /> your files
        </figcaption>
      )}
      <pre tabIndex={0} aria-label="Traceback">
        {all.map((part, i) =>
          part.users ? (
            <mark key={i}>{part.lines.join("\n") + "\n"}</mark>
          ) : (
            <span key={i}>{part.lines.join("\n") + "\n"}</span>
          ),
        )}
      </pre>
    </figure>
  );
}
