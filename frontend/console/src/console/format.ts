// How values are shown.

/** Some digits, as people read them: 0.0012, 0.12, 4.5, 87, 1,240. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return "–";
  }
  if (value === 0) {
    return "0";
  }
  const size = Math.abs(value);
  if (size < 0.01) {
    return String(Number(value.toPrecision(2)));
  }
  return value.toLocaleString("en", { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : 2 });
}

/** A length of time in the unit that suits it. */
export function seconds(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) {
    return "–";
  }
  if (value === 0) {
    return "0 ms";
  }
  if (value < 0.001) {
    return `${number(value * 1e6)} µs`;
  }
  return value < 1 ? `${number(value * 1000)} ms` : `${number(value)} s`;
}

export function bytes(value: number): string {
  if (value <= 0) {
    return "–";
  }
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${number(value / 1024 ** power)} ${units[power] ?? ""}`;
}

/** The time of day on this machine; with the day if it is another one. */
export function time(text: string | undefined): string {
  if (text === undefined) {
    return "–";
  }
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) {
    return text;
  }
  const clock = moment.toLocaleTimeString("en-GB");
  const today = new Date().toDateString() === moment.toDateString();
  return today ? clock : `${moment.toLocaleDateString("en-CA")} ${clock}`;
}

/** `RECOVERING` as `Recovering`. */
export function word(state: string): string {
  return state.charAt(0) + state.slice(1).toLowerCase().replaceAll("_", " ");
}

/** `maxBatchDelay` as `max batch delay`. */
export function spaced(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, (_, before: string, after: string) => {
    return `${before} ${after.toLowerCase()}`;
  });
}

/** What is told of something that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Without what moves a terminal's cursor, colours its text, or turns the order of what follows. */
export function plain(text: string): string {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "")
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, "");
}
