import type { Engine } from "../../fleet/answer.js";
import type { Store } from "../../fleet/store/store.js";
import { renderLines } from "../../report/ansi.js";
import type { Line } from "../../report/text.js";
import { showJson } from "../outlet.js";
import type { World } from "../world.js";
import type { FleetOptions, FleetRaw } from "./options.js";

/** What an action of `vmxlens fleet` is given. */
export interface Action {
  /** The words behind its name. */
  readonly args: readonly string[];
  readonly raw: FleetRaw;
  readonly options: FleetOptions;
  readonly world: World;
}

/** A question to an existing store. */
export interface Question extends Action {
  readonly store: Store;
  readonly engine: Engine;
}

/** Prints an answer in the form that was asked for. */
export function print({ options, world }: Action, lines: readonly Line[], json: object): void {
  if (options.settings.json) showJson({ format: "vmxlens-fleet/1", ...json }, world);
  else world.out(renderLines(lines, options.settings.color));
}
