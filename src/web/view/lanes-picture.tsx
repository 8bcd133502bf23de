import { bitAt, formatWord } from "../../bits/word.js";
import { isListed, laneName, type Path, type Station } from "../../report/page/lanes.js";
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
const HEAD = 170;
/** Most letters of a line beside the lanes, and most lines of a reason; the table has all of it. */
const LETTERS = 68;
const MOST_LINES = 2;
const LINE = 14;

const clip = (text: string, most: number) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

/** The text beside the lanes for a bit: its sign and name, and the lines of the reason. */
interface Beside {
  readonly bit: number;
  readonly sign: string;
  readonly name: string;
  readonly lost: boolean;
  readonly lines: readonly string[];
}

function wrapped(text: string): readonly string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.length - 1;
    const longer = `${lines[last]} ${word}`.trim();
    if (longer.length <= LETTERS) lines[last] = longer;
    else lines.push(word);
  }
  const [first, ...more] = lines as [string, ...string[]];
  return lines.length <= MOST_LINES ? lines : [first, clip(`${more.join(" ")}`, LETTERS)];
}

/** Bits that begin for one reason share it. */
function besides({ ends, begins }: Station, number: (bit: number) => number | undefined): readonly Beside[] {
  const found: Beside[] = [];
  for (const { bit, name, text } of ends.filter(isListed).reverse()) {
    found.push({ bit, sign: `${number(bit)}`, name: name ?? `bit ${bit}`, lost: true, lines: wrapped(text) });
  }
  for (const [at, { bit, name, text }] of begins.slice(0, MOST_BEGINS).entries()) {
    const same = at > 0 && begins[at - 1]?.text === text;
    found.push({ bit, sign: "○", name: name ?? `bit ${bit}`, lost: false, lines: same ? [] : wrapped(text) });
  }
  return found;
}

const MOST_BEGINS = 6;

/** Numbers of the ends of a picture, which stand at the ends of lanes and beside the reasons. */
function numbered(stations: readonly Station[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [index, { ends }] of stations.entries()) {
    for (const change of [...ends].reverse()) {
      if (isListed(change)) numbers.set(`${index} ${change.bit}`, numbers.size + 1);
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
  const texts = stations.map((station, index) => besides(station, (bit) => numbers.get(`${index} ${bit}`)));
  for (const [index, beside] of texts.entries()) {
    const lines = beside.reduce((sum, one) => sum + 1 + one.lines.length, 0);
    if (index > 0) y += Math.max(48, lines * LINE + beside.length * 4 + 14);
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
              {station.fn === undefined ? clip(path.title, 40) : station.word}
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
              beside={texts[index] as readonly Beside[]}
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
  readonly beside: readonly Beside[];
  readonly from: number;
  readonly to: number;
  readonly x: (bit: number) => number;
}

/** What ends and begins between two stations: stops with numbers, their reasons beside the lanes, rings and ticks. */
function Ends({ station, beside, from, to, x }: EndsProps) {
  const stop = from + 20;
  let y = from + 4;
  const placed = beside.map((one) => {
    const top = y;
    y += (1 + one.lines.length) * LINE + 4;
    return { ...one, top };
  });
  return (
    <>
      {station.ends.map((change) => {
        const { bit, to: value } = change;
        const number = !isListed(change) ? undefined : beside.find((one) => one.lost && one.bit === bit)?.sign;
        return (
          <g key={bit}>
            <line
              class={laneClass(value === "unknown" ? "unknown" : "yes")}
              x1={x(bit)}
              x2={x(bit)}
              y1={from}
              y2={stop}
            />
            <line class={isListed(change) ? "stop" : "pause"} x1={x(bit) - 6} x2={x(bit) + 6} y1={stop} y2={stop} />
            {number === undefined ? null : (
              <text class="stop-number" x={x(bit)} y={stop + 12}>
                {number}
              </text>
            )}
          </g>
        );
      })}
      {placed.map(({ bit, sign, name, lost, lines, top }) => (
        <text key={`${bit} ${sign}`} class="why" x={LEFT + LANES + 14} y={top + LINE}>
          <tspan class={lost ? "why-name" : "ring-name"}>
            {sign} {name}
          </tspan>{" "}
          {lines.map((line, at) => (
            <tspan key={line} x={LEFT + LANES + 28} y={top + LINE * (at + 2)}>
              {line}{" "}
            </tspan>
          ))}
        </text>
      ))}
      {station.begins.map(({ bit, to: value }) => (
        <g key={bit}>
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
            {station.ends
              .map((change) => ({ bit: change.bit, listed: isListed(change) }))
              .map(({ bit, listed }) => (
                <g key={bit}>
                  <line class="lane" x1={x(index - 1)} x2={x(index) - 12} y1={y(bit)} y2={y(bit)} />
                  <line
                    class={listed ? "stop" : "pause"}
                    x1={x(index) - 12}
                    x2={x(index) - 12}
                    y1={y(bit) - 5}
                    y2={y(bit) + 5}
                  />
                  {!listed ? null : (
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
