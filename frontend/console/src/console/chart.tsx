import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { FigureName, History } from "./api";

interface Line {
  figure: FigureName;
  label: string;
  /** The custom property of its colour. */
  colour: string;
}

type Format = (value: number | null | undefined) => string;

/** What a chart shows. */
export interface ChartPlan {
  title: string;
  lines: Line[];
  stacked?: boolean;
  format: Format;
}

const HEIGHT = 150;
const MIN_SECONDS = 180;

/** One chart of the last minutes. Screen readers get the last values, which stand in its legend. */
export function Chart({ title, lines, stacked = false, format, history }: ChartPlan & { history: History }) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = columns(history, lines, stacked);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const element = place.current;
    if (element === null) {
      return undefined;
    }
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(options(element, lines, stacked, format), latest.current, element);
    };
    draw();
    dark.addEventListener("change", draw);
    const sizes = new ResizeObserver(() => {
      plot.current?.setSize({ width: Math.max(100, element.clientWidth), height: HEIGHT });
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      dark.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);
  useEffect(() => plot.current?.setData(data), [history]);
  return (
    <figure class="card chart">
      <figcaption>
        <h2>{title}</h2>
        <ul class="legend">
          {lines.map((line) => (
            <li key={line.figure}>
              <span class={`swatch ${line.colour.slice(2)}`} aria-hidden="true" />
              {line.label} <b>{format(history.figures[line.figure].at(-1))}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} aria-hidden="true" />
    </figure>
  );
}

/** Stacked lines are drawn as their sums, the highest first, so that each covers the one above. */
function columns(history: History, lines: Line[], stacked: boolean): uPlot.AlignedData {
  const length = history.figures.rate.length;
  const first = history.figures.readyWorkers.findIndex((value) => value !== null);
  // Of a version that is new: from its beginning, but no shorter than that.
  const from = Math.max(0, Math.min(first, length - Math.ceil(MIN_SECONDS / history.periodSeconds)));
  const end = new Date(history.end ?? Date.now()).getTime() / 1000;
  const times = Array.from({ length }, (_, i) => end - (length - 1 - i) * history.periodSeconds).slice(from);
  const values = lines.map((line) => history.figures[line.figure].slice(from));
  if (!stacked) {
    return [times, ...values];
  }
  const sums: (number | null)[][] = [];
  values.forEach((column, i) => {
    sums.push(column.map((value, at) => (value === null ? null : value + (sums[i - 1]?.[at] ?? 0))));
  });
  return [times, ...sums.reverse()];
}

function options(
  element: HTMLElement,
  lines: Line[],
  stacked: boolean,
  format: Format,
): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const drawn = stacked ? [...lines].reverse() : lines;
  const font = `11px ${style.fontFamily}`;
  const axis = { font, stroke: colour("--muted"), ticks: { show: false } };
  return {
    width: Math.max(100, element.clientWidth),
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_, __, most) => [0, most > 0 ? most * 1.1 : 1] } },
    series: [
      {},
      ...drawn.map((line, i) => ({
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: false },
        ...(stacked || i === 0 ? { fill: colour(line.colour) + (stacked ? "" : "22") } : {}),
      })),
    ],
    axes: [
      { ...axis, grid: { show: false }, size: 26, space: 80, values: "{HH}:{mm}" },
      {
        ...axis,
        size: 64,
        space: 36,
        grid: { stroke: colour("--line"), width: 1 },
        values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "0" : format(tick))),
      },
    ],
  };
}
