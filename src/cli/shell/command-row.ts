import type { RawOptions } from "../options.js";
import type { World } from "../world.js";

/* What a command is: the shape of a row of the table, and the options that commands share. */

/** Groups of commands, in the order of the help. */
export const COMMAND_GROUPS = {
  host: "One machine",
  hosts: "Several machines",
  vmcs: "Messages, VMCS and hypervisors",
  data: "What is known",
} as const;
export type Group = keyof typeof COMMAND_GROUPS;

export type Run = (args: readonly (string | undefined)[], options: RawOptions, world: World) => Promise<number>;

export interface CommandRow {
  readonly summary: string;
  /** As commander writes them. */
  readonly args: string;
  /** Options of its own: flags, what they do, and whether they can be given more than once. */
  readonly options?: readonly (readonly [flags: string, about: string, many?: "many"])[];
  /** Where it is listed. */
  readonly group: Group;
  /** Of the shared options that few commands have, those of this one. */
  readonly also?: readonly Shared[];
  /** What it prints is shown as it comes, on a terminal too. */
  readonly paged?: false;
  /** The shared options that have an effect; all of them if it is missing. */
  readonly uses?: readonly Shared[];
  /** Shown below the options. */
  readonly more?: string;
  /** Example command lines, with what each shows. */
  readonly examples: readonly (readonly [command: string, about: string])[];
  readonly load: () => Promise<Run>;
}

/** Options that commands share. */
export const COMMON = [
  ["--kernel <release>", "kernel release, such as 6.12, or what uname -r prints"],
  ["--param <name=value>", "module parameter of kvm_intel or kvm, as ept=0", "many"],
  ["--config <option=y|n>", "kernel build option that differs from Debian's", "many"],
  ["--machine <fact=0|1>", "tboot, pmu, irq-posting, evmcs, mediated-pmu, vtd; several with commas", "many"],
  ["--assume <id>", "firmware=enabled|disabled|unlocked, registers=sdm, vendor=intel; none drops the defaults", "many"],
  ["--cpu <number|type>", "one logical CPU, or a core type: P, E, LP-E"],
  ["--json", "JSON, as schema/COMMAND.schema.json of the package describes it"],
  ["--format <format>", "tsv: the answer as a grid, tab-separated, with a line of heads; or text, json"],
  ["--lang <language>", "en, or zh for Chinese; by LC_ALL, LC_MESSAGES or LANG if not given"],
  ["--max-bytes <size>", "the most that is read of a file or of standard input, as 500M; 1G if not given"],
  ["--width <columns>", "width of the output"],
  ["--color", "colours even when no terminal is there"],
  ["--no-color", "no colours; NO_COLOR and FORCE_COLOR work too"],
  ["--no-pager", "print at once; PAGER is used where a terminal is too short"],
] as const;

/** A shared option by its flag. */
export type Shared = (typeof COMMON)[number][0];

/** For commands whose answer is a grid. */
export const FORMAT = "--format <format>" satisfies Shared;
/** For commands whose reports are translated. */
export const LANG = "--lang <language>" satisfies Shared;
export const LANGUAGES = ["en", "zh"] as const;
const FEW: readonly Shared[] = [FORMAT, LANG];
/** Whether a shared option changes what a command does. */
export function hasEffect({ uses, also = [] }: CommandRow, flags: Shared): boolean {
  return FEW.includes(flags) ? also.includes(flags) : uses === undefined || uses.includes(flags);
}

/** What it may say. */
export const FORMATS = ["text", "json", "tsv"] as const;

const COLORS = ["--width <columns>", "--color", "--no-color", "--no-pager"] as const satisfies readonly Shared[];
export const JSON_ONLY = ["--json"] as const satisfies readonly Shared[];
export const OUTPUT = [...JSON_ONLY, ...COLORS] as const;
export const SHOW = ["--assume <id>", "--cpu <number|type>", "--max-bytes <size>", ...OUTPUT] as const;
export const ATLAS = [
  "--kernel <release>",
  "--param <name=value>",
  "--config <option=y|n>",
  "--machine <fact=0|1>",
  "--assume <id>",
  ...OUTPUT,
] as const;

export const EXIT_CODES =
  "Exit codes: 0 fine, 1 the answer is no or not known, 2 bad input or usage, 70 a bug of vmxlens.";

/** `--output` of `-o, --output <file>`. */
export function longFlag(flags: string): string {
  return /--[a-z-]+/.exec(flags)?.[0] ?? flags;
}

/** The value of `-o, --output <file>`: `<file>`; undefined for an option without one. */
export function flagValue(flags: string): string | undefined {
  const at = flags.search(/[<[]/);
  return at < 0 ? undefined : flags.slice(at);
}

/** The table of commands by name. */
export type Commands = { readonly [name: string]: CommandRow };

/** A text of the table with one line for each paragraph: a line goes on where it does not end a sentence. */
export function paragraphs(text: string): string {
  return text.replace(/([^\n.:])\n(?=\S)/g, "$1 ");
}
