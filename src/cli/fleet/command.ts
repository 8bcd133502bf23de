import { duckdbEngine } from "../../fleet/answer.js";
import { whyNoLabel, whyNone } from "../../fleet/store/labels-there.js";
import { openStore, StoreError } from "../../fleet/store/store.js";
import { nearest } from "../../registers/edit-distance.js";
import { EXIT } from "../exit-code.js";
import { complain, didYouMean } from "../shell/problems.js";
import type { World } from "../world.js";
import type { Action, Question } from "./action.js";
import { baseline, drift, pools, summary, who } from "./ask.js";
import { collect } from "./collect.js";
import { exported } from "./export.js";
import { gate } from "./gate.js";
import { ingest, problems } from "./ingest.js";
import { type FleetRaw, fleetOptions } from "./options.js";
import { report } from "./report.js";
import { sql } from "./sql.js";
import { extraWords, idleOptions, type Uses } from "./uses.js";
import { whatIf } from "./what-if.js";

interface ActionRow {
  readonly run: (action: Action) => Promise<number>;
  readonly uses: Uses;
  /** How many words may follow its name. */
  readonly words: number;
}

const ACTIONS: { readonly [name: string]: ActionRow } = {
  ingest: {
    run: ingest,
    uses: ["store", "label", "paths", "labels", "again", "assume", "maxBytes", "json"],
    words: Number.POSITIVE_INFINITY,
  },
  summary: { run: asking(summary), uses: ["store", "where", "json"], words: 0 },
  who: { run: asking(who), uses: ["store", "where", "has", "lacks", "layer", "limit", "json"], words: 0 },
  baseline: { run: asking(baseline), uses: ["store", "where", "layer", "json"], words: 0 },
  pools: { run: asking(pools), uses: ["store", "where", "has", "count", "as", "out", "json"], words: 0 },
  drift: { run: asking(drift), uses: ["store", "where", "by", "limit", "json"], words: 0 },
  "what-if": { run: asking(whatIf), uses: ["store", "where", "kernel", "param", "without", "json"], words: 0 },
  gate: { run: asking(gate), uses: ["store", "maxBytes", "json"], words: 1 },
  export: { run: asking(exported), uses: ["store", "where", "layer", "as", "parquet", "out"], words: 0 },
  report: { run: asking(report), uses: ["store", "where", "by", "count", "out"], words: 0 },
  collect: {
    run: collect,
    uses: ["out", "parallel", "timeout", "retries", "ssh", "maxBytes", "json"],
    words: 1,
  },
  sql: { run: asking(sql), uses: ["store", "as", "maxBytes", "json"], words: 1 },
  problems: { run: asking(problems), uses: ["store", "limit", "json"], words: 0 },
};

/** `vmxlens fleet ACTION …` */
export async function fleet(given: readonly (string | undefined)[], raw: FleetRaw, world: World): Promise<number> {
  const [name = "", ...args] = given.filter((one) => one !== undefined);
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action === undefined) {
    const names = Object.keys(ACTIONS);
    return complain(world, [`fleet ${name}: one of ${names.join(", ")}${didYouMean(nearest(name, names))}`]);
  }
  const { options, problems: wrong } = fleetOptions(raw, world);
  const idle = [...extraWords(name, args, action.words), ...idleOptions(`fleet ${name}`, raw, action.uses)];
  if (wrong.length + idle.length > 0) return complain(world, [...wrong, ...idle]);
  try {
    return await action.run({ args, raw, options, world });
  } catch (error) {
    if (error instanceof StoreError) return complain(world, [error.message]);
    throw error;
  }
}

/** An action that reads: the store is opened before it and closed after it. */
function asking(answer: (question: Question) => Promise<number>): (action: Action) => Promise<number> {
  return async (action) => {
    const { options, raw, world } = action;
    const store = await openStore(options.store);
    try {
      // With --json it is an answer about no host.
      const none = options.settings.json ? undefined : await whyNone(store, options.where);
      if (none !== undefined) {
        complain(world, [`--where: ${none}`]);
        return EXIT.no;
      }
      const noLabel = raw.by === undefined ? undefined : await whyNoLabel(store, raw.by);
      if (noLabel !== undefined) return complain(world, [`--by: ${noLabel}`]);
      return await answer({ ...action, store, engine: duckdbEngine(store.all) });
    } finally {
      store.close();
    }
  };
}
