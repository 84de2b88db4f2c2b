// Draws what an explanation says: over the picture that was sent, or over words.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { scaleOf, type Attributions } from "./attributions";
import { number } from "./format";

/** Red speaks for the answer, blue against it; told apart with any kind of colour vision. */
const FOR = [202, 52, 22] as const;
const AGAINST = [28, 91, 196] as const;

const SHOWN_WIDTH = 384;
const MIN_SHOWN_HEIGHT = 24;
/** By which sides may differ that are meant to be the same. */
const SAME_SHAPE = 0.02;
const FAINT_WORD = 0.4;

export function Explanation({ found, picture }: { found: Attributions; picture: Blob | null }) {
  return (
    <section class="explanation" aria-labelledby="explanation">
      <h3 id="explanation">{found.kind === "grid" ? "Heat map" : "Weight of each part"}</h3>
      {found.kind === "grid" ? (
        <HeatMap values={found.values} picture={picture} />
      ) : (
        <Words words={found.words} values={found.values} />
      )}
    </section>
  );
}

function Legend({ scale }: { scale: number }) {
  return (
    <div class="heat-legend">
      <span>−{number(scale)} against</span>
      <span class="bar" aria-hidden="true" />
      <span>{number(scale)} for the answer</span>
    </div>
  );
}

function HeatMap({ values, picture }: { values: number[][]; picture: Blob | null }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [strength, setStrength] = useState(85);
  const [image, setImage] = useState<ImageBitmap | null>(null);
  const scale = useMemo(() => scaleOf(values.flat()), [values]);
  const words = useMemo(() => inWords(values), [values]);
  useEffect(() => {
    let wanted = true;
    setImage(null);
    if (picture !== null) {
      createImageBitmap(picture).then(
        (made) => wanted && setImage(made),
        () => undefined,
      );
    }
    return () => {
      wanted = false;
    };
  }, [picture]);
  useEffect(() => {
    if (canvas.current !== null) {
      draw(canvas.current, image, values, scale, strength / 100);
    }
  }, [image, values, strength]);
  return (
    <>
      <canvas ref={canvas} class="heat-map" role="img" aria-label={words} />
      <Legend scale={scale} />
      <label class="strength">
        Strength
        <input
          type="range"
          min="0"
          max="100"
          value={strength}
          onInput={(event) => setStrength(event.currentTarget.valueAsNumber)}
        />
      </label>
      <p class="muted small">{words}</p>
      {image !== null && !isSameShape(image, values) && (
        <p class="muted small">
          The picture of {image.width} × {image.height} has another shape: the values are stretched over it.
        </p>
      )}
    </>
  );
}

function isSameShape(image: ImageBitmap, values: number[][]): boolean {
  const ratio = (image.width / image.height) * (values.length / (values[0]?.length ?? 1));
  return Math.abs(ratio - 1) <= SAME_SHAPE;
}

function draw(
  canvas: HTMLCanvasElement,
  image: ImageBitmap | null,
  values: number[][],
  scale: number,
  strength: number,
): void {
  const rows = values.length;
  const columns = values[0]?.length ?? 1;
  const width = SHOWN_WIDTH;
  const height = Math.round(image === null ? (width * rows) / columns : (width * image.height) / image.width);
  canvas.width = width;
  canvas.height = Math.max(MIN_SHOWN_HEIGHT, Math.min(height, width * 2));
  const pen = canvas.getContext("2d");
  if (pen === null) {
    return;
  }
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  if (image !== null) {
    // A handwritten digit of 8 x 8 points stays sharp.
    pen.imageSmoothingEnabled = image.width >= 64;
    pen.filter = "grayscale(1)";
    pen.drawImage(image, 0, 0, canvas.width, canvas.height);
    pen.filter = "none";
  }
  pen.imageSmoothingEnabled = rows >= 32;
  pen.drawImage(heat(values, scale, strength), 0, 0, canvas.width, canvas.height);
}

function heat(values: number[][], scale: number, strength: number): OffscreenCanvas {
  const rows = values.length;
  const columns = values[0]?.length ?? 1;
  const layer = new OffscreenCanvas(columns, rows);
  const pen = layer.getContext("2d");
  const pixels = new ImageData(columns, rows);
  values.flat().forEach((value, i) => {
    const [red, green, blue] = value > 0 ? FOR : AGAINST;
    pixels.data.set([red, green, blue, 255 * strength * Math.sqrt(Math.abs(value) / scale)], i * 4);
  });
  pen?.putImageData(pixels, 0, 0);
  return layer;
}

function inWords(values: number[][]): string {
  let most = { value: -Infinity, row: 0, column: 0 };
  let least = { value: Infinity, row: 0, column: 0 };
  values.forEach((line, row) =>
    line.forEach((value, column) => {
      if (value > most.value) {
        most = { value, row, column };
      }
      if (value < least.value) {
        least = { value, row, column };
      }
    }),
  );
  const place = (at: { row: number; column: number }) => `row ${at.row + 1}, column ${at.column + 1}`;
  const size = `${values.length} × ${values[0]?.length ?? 0} values.`;
  const strongest = ` Most for the answer: ${place(most)} (${number(most.value)}).`;
  return size + strongest + (least.value < 0 ? ` Most against it: ${place(least)} (${number(least.value)}).` : "");
}

function Words({ words, values }: { words: string[]; values: number[] }) {
  const scale = scaleOf(values);
  return (
    <>
      <p class="heat-words">
        {words.map((word, i) => {
          const value = values[i] ?? 0;
          const [red, green, blue] = value > 0 ? FOR : AGAINST;
          const alpha = (FAINT_WORD * Math.abs(value)) / scale;
          return (
            <span key={i}>
              <span
                class="heat-word"
                title={number(value)}
                style={{ backgroundColor: `rgba(${red}, ${green}, ${blue}, ${alpha.toFixed(3)})` }}
              >
                <bdi>{word}</bdi>
                <span class="hidden"> ({number(value)})</span>
              </span>{" "}
            </span>
          );
        })}
      </p>
      <Legend scale={scale} />
    </>
  );
}
