import { atlasText } from "../../input/atlas/atlas.js";
import { isConfigOption } from "../../kvm/kernel-config.js";
import { isParam } from "../../kvm/load/params.js";
import { registerOf } from "../../registers/registers.js";
import { kernelSet } from "../../situation/kernels.js";
import { LAYERS, type Layer } from "../../why/features.js";
import { findFeature } from "../../why/find-feature.js";
import { isPath } from "./lanes.js";
import {
  FIRMWARE,
  FIRST_STATE,
  type Firmware,
  type HostId,
  MACHINE,
  type MachineFact,
  type PageState,
  VIEWS,
  type View,
} from "./state.js";

/*
 * The state of the page in the address: `#1&cpu=intel-50654-skylakex&kernel=6.12&param=kvm_intel.ept=0`. The number in
 * front is the version; another one is refused as a whole, because a part of a state would be another question.
 */

const VERSION = "1";

/** What an address says, and the parts of it that could not be read. */
export interface FromHash {
  readonly state: PageState;
  /** The deflated text of the host, where it is in the address. */
  readonly own?: string;
  readonly problem?: "newer";
  readonly bad: readonly string[];
}

function hostText(host: HostId): string {
  return typeof host === "number" ? `text:${host}` : host;
}

/** The address of a state, without the `#`. */
export function toHash(state: PageState, own?: string): string {
  const parts = new URLSearchParams();
  const put = (name: string, value: string | number | undefined, standard?: string | number) => {
    if (value !== undefined && value !== standard) parts.append(name, String(value));
  };
  put("cpu", hostText(state.host), hostText(FIRST_STATE.host));
  put("kernel", state.kernel);
  for (const [name, value] of Object.entries(state.params)) put("param", `${name}=${value}`);
  for (const [name, value] of Object.entries(state.config)) put("config", `${name}=${value ? "y" : "n"}`);
  for (const [name, value] of Object.entries(state.machine)) put("machine", `${name}=${value ? 1 : 0}`);
  put("firmware", state.firmware);
  put("core", state.cpu);
  for (const { msr, bit } of state.flips) put("flip", `${msr.toString(16)}.${bit}`);
  put("view", state.view, FIRST_STATE.view);
  put("feature", state.feature, FIRST_STATE.feature);
  put("layer", state.layer);
  put("model", state.model);
  put("word", state.path, FIRST_STATE.path);
  put("step", state.step);
  put("register", state.register.toString(16), FIRST_STATE.register.toString(16));
  if (state.other !== undefined) put("with", hostText(state.other));
  put("with-kernel", state.otherKernel);
  put("with-core", state.otherCpu);
  put("own", own);
  const text = parts.toString().replaceAll("%3D", "=").replaceAll("%3A", ":");
  return text === "" ? "" : `${VERSION}&${text}`;
}

/** The longest value that any part can have. */
const LONGEST = 200;
const MOST_FLIPS = 64;

function hostOf(value: string): HostId | undefined {
  const number = /^text:(\d{1,3})$/.exec(value)?.[1];
  if (number !== undefined) return Number(number);
  return atlasText().find(value) < 0 ? undefined : value;
}

const CORE_TYPE = /^(?:P|E|LP-E)$/;

type Draft = { -readonly [K in keyof PageState]: PageState[K] };

/** How each part of an address is read; `false` for an invalid value. */
const READ: { readonly [name: string]: (state: Draft, value: string) => boolean } = {
  cpu: (state, value) => {
    const host = hostOf(value);
    if (host !== undefined) state.host = host;
    return host !== undefined;
  },
  kernel: (state, value) => {
    if ("error" in kernelSet(value)) return false;
    state.kernel = value;
    return true;
  },
  param: (state, value) => {
    const [, module, name, text] = /^(kvm|kvm_intel)\.(\w+)=([\w-]{0,20})$/.exec(value) ?? [];
    if (module === undefined || name === undefined || text === undefined) return false;
    if (!isParam(module as "kvm", name)) return false;
    state.params = { ...state.params, [`${module}.${name}`]: text };
    return true;
  },
  config: (state, value) => {
    const [, name, text] = /^(\w+)=([yn])$/.exec(value) ?? [];
    if (name === undefined || !isConfigOption(name)) return false;
    state.config = { ...state.config, [name]: text === "y" };
    return true;
  },
  machine: (state, value) => {
    const [, name, text] = /^(\w+)=([01])$/.exec(value) ?? [];
    const fact = MACHINE.find((one): one is MachineFact => one === name);
    if (fact === undefined) return false;
    state.machine = { ...state.machine, [fact]: text === "1" };
    return true;
  },
  firmware: (state, value) => {
    if (!(FIRMWARE as readonly string[]).includes(value)) return false;
    state.firmware = value as Firmware;
    return true;
  },
  core: (state, value) => {
    if (!CORE_TYPE.test(value)) return false;
    state.cpu = value;
    return true;
  },
  "with-core": (state, value) => {
    if (!CORE_TYPE.test(value)) return false;
    state.otherCpu = value;
    return true;
  },
  flip: (state, value) => {
    const [, index, bit] = /^([0-9a-f]{2,3})\.(\d{1,2})$/.exec(value) ?? [];
    if (index === undefined) return false;
    const msr = Number.parseInt(index, 16);
    if (registerOf(msr) === undefined || Number(bit) > 63 || state.flips.length >= MOST_FLIPS) return false;
    state.flips = [...state.flips, { msr, bit: Number(bit) }];
    return true;
  },
  view: (state, value) => {
    if (!(VIEWS as readonly string[]).includes(value)) return false;
    state.view = value as View;
    return true;
  },
  feature: (state, value) => {
    const found = findFeature(value);
    if (found.kind === "one") state.feature = found.feature.id;
    return found.kind === "one";
  },
  layer: (state, value) => {
    if (!(LAYERS as readonly string[]).includes(value)) return false;
    state.layer = value as Layer;
    return true;
  },
  model: (state, value) => {
    if (!/^[A-Za-z0-9-]{1,40}$/.test(value)) return false;
    state.model = value;
    return true;
  },
  word: (state, value) => {
    if (!isPath(value)) return false;
    state.path = value;
    return true;
  },
  step: (state, value) => {
    if (!/^\d{1,4}$/.test(value)) return false;
    state.step = Number(value);
    return true;
  },
  register: (state, value) => {
    const index = /^[0-9a-f]{2,3}$/.test(value) ? Number.parseInt(value, 16) : -1;
    if (index < 0 || registerOf(index) === undefined) return false;
    state.register = index;
    return true;
  },
  with: (state, value) => {
    const host = hostOf(value);
    if (host !== undefined) state.other = host;
    return host !== undefined;
  },
  "with-kernel": (state, value) => {
    if ("error" in kernelSet(value)) return false;
    state.otherKernel = value;
    return true;
  },
};

/** Reads an address, with or without the `#`. Never throws; what cannot be read is left out and listed. */
export function fromHash(hash: string): FromHash {
  const text = hash.replace(/^#/, "");
  if (text === "") return { state: FIRST_STATE, bad: [] };
  const [version, ...rest] = text.split("&");
  if (version !== VERSION) {
    return /^\d{1,6}$/.test(version ?? "")
      ? { state: FIRST_STATE, problem: "newer", bad: [] }
      : { state: FIRST_STATE, bad: [(version ?? "").slice(0, LONGEST)] };
  }
  const state: Draft = { ...FIRST_STATE };
  const bad: string[] = [];
  let own: string | undefined;
  for (const [name, value] of new URLSearchParams(rest.join("&"))) {
    if (name === "own") own = value;
    else {
      const read = Object.hasOwn(READ, name) ? READ[name] : undefined;
      if (value.length > LONGEST || read === undefined || !read(state, value)) {
        bad.push(`${name}=${value}`.slice(0, LONGEST));
      }
    }
  }
  return { state, bad, ...(own === undefined ? {} : { own }) };
}
