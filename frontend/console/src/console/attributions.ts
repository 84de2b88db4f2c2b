// Finds what an explanation says of its input, in the forms that handlers answer with.

export type Attributions =
  | { kind: "grid"; values: number[][] }
  | { kind: "words"; words: string[]; values: number[] };

const WORDS = ["words", "tokens"];
const VALUES = ["attributions", "attribution", "importances", "importance", "word_attributions", "saliency", "heatmap", "relevance", "explanations"];

/** More channels than a picture has; then it is no picture. */
const MAX_CHANNELS = 4;
const MAX_CELLS = 4_000_000;
/** Rows or columns: a browser draws no larger picture. */
const MAX_SIDE = 16_384;
const MAX_WORDS = 5000;
const MAX_DEPTH = 4;

/** The attributions in an answer; null if there are none. */
export function attributionsOf(answer: unknown): Attributions | null {
  return search(answer, MAX_DEPTH);
}

function search(value: unknown, depth: number): Attributions | null {
  if (value === null || typeof value !== "object" || depth === 0) {
    return null;
  }
  if (Array.isArray(value)) {
    const grid = gridOf(value);
    if (grid !== null) {
      return { kind: "grid", values: grid };
    }
    // The answer to one request, in a list.
    return value.length === 1 ? search(value[0], depth - 1) : null;
  }
  const members = value as Record<string, unknown>;
  const words = WORDS.map((name) => members[name]).find(isWords);
  if (words !== undefined) {
    const values = VALUES.concat("scores", "values")
      .map((name) => flat(members[name]))
      .find((list) => list !== null && list.length === words.length);
    if (values !== undefined && values !== null) {
      return { kind: "words", words, values };
    }
  }
  for (const name of VALUES) {
    const found = of(members[name], depth);
    if (found !== null) {
      return found;
    }
  }
  for (const member of Object.values(members)) {
    const found = search(member, depth - 1);
    if (found !== null) {
      return found;
    }
  }
  return null;
}

function of(value: unknown, depth: number): Attributions | null {
  const grid = gridOf(value);
  if (grid !== null) {
    return { kind: "grid", values: grid };
  }
  const list = flat(value);
  if (list !== null && list.length > 1 && list.length <= MAX_WORDS) {
    return { kind: "words", words: list.map((_, i) => `#${i + 1}`), values: list };
  }
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    const pairs = Object.entries(value);
    if (pairs.length > 1 && pairs.length <= MAX_WORDS && pairs.every(([, number]) => isNumber(number))) {
      return { kind: "words", words: pairs.map(([word]) => word), values: pairs.map(([, number]) => number as number) };
    }
  }
  return search(value, depth - 1);
}

function isWords(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= MAX_WORDS &&
    value.every((word) => typeof word === "string")
  );
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function flat(value: unknown, depth = MAX_DEPTH): number[] | null {
  if (!Array.isArray(value) || value.length === 0 || depth === 0) {
    return null;
  }
  if (value.every(isNumber)) {
    return value;
  }
  return value.length === 1 ? flat(value[0], depth - 1) : null;
}

/** The lengths of lists in lists of numbers, if each level has one length; else null. */
function shapeOf(value: unknown, depth = MAX_DEPTH): number[] | null {
  if (!Array.isArray(value) || value.length === 0 || depth === 0) {
    return null;
  }
  if (value.every(isNumber)) {
    return [value.length];
  }
  const first = shapeOf(value[0], depth - 1);
  if (first === null || !value.every((row) => shapeOf(row, depth - 1)?.join() === first.join())) {
    return null;
  }
  return [value.length, ...first];
}

/** Rows of numbers that can be drawn as a picture. */
function gridOf(value: unknown): number[][] | null {
  const rows = rowsOf(value);
  return rows !== null && rows.length <= MAX_SIDE && (rows[0]?.length ?? 0) <= MAX_SIDE ? rows : null;
}

/** Rows of numbers: a picture's, its channels added up. */
function rowsOf(value: unknown): number[][] | null {
  const shape = shapeOf(value);
  if (shape === null || shape.length < 2 || shape.length > 4 || shape.reduce((a, b) => a * b) > MAX_CELLS) {
    return null;
  }
  if (shape.length === 4) {
    return shape[0] === 1 ? rowsOf((value as unknown[])[0]) : null;
  }
  if (shape.length === 2) {
    return (shape[0] ?? 0) > 1 && (shape[1] ?? 0) > 1 ? (value as number[][]) : null;
  }
  const cube = value as number[][][];
  const [first = 0, second = 0, last = 0] = shape;
  if (first <= MAX_CHANNELS) {
    return Array.from({ length: second }, (_, y) =>
      Array.from({ length: last }, (_, x) => cube.reduce((sum, channel) => sum + (channel[y]?.[x] ?? 0), 0)),
    );
  }
  return last <= MAX_CHANNELS ? cube.map((row) => row.map((cell) => cell.reduce((sum, one) => sum + one, 0))) : null;
}

/** The greatest magnitude, more than 0. */
export function scaleOf(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
}
