import { nestedSet, siliconSetOf } from "../../compare/capability-set.js";
import { readWanted } from "../../compare/controls/control-names.js";
import { chooseControls } from "../../compare/controls/controls.js";
import { type ComparedHost, coreHosts, type RunResult } from "../../compare/hosts/compared-host.js";
import { replays } from "../../situation/replays.js";
import { comparedJson } from "../json/json-compare.js";
import { caveatLines } from "./caveats.js";
import { C, controlCode, controlJson, controlText, RUST } from "./control-emit.js";

export interface RunControlsArgs {
  /** Several hosts, or several kinds of cores: the controls suit all of them. */
  readonly subjects: readonly ComparedHost[];
  /** Names of controls, as `readWanted` takes them; the file is for messages. */
  readonly wanted: readonly { readonly text: string; readonly file?: string }[];
  /** The hypervisor runs on the CPU itself, or as a guest of KVM. Default: `silicon`. */
  readonly layer?: "silicon" | "nested";
  /** Default: `text`. */
  readonly emit?: "text" | "c" | "rust";
  /** Default: true. */
  readonly longMode?: boolean;
}

/**
 * Control words for a hypervisor. Exit code 1 if a requirement cannot be met, or that is not known.
 *
 * Throws `RangeError` without a subject.
 */
export function runControls({
  subjects,
  wanted,
  layer = "silicon",
  emit = "text",
  longMode = true,
}: RunControlsArgs): RunResult {
  const { wants, problems } = readWanted(wanted);
  if (problems.length > 0) {
    const lines = problems.map(({ file, line, column, message, expected }) => {
      const place = `${file === undefined ? "" : `${file}:`}${line}:${column}`;
      return `${place}: ${message}${expected === undefined ? "" : `; expected ${expected}`}`;
    });
    return { lines, json: { format: "vmxlens-controls/1", problems }, exitCode: 2 };
  }
  const sets =
    layer === "silicon"
      ? subjects.flatMap(coreHosts).map(({ label, situation }) => siliconSetOf(label, situation))
      : subjects.map(({ label, situation }) => nestedSet(label, replays(situation).cpu));
  const chosen = chooseControls(sets, wants, { longMode });
  const about = sets.map(({ label }) => label).join(", ");
  // What the CPU itself demands needs no kernel.
  const caveats = caveatLines(subjects, layer === "nested");
  const code = emit === "c" ? C : RUST;
  const lines =
    emit === "text"
      ? [...controlText(chosen), ...caveats]
      : [
          ...controlCode(chosen, code, about),
          ...caveats.filter((line) => line !== "").map((line) => code.comment(line)),
        ];
  return {
    lines,
    json: { format: "vmxlens-controls/1", layer, subjects: subjects.map(comparedJson), ...controlJson(chosen) },
    exitCode: chosen.verdict === "yes" ? 0 : 1,
  };
}
