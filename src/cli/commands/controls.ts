import { readFileSync, statSync } from "node:fs";
import { runControls } from "../../fleet/run-controls.js";
import { complain } from "../command.js";
import { printRun, subjectsOf } from "../fleet-subject.js";
import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

const LANGUAGES = ["text", "c", "rust"] as const;

interface ControlsRaw extends RawOptions {
  readonly want?: readonly string[];
  readonly emit?: string;
  readonly nested?: boolean;
  readonly ia32?: boolean;
}

/** `vmxlens controls HOST... --want FILE|NAMES` */
export async function controls(
  hosts: readonly (string | undefined)[],
  raw: ControlsRaw,
  world: World,
): Promise<number> {
  const [wanted, ...more] = await Promise.all((raw.want ?? []).map((text) => textOf(text, world)));
  if (wanted === undefined) {
    return complain(world, ["--want is missing: the names of the controls, or a file with them, as --want ept,vpid?"]);
  }
  const emit = LANGUAGES.find((name) => name === (raw.emit ?? "text"));
  if (emit === undefined) return complain(world, [`--emit ${raw.emit}: one of ${LANGUAGES.join(", ")}`]);
  const subjects = await subjectsOf(hosts as readonly string[], raw, world);
  if (typeof subjects === "number") return subjects;
  const result = runControls({
    subjects,
    wanted: [wanted, ...more],
    layer: raw.nested === true ? "nested" : "silicon",
    emit,
    longMode: raw.ia32 !== true,
  });
  return printRun(result, raw, world);
}

/** A file if there is one of that name, standard input for `-`, else the names themselves. */
async function textOf(given: string, world: World): Promise<{ readonly text: string; readonly file?: string }> {
  if (given === "-") {
    const parts: Uint8Array[] = [];
    for await (const part of world.stdin()) parts.push(part);
    return { text: Buffer.concat(parts).toString("utf8"), file: "standard input" };
  }
  const isFile = statSync(given, { throwIfNoEntry: false })?.isFile() === true;
  return isFile ? { text: readFileSync(given, "utf8"), file: given } : { text: given };
}
