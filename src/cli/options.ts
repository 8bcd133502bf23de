import { MACHINE_KEYS, type MachineFacts } from "../kvm/fill-machine.js";
import { isConfigOption } from "../kvm/kernel-config.js";
import { FREE_PARAMS, PARAMS } from "../kvm/load/params.js";
import type { ReplayOptions } from "../kvm/replay.js";
import { foldName, nearest } from "../registers/edit-distance.js";
import { CONFIG_OPTIONS, type ConfigOption } from "../rules/rule.js";
import { ASSUMPTIONS, type AssumptionId } from "../situation/assume.js";
import { kernelSet } from "../situation/kernels.js";
import { type OutputSettings, readOutput } from "./shell/output-options.js";
import { didYouMean } from "./shell/problems.js";
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
export interface Settings extends OutputSettings {
  /** Only if the user named one. */
  readonly kernel?: string;
  readonly params: NonNullable<ReplayOptions["params"]>;
  readonly config: Partial<Record<ConfigOption, boolean>>;
  readonly machine: MachineFacts;
  readonly assume: { readonly ids: readonly AssumptionId[]; readonly none: boolean };
  readonly cpu?: string;
}

/** Checks the shared options. `problems` holds one sentence for each that is wrong; nothing is then to be run. */
export function readOptions(raw: RawOptions, world: World): { settings: Settings; problems: readonly string[] } {
  const { output, problems: found } = readOutput(raw, world);
  const problems = [...found];
  const settings: Settings = {
    ...kernelOption(raw.kernel, problems),
    params: paramOptions(raw.param ?? [], problems),
    config: configOptions(raw.config ?? [], problems),
    machine: machineOptions(raw.machine ?? [], problems),
    assume: assumeOptions(raw.assume ?? [], problems),
    ...(raw.cpu === undefined ? {} : { cpu: raw.cpu }),
    ...output,
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
