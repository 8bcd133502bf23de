import { runControls } from "../../report/compare/controls-report.js";
import { comparedHosts, printRun } from "../compared-hosts.js";
import { givenText } from "../given-text.js";
import type { RawOptions } from "../options.js";
import { complain } from "../shell/problems.js";
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
  const [wanted, ...more] = await Promise.all((raw.want ?? []).map((text) => givenText(text, world)));
  if (wanted === undefined) {
    return complain(world, ["--want is missing: the names of the controls, or a file with them, as --want ept,vpid?"]);
  }
  const emit = LANGUAGES.find((name) => name === (raw.emit ?? "text"));
  if (emit === undefined) return complain(world, [`--emit ${raw.emit}: one of ${LANGUAGES.join(", ")}`]);
  const compared = await comparedHosts(hosts as readonly string[], { ...raw, strict: true }, world);
  if (typeof compared === "number") return compared;
  const { subjects } = compared;
  const result = runControls({
    subjects,
    wanted: [wanted, ...more],
    layer: raw.nested === true ? "nested" : "silicon",
    emit,
    longMode: raw.ia32 !== true,
  });
  return printRun(result, raw, world);
}
