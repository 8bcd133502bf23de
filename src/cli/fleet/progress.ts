import type { IngestProgress } from "../../fleet/store/ingest.js";
import { count } from "../../fleet/text.js";
import { visible } from "../../report/visible.js";
import type { World } from "../world.js";

/** Milliseconds between two states of a bar, and between two lines if there is no terminal. */
const ON_TERMINAL = 200;
const IN_LOG = 10_000;
const WIDTH = 24;

/** Shows on standard error how far a long task has come: as a bar on a terminal, as a line now and then elsewhere. */
export function progressBar(world: World, now: () => number) {
  const start = now();
  let last = start;
  let drawn = world.progress !== undefined;
  const report = (text: (seconds: number) => string): void => {
    const time = now();
    if (time - last < (drawn ? ON_TERMINAL : IN_LOG)) return;
    const shown = text((time - start) / 1000);
    if (drawn && world.progress?.(shown) !== true) drawn = false;
    else {
      last = time;
      if (!drawn) world.err(`${shown}\n`);
    }
  };
  return {
    ingested: (state: IngestProgress) => report((seconds) => ingestText(state, seconds)),
    derived: (done: number, of: number) =>
      report((seconds) => `${barText(done / of, seconds)} deriving ${count(done)} of ${count(of)} rows`),
    /** What follows is on a line of its own. */
    done: () => {
      if (drawn) world.progress?.("");
    },
  };
}

function barText(part: number, seconds: number): string {
  const filled = Math.round(part * WIDTH);
  const left = part > 0 && part < 1 ? ` ${Math.round((seconds * (1 - part)) / part)} s left,` : "";
  return `[${"#".repeat(filled)}${"-".repeat(WIDTH - filled)}] ${Math.round(100 * part)} %,${left}`;
}

function ingestText({ source, done, size, hosts, bad }: IngestProgress, seconds: number): string {
  const rate = seconds > 0 ? Math.round(hosts / seconds) : 0;
  const name = visible(source.length > 40 ? `…${source.slice(-39)}` : source);
  const said = `${name}: ${count(hosts)} hosts, ${count(rate)} a second${bad === 0 ? "" : `, ${count(bad)} bad`}`;
  return size === 0 ? said : `${barText(Math.min(1, done / size), seconds)} ${said}`;
}
