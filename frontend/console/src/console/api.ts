// What the page asks of its server. The token stays in this object: never in a URL, never in storage.

export const FIGURES = [
  "rate",
  "errors",
  "p50",
  "p99",
  "queueSeconds",
  "handlerSeconds",
  "otherSeconds",
  "batchSize",
  "window",
  "queueLength",
  "readyWorkers",
] as const;
export type FigureName = (typeof FIGURES)[number];
export type Figures = Partial<Record<FigureName, number>>;

export interface VersionRow {
  name: string;
  version: string;
  default: boolean;
  state: string;
  reason: string;
  lastError: string;
  minWorkers: number;
  maxWorkers: number;
  restarts: number;
  figures: Figures;
}

export interface ServerFacts {
  version: string;
  modelApi: boolean;
  inferenceToken: boolean;
  inferenceAddress: string;
}

export interface StartLine {
  type: "start";
  periodSeconds: number;
  server: ServerFacts;
  rates: { name: string; version: string; points: (number | null)[] }[];
}

export interface SampleLine {
  type: "sample";
  time: string;
  ready: boolean;
  reason: string;
  notReady: string[];
  models: VersionRow[];
}

export type StreamLine = StartLine | SampleLine | { type: "end"; reason: string };

export interface PythonError {
  time: string;
  type?: string;
  message?: string;
  detail?: string;
  traceback?: string;
}

export interface Worker {
  id: string;
  state?: string;
  status: string;
  stateSince?: string;
  startTime: string;
  pid?: number;
  memoryUsage: number;
  gpu: boolean;
  gpuUsage: string;
  restarts?: number;
  inFlight?: number;
  window?: number;
  lastExit?: { time: string; code?: number; signal?: number; reason?: string };
  lastError?: PythonError;
  plainFork?: string;
}

export interface Description {
  modelName: string;
  modelVersion: string;
  state?: string;
  reason?: string;
  minWorkers: number;
  maxWorkers: number;
  workers: Worker[];
  recovery?: { failures: number; since: string; nextAttempt?: string; windowEnd: string };
  lastError?: PythonError;
  lastLoadError?: PythonError;
  settingSources?: Record<string, string>;
  [setting: string]: unknown;
}

export interface History {
  periodSeconds: number;
  end?: string;
  figures: Record<FigureName, (number | null)[]>;
}

export interface LogLine {
  number: number;
  time: string;
  worker: string;
  stderr: boolean;
  text: string;
}

/** The server said no, with its words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly detail: string,
  ) {
    super(message);
  }

  /** Whether another token may help. */
  get aboutToken(): boolean {
    return this.status === 401 || this.status === 403;
  }
}

/** Where something of a version is: each part of the path is escaped by itself. */
export function path(...parts: string[]): string {
  return parts.map(encodeURIComponent).join("/");
}

/** Reads an error of the server's API; of anything else its beginning. */
export async function refusal(response: Response): Promise<Refusal> {
  const text = await response.text();
  try {
    const body = JSON.parse(text) as { message?: unknown; detail?: unknown };
    return new Refusal(
      response.status,
      String(body.message ?? response.statusText),
      typeof body.detail === "string" ? body.detail : "",
    );
  } catch {
    return new Refusal(response.status, `Status ${response.status}`, text.slice(0, 500));
  }
}

export class Api {
  private token = "";

  /** Called when what the page looks at is refused for its token, say because that has expired. */
  onTokenRefused = (): void => undefined;

  /** The server's own addresses are one level above the page. */
  constructor(private readonly base: URL = new URL("..", document.baseURI)) {}

  setToken(token: string): void {
    this.token = token.trim();
  }

  get hasToken(): boolean {
    return this.token !== "";
  }

  async fetch(
    method: string,
    where: string,
    options: { body?: BodyInit; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { ...options.headers };
    if (this.token) {
      headers["authorization"] = `Bearer ${this.token}`;
    }
    return fetch(new URL(where, this.base), {
      method,
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      ...(options.body === undefined ? {} : { body: options.body }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  private async json<T>(method: string, where: string, signal?: AbortSignal): Promise<T> {
    const response = await this.fetch(method, where, signal === undefined ? {} : { signal });
    if (!response.ok) {
      const refused = await refusal(response);
      if (method === "GET" && refused.aboutToken) {
        this.onTokenRefused();
      }
      throw refused;
    }
    return (await response.json()) as T;
  }

  async describe(name: string, version: string, signal?: AbortSignal): Promise<Description> {
    const all = await this.json<Description[]>("GET", `models/${path(name, version)}`, signal);
    const [first] = all;
    if (first === undefined) {
      throw new Refusal(404, "The server told nothing of this version.", "");
    }
    return first;
  }

  history(name: string, version: string, signal?: AbortSignal): Promise<History> {
    return this.json("GET", `console/history/${path(name, version)}`, signal);
  }

  async log(name: string, version: string, after: number, signal?: AbortSignal): Promise<LogLine[]> {
    const where = `console/log/${path(name, version)}?after=${after}`;
    return (await this.json<{ lines: LogLine[] }>("GET", where, signal)).lines;
  }

  async store(signal?: AbortSignal): Promise<string[]> {
    return (await this.json<{ models: string[] }>("GET", "console/store", signal)).models;
  }

  private async order(method: string, where: string): Promise<string> {
    return (await this.json<{ status: string }>(method, where)).status;
  }

  scale(name: string, version: string, min: number, max: number): Promise<string> {
    const query = new URLSearchParams({ min_worker: `${min}`, max_worker: `${max}` });
    return this.order("PUT", `models/${path(name, version)}?${query}`);
  }

  setDefault(name: string, version: string): Promise<string> {
    return this.order("PUT", `models/${path(name, version)}/set-default`);
  }

  unregister(name: string, version: string): Promise<string> {
    return this.order("DELETE", `models/${path(name, version)}`);
  }

  register(url: string, workers: number): Promise<string> {
    const query = new URLSearchParams({ url, initial_workers: `${workers}`, synchronous: "false" });
    return this.order("POST", `models?${query}`);
  }

  /** Calls `onLine` for each line of the stream, until that ends or `signal` ends it. */
  async stream(onLine: (line: StreamLine) => void, signal: AbortSignal): Promise<void> {
    const response = await this.fetch("GET", "console/stream", { signal });
    if (!response.ok || response.body === null) {
      throw await refusal(response);
    }
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) {
        return;
      }
      rest += value;
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line !== "") {
          onLine(JSON.parse(line) as StreamLine);
        }
      }
    }
  }
}
