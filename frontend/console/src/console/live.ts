// The state of the page: one stream that renews itself, and who is told of its samples.
import {
  Api,
  Refusal,
  type SampleLine,
  type ServerFacts,
  type StreamLine,
  type VersionRow,
} from "./api";

/** Points of a small chart: one each ten seconds, a quarter of an hour in all. */
export const SPARK_POINTS = 90;
const SAMPLES_PER_POINT = 5;

/** Without a sample for so long the server counts as gone. */
const MAX_SILENCE_MS = 8000;
const MIN_WAIT_MS = 500;
const MAX_WAIT_MS = 5000;

export type Link =
  | { kind: "connecting" }
  | { kind: "live" }
  | { kind: "lost"; since: number; cause: string }
  | { kind: "token"; wrong: boolean; words: string };

export function keyOf(row: { name: string; version: string }): string {
  return `${row.name}\u0000${row.version}`;
}

interface Spark {
  points: (number | null)[];
  sum: number;
  count: number;
}

export class Live {
  link: Link = { kind: "connecting" };
  server: ServerFacts | null = null;
  sample: SampleLine | null = null;
  private readonly sparks = new Map<string, Spark>();
  private readonly listeners = new Set<() => void>();
  private running: AbortController | null = null;

  constructor(readonly api: Api) {
    // The stream asks for the token anew.
    api.onTokenRefused = () => {
      if (this.link.kind === "live") {
        this.start();
      }
    };
  }

  /** Has `listener` called whenever something changes; returns what ends that. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  row(name: string, version: string): VersionRow | undefined {
    return this.sample?.models.find((row) => row.name === name && row.version === version);
  }

  /** The rates of the last minutes, the oldest first. */
  spark(row: VersionRow): (number | null)[] {
    return this.sparks.get(keyOf(row))?.points ?? [];
  }

  enter(token: string): void {
    this.api.setToken(token);
    this.start();
  }

  start(): void {
    this.running?.abort();
    const control = new AbortController();
    this.running = control;
    this.set({ kind: "connecting" });
    void this.run(control.signal);
  }

  private async run(signal: AbortSignal): Promise<void> {
    let wait = MIN_WAIT_MS;
    while (!signal.aborted) {
      let renewed = false;
      const attempt = new AbortController();
      const stop = () => attempt.abort();
      signal.addEventListener("abort", stop);
      let silence = setTimeout(stop, MAX_SILENCE_MS);
      let cause = "The server ended the connection.";
      try {
        await this.api.stream((line) => {
          clearTimeout(silence);
          silence = setTimeout(stop, MAX_SILENCE_MS);
          wait = MIN_WAIT_MS;
          renewed = line.type === "end" && line.reason === "renew";
          if (line.type === "end" && !renewed) {
            cause = "The server is shutting down.";
          }
          this.take(line);
        }, attempt.signal);
      } catch (error) {
        if (error instanceof Refusal && error.aboutToken) {
          if (!signal.aborted) {
            this.set({ kind: "token", wrong: this.api.hasToken, words: error.detail });
          }
          return;
        }
        cause =
          error instanceof Refusal ? `${error.message} ${error.detail}` : "The server does not answer.";
      } finally {
        clearTimeout(silence);
        signal.removeEventListener("abort", stop);
      }
      if (signal.aborted) {
        return;
      }
      if (!renewed) {
        const since = this.link.kind === "lost" ? this.link.since : Date.now();
        this.set({ kind: "lost", since, cause });
        await new Promise((done) => setTimeout(done, wait));
        wait = Math.min(MAX_WAIT_MS, wait * 2);
      }
    }
  }

  private take(line: StreamLine): void {
    if (line.type === "start") {
      this.server = line.server;
      this.sparks.clear();
      for (const rate of line.rates) {
        this.sparks.set(keyOf(rate), { points: rate.points, sum: 0, count: 0 });
      }
    } else if (line.type === "sample") {
      this.sample = line;
      const known = new Set<string>();
      for (const row of line.models) {
        known.add(keyOf(row));
        this.addToSpark(row);
      }
      for (const key of this.sparks.keys()) {
        if (!known.has(key)) {
          this.sparks.delete(key);
        }
      }
      this.set({ kind: "live" });
    }
  }

  private addToSpark(row: VersionRow): void {
    const key = keyOf(row);
    const spark = this.sparks.get(key) ?? { points: [], sum: 0, count: 0 };
    spark.sum += row.figures.rate ?? 0;
    spark.count += 1;
    if (spark.count === SAMPLES_PER_POINT) {
      spark.points = [...spark.points, spark.sum / spark.count].slice(-SPARK_POINTS);
      spark.sum = 0;
      spark.count = 0;
    }
    this.sparks.set(key, spark);
  }

  private set(link: Link): void {
    this.link = link;
    for (const listener of this.listeners) {
      listener();
    }
  }
}
