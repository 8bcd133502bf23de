import { MACHINE_KEYS, type MachineFacts } from "../kvm/fill-machine.js";
import { isConfigOption } from "../kvm/kernel-config.js";
import { FREE_PARAMS, PARAMS } from "../kvm/load/params.js";
import type { ReplayOptions } from "../kvm/replay.js";
import { foldName, nearest } from "../registers/edit-distance.js";
import { CONFIG_OPTIONS, type ConfigOption } from "../rules/rule.js";
import { ASSUMPTIONS, type AssumptionId } from "../situation/assume.js";
import { kernelSet } from "../situation/kernels.js";
import type { World } from "./world.js";

/** Options that every command shares, as commander hands them over. */
export interface RawOptions {
  readonly kernel?: string;
  readonly param?: readonly string[];
  readonly config?: readonly string[];
  readonly machine?: readonly string[];
  readonly assume?: readonly string[];
  readonly cpu?: string;
  readonly json?: boolean;
  readonly format?: string;
  readonly lang?: string;
  readonly color?: boolean;
  readonly width?: string;
  /** False with --no-pager. */
  readonly pager?: boolean;
  readonly maxBytes?: string;
}

/** The shared options, checked. */
export interface Settings {
  /** Only if the user named one. */
  readonly kernel?: string;
  readonly params: NonNullable<ReplayOptions["params"]>;
  readonly config: Partial<Record<ConfigOption, boolean>>;
  readonly machine: MachineFacts;
  readonly assume: { readonly ids: readonly AssumptionId[]; readonly none: boolean };
  readonly cpu?: string;
  readonly json: boolean;
  readonly color: boolean;
  /** In which reports are made. */
  readonly width: number;
  /** The width of a report that is shown in Chinese; `width` is that of one that is going to be translated then. */
  readonly chinese?: number;
}

/** Columns when the output goes to no terminal. */
const DEFAULT_WIDTH = 100;
/** A width in which nothing is wrapped: a report that is translated is laid out afterwards. */
const UNWRAPPED = 100_000;
/** Columns of a terminal that reports none: a serial line, a pty that has no size. */
const UNKNOWN_WIDTH = 80;

/** Checks the shared options. `problems` holds one sentence for each that is wrong; nothing is then to be run. */
export function readOptions(raw: RawOptions, world: World): { settings: Settings; problems: readonly string[] } {
  const problems: string[] = [];
  const width = widthOption(raw.width, world, problems);
  const settings: Settings = {
    ...kernelOption(raw.kernel, problems),
    params: paramOptions(raw.param ?? [], problems),
    config: configOptions(raw.config ?? [], problems),
    machine: machineOptions(raw.machine ?? [], problems),
    assume: assumeOptions(raw.assume ?? [], problems),
    ...(raw.cpu === undefined ? {} : { cpu: raw.cpu }),
    json: raw.json === true,
    color: wantsColor(raw.color, world),
    ...(raw.lang === "zh" ? { width: UNWRAPPED, chinese: width } : { width }),
  };
  return { settings, problems };
}

function kernelOption(text: string | undefined, problems: string[]): Pick<Settings, "kernel"> {
  if (text === undefined) return {};
  const set = kernelSet(text);
  if ("error" in set) {
    problems.push(`--kernel: ${set.error}; "vmxlens kernels" lists the releases known`);
    return {};
  }
  return { kernel: text };
}

/** `; did you mean a, b?`, names that differ only in how they are written once. */
export function didYouMean(near: readonly string[]): string {
  const once = near.filter((name, at) => near.findIndex((other) => foldName(other) === foldName(name)) === at);
  return once.length === 0 ? "" : `; did you mean ${once.join(", ")}?`;
}

/** Splits `a=b`; the problem names the option and what it expects. */
function pair(option: string, text: string, expected: string, problems: string[]): [string, string] | undefined {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
  problems.push(`--${option} ${text}: write it as ${expected}`);
  return undefined;
}

function paramOptions(texts: readonly string[], problems: string[]): Settings["params"] {
  const params: { kvm: { [name: string]: string }; kvm_intel: { [name: string]: string } } = { kvm: {}, kvm_intel: {} };
  const known = [
    ...PARAMS.map(({ module, name }) => ({ module, name: name as string })),
    ...FREE_PARAMS.map((full) => {
      const [module, name] = full.split(".") as ["kvm_intel", string];
      return { module, name };
    }),
  ];
  for (const text of texts) {
    const split = pair("param", text, "name=value, as ept=0 or kvm_intel.ept=0", problems);
    if (split === undefined) continue;
    const [full, value] = split;
    const [, prefix, name] = /^(?:([^.]*)\.)?(.*)$/.exec(full) as unknown as [string, string | undefined, string];
    const row = known.find((candidate) => foldName(candidate.name) === foldName(name));
    if (row === undefined) {
      const near = nearest(
        name,
        known.map((candidate) => candidate.name),
      );
      problems.push(`--param ${text}: kvm and kvm_intel have no parameter ${name} in any release${didYouMean(near)}`);
    } else if (prefix !== undefined && foldName(prefix) !== row.module) {
      problems.push(`--param ${text}: ${row.name} is a parameter of ${row.module}`);
    } else {
      params[row.module][row.name] = value;
    }
  }
  const { kvm, kvm_intel } = params;
  return {
    ...(Object.keys(kvm).length === 0 ? {} : { kvm }),
    ...(Object.keys(kvm_intel).length === 0 ? {} : { kvm_intel }),
  };
}

function configOptions(texts: readonly string[], problems: string[]): Settings["config"] {
  const config: Settings["config"] = {};
  for (const text of texts) {
    const split = pair("config", text, "CONFIG_X86_SGX=n", problems);
    if (split === undefined) continue;
    const name = split[0].toUpperCase().replace(/^(?!CONFIG_)/, "CONFIG_");
    const value = { y: true, m: true, "1": true, n: false, "0": false }[split[1].toLowerCase()];
    if (!isConfigOption(name)) {
      problems.push(`--config ${text}: no rule asks for ${name}${didYouMean(nearest(name, CONFIG_OPTIONS))}`);
    } else if (value === undefined) problems.push(`--config ${text}: the value is y, m or n`);
    else config[name] = value;
  }
  return config;
}

function machineOptions(texts: readonly string[], problems: string[]): MachineFacts {
  const facts: { -readonly [K in keyof MachineFacts]: MachineFacts[K] } = {};
  for (const text of texts.flatMap((list) => list.split(",")).filter((one) => one.trim() !== "")) {
    const split = pair("machine", text, "tboot=1", problems);
    if (split === undefined) continue;
    const keys = Object.keys(MACHINE_KEYS) as (keyof typeof MACHINE_KEYS)[];
    const key = keys.find((candidate) => foldName(candidate) === foldName(split[0]));
    const word = split[1].toLowerCase();
    if (key === undefined) {
      problems.push(`--machine ${text}: the facts are ${keys.join(", ")}${didYouMean(nearest(split[0], keys))}`);
    } else if (/^(?:1|y|yes|on)$/.test(word)) facts[MACHINE_KEYS[key]] = true;
    else if (/^(?:0|n|no|off)$/.test(word)) facts[MACHINE_KEYS[key]] = false;
    else if (/^(?:\?|unknown)$/.test(word)) facts[MACHINE_KEYS[key]] = undefined;
    else problems.push(`--machine ${text}: the value is 1, 0 or unknown`);
  }
  return facts;
}

function assumeOptions(texts: readonly string[], problems: string[]): Settings["assume"] {
  const ids: AssumptionId[] = [];
  let none = false;
  const known: readonly string[] = ASSUMPTIONS.map(({ id }) => id);
  for (const text of texts.flatMap((list) => list.split(","))) {
    const found = ASSUMPTIONS.find(({ id }) => id === text.trim().toLowerCase());
    if (text.trim().toLowerCase() === "none") none = true;
    else if (found === undefined) {
      problems.push(`--assume ${text}: one of ${known.join(", ")}, none${didYouMean(nearest(text, known))}`);
    } else if (!ids.includes(found.id)) ids.push(found.id);
  }
  const firmware = ids.filter((id) => id.startsWith("firmware="));
  if (firmware.length > 1) problems.push(`--assume: ${firmware.join(" and ")} contradict each other`);
  return { ids, none };
}

/** --color and --no-color, then NO_COLOR (no-color.org), then FORCE_COLOR, then whether a terminal is there. */
export function wantsColor(option: boolean | undefined, { env, columns }: World): boolean {
  if (option !== undefined) return option;
  if ((env.NO_COLOR ?? "") !== "") return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== "0" && env.FORCE_COLOR !== "false";
  return columns !== undefined && env.TERM !== "dumb";
}

/** The language of reports: what was asked for, or Chinese in a locale with simplified characters, or English. */
export function languageOf(asked: string | undefined, { LC_ALL, LC_MESSAGES, LANG }: World["env"]): string {
  const locale = [LC_ALL, LC_MESSAGES, LANG].find((one) => one !== undefined && one !== "") ?? "";
  return asked ?? (/^zh(?:_(?:CN|SG))?(?:[.@]|$)/.test(locale) ? "zh" : "en");
}

/** Bytes as a number, with K, M or G for powers of 1024; a sentence for anything else. */
export function bytesOption(text: string | undefined): number | string | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d{1,15})([KMG])?(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Number(number) * 1024 ** ("kmg".indexOf(unit?.toLowerCase() ?? "") + (unit === undefined ? 0 : 1));
  if (number !== undefined && bytes > 0 && Number.isSafeInteger(bytes)) return bytes;
  return `--max-bytes ${text}: a number of bytes, or of KiB, MiB or GiB as 500M`;
}

/** --width, then the terminal's columns; where there is no terminal, or it does not know them, COLUMNS. */
function widthOption(text: string | undefined, { columns, env }: World, problems: string[]): number {
  if (text === undefined) {
    if (columns !== undefined && columns > 0) return columns;
    const own = Number(env.COLUMNS ?? "");
    if (Number.isInteger(own) && own > 0) return own;
    return columns === undefined ? DEFAULT_WIDTH : UNKNOWN_WIDTH;
  }
  const width = Number(text);
  if (Number.isInteger(width) && width >= 20 && width <= 10_000) return width;
  problems.push(`--width ${text}: a number of columns from 20 to 10000`);
  return DEFAULT_WIDTH;
}
