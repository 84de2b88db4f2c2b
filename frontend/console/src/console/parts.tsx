// Small parts that several views have.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { messageOf, word } from "./format";
import { SPARK_POINTS } from "./live";

/** States of versions and of workers. */
const MOODS: Record<string, string> = {
  READY: "good",
  DEGRADED: "warn",
  INSTALLING: "warn",
  STARTING: "warn",
  LOADING: "warn",
  RECOVERING: "bad",
  BACKOFF: "bad",
  FAILED: "bad",
};

/** A state as a word with a colour. */
export function State({ state }: { state: string }) {
  return <span class={`pill ${MOODS[state] ?? "plain"}`}>{word(state)}</span>;
}

const WIDTH = 120;
const HEIGHT = 28;

/** A line of the last minutes, without a scale. Decoration: the numbers stand beside it. */
export function Sparkline({ points }: { points: (number | null)[] }) {
  const most = Math.max(1e-9, ...points.map((point) => point ?? 0));
  const step = WIDTH / (SPARK_POINTS - 1);
  let line = "";
  let pen = "M";
  points.forEach((point, i) => {
    if (point === null) {
      pen = "M";
      return;
    }
    const x = WIDTH - (points.length - 1 - i) * step;
    const y = HEIGHT - 2 - (point / most) * (HEIGHT - 4);
    line += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" preserveAspectRatio="none">
      <path class="base" d={`M0 ${HEIGHT - 1.5}H${WIDTH}`} />
      <path class="line" d={line} />
    </svg>
  );
}

/** A question in front of the page. Escape closes it, and the focus comes back. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} aria-labelledby="dialog-title" onClose={props.onClose}>
      <h2 id="dialog-title">{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** What became of an order. */
export interface Note {
  good: boolean;
  text: string;
}

export function Notes({ note }: { note: Note | null }) {
  return (
    <div aria-live="polite">
      {note !== null && <p class={`banner ${note.good ? "good" : "bad"}`}>{note.text}</p>}
    </div>
  );
}

/** Does something and tells how it went. */
export async function told(work: () => Promise<string>): Promise<Note> {
  try {
    return { good: true, text: await work() };
  } catch (error) {
    const detail = error instanceof Error && "detail" in error ? ` ${String(error.detail)}` : "";
    return { good: false, text: messageOf(error) + detail };
  }
}
