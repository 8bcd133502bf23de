import { MACHINE_KEYS } from "../kvm/fill-machine.js";
import { PARAMS } from "../kvm/load/params.js";
import { foldName } from "../registers/edit-distance.js";
import { CONFIG_OPTIONS } from "../rules/rule.js";
import { kernelSet } from "../situation/kernels.js";
import { isFile } from "./files.js";
import type { RawOptions } from "./options.js";
import type { World } from "./world.js";

/** How the firmware left IA32_FEAT_CTL, as `firmware=` behind a host says. */
export type Firmware = "enabled" | "disabled" | "unlocked";

/** HOST as it was typed, taken apart: `HOST@KERNEL,ept=0,firmware=off`. */
export interface HostText {
  readonly host: string;
  /** What is behind the host, as it was typed; empty where nothing is. */
  readonly suffix: string;
  readonly kernel?: string;
  readonly firmware?: Firmware;
  /** The other settings, by the shared option that each is one of. */
  readonly param: readonly string[];
  readonly config: readonly string[];
  readonly machine: readonly string[];
  readonly assume: readonly string[];
  readonly cpu?: string;
}

const FIRMWARE: { readonly [word: string]: Firmware } = {
  on: "enabled",
  enabled: "enabled",
  "1": "enabled",
  off: "disabled",
  disabled: "disabled",
  "0": "disabled",
  unlocked: "unlocked",
};

/** `,name=value` at the end of a text. */
const LAST_SETTING = /[,@]\s*([A-Za-z][\w.-]*)=([^,@]*)$/;

/** A parameter without a value, which is refused as the option is. */
const LAST_NAME = /,\s*([a-z]\w*)$/;

/**
 * Takes `HOST@KERNEL,name=value,…` apart. A file of that name wins, and an end that is neither a kernel nor a setting
 * belongs to the name. A setting is a module parameter, a build option, a fact about the machine (`pmu=0`),
 * `firmware=on|off|unlocked`, `vendor=intel`, `registers=sdm`, `kernel=` or `cpu=`.
 */
export function hostText(text: string, world: World): HostText {
  let host = text;
  const settings: (readonly [name: string, value: string | undefined])[] = [];
  for (let found = lastSetting(host); found !== null; found = lastSetting(host)) {
    if (found.index === 0 || isText(host, world)) break;
    settings.unshift([found[1] as string, found[2]]);
    host = host.slice(0, found.index);
  }
  let kernel: string | undefined;
  const at = host.lastIndexOf("@");
  if (at > 0 && !isText(host, world)) {
    const suffix = host.slice(at + 1);
    // Text that begins like a number is meant as a kernel, even if no kernel has that number.
    if (/^v?\d+\.\d/.test(suffix) || !("error" in kernelSet(suffix))) {
      kernel = suffix;
      host = host.slice(0, at);
    }
  }
  return sorted({ host, suffix: text.slice(host.length), ...(kernel === undefined ? {} : { kernel }) }, settings);
}

function lastSetting(host: string): RegExpExecArray | null {
  const name = LAST_NAME.exec(host);
  return name !== null && PARAMS.some((row) => row.name === name[1]) ? name : LAST_SETTING.exec(host);
}

/** One host of a text that describes several, as they are labelled: `hosts.json#2`, `nodes.json#worker-1`. */
export const NUMBERED = /^(.+)#([\w.-]{1,253})$/s;

/** Whether there is a file of that name, or one behind the number of a host in it. */
function isText(host: string, world: World): boolean {
  const [, file] = NUMBERED.exec(host) ?? [];
  return isFile(host, world) || (file !== undefined && isFile(file, world));
}

/** Each setting as a value of the option that it is one of. */
function sorted(
  base: Pick<HostText, "host" | "suffix" | "kernel">,
  settings: readonly (readonly [name: string, value: string | undefined])[],
): HostText {
  const text = { ...base, param: [], config: [], machine: [], assume: [] } as {
    -readonly [K in keyof HostText]: HostText[K] extends readonly string[] ? string[] : HostText[K];
  };
  const machineKeys = Object.keys(MACHINE_KEYS).map(foldName);
  for (const [name, value] of settings) {
    const key = foldName(name);
    if (value === undefined) {
      text.param.push(name);
      continue;
    }
    const full = `${name}=${value}`;
    const firmware = key === "firmware" ? FIRMWARE[value.toLowerCase()] : undefined;
    if (firmware !== undefined) text.firmware = firmware;
    else if (key === "firmware" || key === "vendor" || key === "registers") text.assume.push(full);
    else if (key === "kernel") text.kernel = value;
    else if (key === "cpu") text.cpu = value;
    else if (machineKeys.includes(key)) text.machine.push(full);
    else if (isConfig(name)) text.config.push(full);
    else text.param.push(full);
  }
  return text;
}

function isConfig(name: string): boolean {
  const upper = name.toUpperCase();
  return upper.startsWith("CONFIG_") || (CONFIG_OPTIONS as readonly string[]).includes(`CONFIG_${upper}`);
}

/** The shared options, overridden by what follows `@` in HOST. */
export function ownOptions(raw: RawOptions, text: HostText | undefined): RawOptions {
  if (text === undefined || text.suffix === "") return raw;
  const { kernel, firmware, cpu } = text;
  const lists = {
    param: [...(raw.param ?? []), ...text.param],
    config: [...(raw.config ?? []), ...text.config],
    machine: [...(raw.machine ?? []), ...text.machine],
    assume: [
      ...(raw.assume ?? []).filter((id) => firmware === undefined || !/^\s*firmware=/i.test(id)),
      ...text.assume,
      ...(firmware === undefined ? [] : [`firmware=${firmware}`]),
    ],
  };
  return { ...raw, ...lists, ...(kernel === undefined ? {} : { kernel }), ...(cpu === undefined ? {} : { cpu }) };
}
