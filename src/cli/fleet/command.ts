import { duckdbEngine } from "../../fleet/answer.js";
import { whyNoLabel, whyNone } from "../../fleet/store/labels-there.js";
import { openStore, StoreError } from "../../fleet/store/store.js";
import { nearest } from "../../registers/edit-distance.js";
import { complain } from "../command.js";
import { EXIT } from "../exit-code.js";
import { didYouMean } from "../options.js";
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
import { whatIf } from "./what-if.js";

const ACTIONS: { readonly [name: string]: (action: Action) => Promise<number> } = {
  ingest,
  summary: asking(summary),
  who: asking(who),
  baseline: asking(baseline),
  pools: asking(pools),
  drift: asking(drift),
  "what-if": asking(whatIf),
  gate: asking(gate),
  export: asking(exported),
  report: asking(report),
  collect,
  sql: asking(sql),
  problems: asking(problems),
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
  if (wrong.length > 0) return complain(world, wrong);
  try {
    return await action({ args, raw, options, world });
  } catch (error) {
    if (error instanceof StoreError) return complain(world, [error.message]);
    throw error;
  }
}

/** An action that reads: the store is opened for it, and closed. */
function asking(answer: (question: Question) => Promise<number>): (action: Action) => Promise<number> {
  return async (action) => {
    const { options, raw, world } = action;
    const store = await openStore(options.store);
    try {
      // What is asked for as JSON is an answer about no host.
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
