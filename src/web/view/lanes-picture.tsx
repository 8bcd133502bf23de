import { bitAt, formatWord } from "../../bits/word.js";
import { laneName, type Path, type Station } from "../../report/page/lanes.js";
import { t } from "../texts.js";

interface PictureProps {
  readonly path: Path;
  readonly stations: readonly Station[];
  /** Position of the station that is looked at; what is below it is faint. */
  readonly at: number;
  /** Lanes run from left to right, for a narrow page. */
  readonly turned: boolean;
  readonly flip: (bit: number) => void;
  readonly go: (at: number) => void;
}

const LEFT = 300;
const PITCH = 21;
const LANES = 32 * PITCH;
const RIGHT = 440;
const WIDTH = LEFT + LANES + RIGHT;
const HEAD = 150;
/** Most letters of a reason beside the lanes; the table has all of it. */
const LETTERS = 66;

const clip = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** Numbers of the ends of a picture, which stand at the ends of lanes and beside the reasons. */
function numbered(stations: readonly Station[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, { ends }] of stations.entries()) {
    for (const { bit, returns } of [...ends].reverse()) {
      if (!returns) numbers.set(`${index} ${bit}`, numbers.size + 1);
    }
  }
  return numbers;
}

/** A click on a cell of the register turns the bit over, one on another cell goes to its station. */
function clicked(event: MouseEvent, { flip, go }: Pick<PictureProps, "flip" | "go">): void {
  const { bit, at } = (event.target as SVGElement).dataset;
  if (bit === undefined || at === undefined) return;
  if (at === "0") flip(Number(bit));
  else go(Number(at));
}

/** The lanes: one for each bit, through the stations in the order of time. */
export function LanesPicture(props: PictureProps) {
  return props.turned ? <Turned {...props} /> : <Upright {...props} />;
}

function cellClass(value: "yes" | "no" | "unknown"): string {
  return value === "yes" ? "cell on" : value === "unknown" ? "cell maybe" : "cell";
}

function laneClass(value: "yes" | "no" | "unknown"): string {
  return value === "unknown" ? "lane maybe" : "lane";
}

function Upright(props: PictureProps) {
  const { path, stations, at } = props;
  const numbers = numbered(stations);
  const x = (bit: number) => LEFT + (31 - bit) * PITCH + PITCH / 2;
  const tops: number[] = [];
  let y = HEAD;
  for (const [index, { ends, begins }] of stations.entries()) {
    const shown = ends.filter(({ returns }) => !returns).length + Math.min(6, begins.length);
    if (index > 0) y += Math.max(52, shown * 15 + 30);
    tops.push(y);
  }
  const height = y + 30;
  const top = (index: number) => tops[index] as number;
  return (
    // The buttons of the table do the same by keyboard.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <svg
      class="lanes"
      viewBox={`0 0 ${WIDTH} ${height}`}
      role="img"
      aria-label={`${t("run")}: ${path.title}`}
      onClick={(event) => clicked(event, props)}
    >
      {Array.from({ length: 32 }, (_, bit) => {
        const name = laneName(path, bit);
        const live = stations.some(({ value }) => bitAt(value, bit) !== "no");
        return (
          <g key={bit}>
            <text
              class={`bit-name${live ? "" : " off"}`}
              transform={`translate(${x(bit) + 4},${HEAD - 26}) rotate(-58)`}
            >
              {name === undefined ? "" : clip(name, 24)}
            </text>
            <text class="bit-number" x={x(bit)} y={HEAD - 12}>
              {bit}
            </text>
          </g>
        );
      })}
      {stations.map((station, index) => {
        const next = stations[index + 1];
        const faint = index > at ? " later" : "";
        return (
          <g key={station.at} class={`station${index === at ? " now" : ""}${faint}`}>
            {index === at ? <rect class="marker" x={0} y={top(index) - 15} width={LEFT + LANES} height={30} /> : null}
            <line class="rule" x1={LEFT} x2={LEFT + LANES} y1={top(index)} y2={top(index)} />
            <text class="fn" x={6} y={top(index) - 2}>
              {station.fn ?? station.word}
            </text>
            <text class="sub" x={6} y={top(index) + 11}>
              {station.fn === undefined ? path.title : station.word}
            </text>
            <text class="val" x={LEFT - 10} y={top(index) - 2}>
              {formatWord(station.value)}
            </text>
            {next === undefined
              ? null
              : Array.from({ length: 32 }, (_, bit) => {
                  const [now, then] = [bitAt(station.value, bit), bitAt(next.value, bit)];
                  if (now === "no" || then === "no") return null;
                  return (
                    <line
                      key={bit}
                      class={`${laneClass(then)}${index + 1 > at ? " later" : ""}`}
                      x1={x(bit)}
                      x2={x(bit)}
                      y1={top(index)}
                      y2={top(index + 1)}
                    />
                  );
                })}
            <Ends
              station={station}
              index={index}
              numbers={numbers}
              from={index === 0 ? 0 : top(index - 1)}
              to={top(index)}
              x={x}
            />
            {Array.from({ length: 32 }, (_, bit) => (
              <rect
                key={bit}
                data-bit={bit}
                data-at={index}
                class={cellClass(bitAt(station.value, bit))}
                x={x(bit) - 5}
                y={top(index) - 5}
                width={10}
                height={10}
              />
            ))}
          </g>
        );
      })}
    </svg>
  );
}

interface EndsProps {
  readonly station: Station;
  readonly index: number;
  readonly numbers: ReadonlyMap<string, number>;
  readonly from: number;
  readonly to: number;
  readonly x: (bit: number) => number;
}

/** What ends and begins between two stations: stops with numbers, their reasons beside the lanes, rings and ticks. */
function Ends({ station, index, numbers, from, to, x }: EndsProps) {
  const lost = station.ends.filter(({ returns }) => !returns).reverse();
  const stop = from + 20;
  return (
    <>
      {station.ends.map(({ bit, returns, to: value }) => {
        const number = numbers.get(`${index} ${bit}`);
        return (
          <g key={bit}>
            <line
              class={laneClass(value === "unknown" ? "unknown" : "yes")}
              x1={x(bit)}
              x2={x(bit)}
              y1={from}
              y2={stop}
            />
            <line class={returns ? "pause" : "stop"} x1={x(bit) - 6} x2={x(bit) + 6} y1={stop} y2={stop} />
            {number === undefined ? null : (
              <text class="stop-number" x={x(bit)} y={stop + 12}>
                {number}
              </text>
            )}
          </g>
        );
      })}
      {lost.map(({ bit, name, text }, row) => (
        <text key={bit} class="why" x={LEFT + LANES + 12} y={from + 18 + row * 15}>
          <tspan class="why-number">{numbers.get(`${index} ${bit}`)} </tspan>
          <tspan class="why-name">{name ?? `bit ${bit}`}</tspan> {clip(text, LETTERS - (name ?? "").length)}
        </text>
      ))}
      {station.begins.map(({ bit, to: value }, row) => (
        <g key={bit}>
          {row > 5 ? null : (
            <text class="why" x={LEFT + LANES + 12} y={from + 18 + (lost.length + row) * 15}>
              <tspan class="ring-name">○ {station.begins[row]?.name ?? `bit ${bit}`}</tspan>{" "}
              {clip(row === 0 ? (station.begins[row]?.text ?? "") : "", LETTERS - 16)}
            </text>
          )}
          <line class={`${laneClass(value)} back`} x1={x(bit)} x2={x(bit)} y1={to - 18} y2={to} />
          <circle class="ring" cx={x(bit)} cy={to - 20} r={3.5} />
        </g>
      ))}
      {Array.from({ length: 32 }, (_, bit) =>
        (station.forced >>> bit) & 1 ? <path key={bit} class="forced" d={`M${x(bit) - 10},${to - 12} l6,6`} /> : null,
      )}
    </>
  );
}

const ROW = 17;
const STEP = 27;
const NAMES = 150;

/** The same with time to the right, for a page of 360 pixels; the reasons are in the list below. */
function Turned(props: PictureProps) {
  const { path, stations, at } = props;
  const numbers = numbered(stations);
  const y = (bit: number) => 30 + (31 - bit) * ROW;
  const x = (index: number) => NAMES + 16 + index * STEP;
  const width = Math.max(330, x(stations.length - 1) + 24);
  return (
    // The buttons of the table do the same by keyboard.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above
    <svg
      class="lanes turned"
      viewBox={`0 0 ${width} ${y(0) + 20}`}
      role="img"
      aria-label={`${t("run")}: ${path.title}`}
      onClick={(event) => clicked(event, props)}
    >
      {Array.from({ length: 32 }, (_, bit) => {
        const live = stations.some(({ value }) => bitAt(value, bit) !== "no");
        return (
          <text key={bit} class={`bit-name${live ? "" : " off"}`} x={0} y={y(bit) + 4}>
            {bit} {clip(laneName(path, bit) ?? "", 18)}
          </text>
        );
      })}
      {stations.map((station, index) => {
        const next = stations[index + 1];
        return (
          <g key={station.at} class={`station${index === at ? " now" : ""}${index > at ? " later" : ""}`}>
            {index === at ? <rect class="marker" x={x(index) - 10} y={14} width={20} height={y(0) - 2} /> : null}
            <text class="bit-number" x={x(index)} y={11}>
              {index}
            </text>
            {Array.from({ length: 32 }, (_, bit) => {
              const now = bitAt(station.value, bit);
              const then = next === undefined ? "no" : bitAt(next.value, bit);
              return now === "no" || then === "no" ? null : (
                <line key={bit} class={laneClass(then)} x1={x(index)} x2={x(index + 1)} y1={y(bit)} y2={y(bit)} />
              );
            })}
            {station.ends.map(({ bit, returns }) => (
              <g key={bit}>
                <line class="lane" x1={x(index - 1)} x2={x(index) - 12} y1={y(bit)} y2={y(bit)} />
                <line
                  class={returns ? "pause" : "stop"}
                  x1={x(index) - 12}
                  x2={x(index) - 12}
                  y1={y(bit) - 5}
                  y2={y(bit) + 5}
                />
                {returns ? null : (
                  <text class="stop-number" x={x(index) + 1} y={y(bit) + 4}>
                    {numbers.get(`${index} ${bit}`)}
                  </text>
                )}
              </g>
            ))}
            {station.begins.map(({ bit }) => (
              <circle key={bit} class="ring" cx={x(index) - 10} cy={y(bit)} r={3} />
            ))}
            {Array.from({ length: 32 }, (_, bit) => {
              const value = bitAt(station.value, bit);
              if (value === "no" && numbers.has(`${index} ${bit}`)) return null;
              return (
                <rect
                  key={bit}
                  data-bit={bit}
                  data-at={index}
                  class={cellClass(value)}
                  x={x(index) - 5}
                  y={y(bit) - 5}
                  width={10}
                  height={10}
                />
              );
            })}
          </g>
        );
      })}
    </svg>
  );
}
