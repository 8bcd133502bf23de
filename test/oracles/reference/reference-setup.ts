import { bit, high, low, maskOf, type ReferenceCpu } from "./reference-cpu.js";
import type { ControlGroup, GroupJson, ReferenceData, StepJson } from "./reference-data.js";

/*
 * setup_vmcs_config as kernels.json lists its steps: every step is looked up by its operation and done on bigints.
 */

const GROUPS = ["pin", "primary", "secondary", "tertiary", "exit", "entry"] as const;
const DEFAULT1: Readonly<Partial<Record<ControlGroup, bigint>>> = {
  pin: 0x16n,
  primary: 0x0401_e172n,
  exit: 0x3_6dffn,
  entry: 0x11ffn,
};

/** The order in which the fields are checked against the enlightened VMCS. */
const EVMCS_ORDER = [
  ["primary", "cpu_based_exec_ctrl"],
  ["pin", "pin_based_exec_ctrl"],
  ["secondary", "cpu_based_2nd_exec_ctrl"],
  ["tertiary", "cpu_based_3rd_exec_ctrl"],
  ["entry", "vmentry_ctrl"],
  ["exit", "vmexit_ctrl"],
] as const;

export interface VmcsConfig {
  /** False when setup_vmcs_config returned -EIO. */
  ok: boolean;
  readonly controls: Record<ControlGroup, bigint>;
  ept: bigint;
  vpid: bigint;
  basic: bigint;
  misc: bigint;
}

/** Numbers of controls by name. */
export function controlBits(data: ReferenceData, group: ControlGroup, names: readonly string[]): bigint {
  return maskOf(
    names.map((name) => {
      const row = data.kernels.controls[group].find((candidate) => candidate.name === name);
      if (row === undefined) throw new Error(`no ${group} control is called ${name}`);
      return row.bit;
    }),
  );
}

function cpuHasSgx(cpu: ReferenceCpu): boolean {
  return Number(cpu.input.maxLeaf) >= 0x12 && (Number(cpu.input.cpuid12Eax) & 1) === 1;
}

function familyAndModel(signature: number): readonly [number, number] {
  const family = (signature >>> 8) & 0xf;
  const model = (signature >>> 4) & 0xf;
  const extended = (signature >>> 16) & 0xf;
  if (family === 0xf) return [family + ((signature >>> 20) & 0xff), model + extended * 16];
  return [family, family === 6 ? model + extended * 16 : model];
}

export function onErratumList(cpu: ReferenceCpu, data: ReferenceData, erratum: string): boolean {
  if (erratum === "brokenPreemptionTimer") {
    const seen = cpu.signature & ~0xf000_c000;
    return data.kernels.errata.brokenPreemptionTimer.signatures.some((entry) => Number(entry) === seen);
  }
  const [family, model] = familyAndModel(cpu.signature);
  const { perfGlobalCtrl } = data.kernels.errata;
  if (family !== perfGlobalCtrl.family || !perfGlobalCtrl.models.some((row) => row.model === model)) return false;
  // Since 6.12 vendor, family and model are compared as one number.
  return !cpu.since("6.12") || cpu.input.vendor === "GenuineIntel";
}

/** Printed names start with the module since 6.6, where the text has no prefix of its own. */
function prefixed(cpu: ReferenceCpu, text: string): string {
  return cpu.since("6.6") && !/^kvm(_intel)?: /.test(text) ? `kvm_intel: ${text}` : text;
}

export function setupVmcsConfig(
  cpu: ReferenceCpu,
  data: ReferenceData,
  params: { readonly strict: boolean; readonly enlightened: boolean },
): VmcsConfig {
  const kernel = data.kernels.kernels.find((row) => row.release === `v${cpu.release}`);
  if (kernel === undefined) throw new Error(`no steps for ${cpu.release}`);
  const result: VmcsConfig = {
    ok: true,
    controls: { pin: 0n, primary: 0n, secondary: 0n, tertiary: 0n, exit: 0n, entry: 0n },
    ept: 0n,
    vpid: 0n,
    basic: 0n,
    misc: 0n,
  };
  for (const step of kernel.order) {
    if (!(step.when?.all ?? []).every((leaf) => holds(cpu, data, result, params, leaf))) continue;
    doStep(cpu, data, result, params, step, kernel.groups);
    if (!result.ok) break;
  }
  return result;
}

function holds(
  cpu: ReferenceCpu,
  data: ReferenceData,
  state: VmcsConfig,
  params: { readonly enlightened: boolean },
  leaf: Readonly<Record<string, unknown>>,
): boolean {
  const wanted = leaf.is === 1;
  if ("config" in leaf) return cpu.config(leaf.config as string) === wanted;
  if ("bit" in leaf) {
    const [group, name] = leaf.bit as [ControlGroup, string];
    return ((state.controls[group] & controlBits(data, group, [name])) !== 0n) === wanted;
  }
  if ("capBit" in leaf) {
    const [cap, index] = leaf.capBit as ["ept" | "vpid", number];
    return bit(state[cap], index) === wanted;
  }
  if ("cap" in leaf) return state[leaf.cap as "ept" | "vpid"] !== 0n;
  if ("cpuid" in leaf) return cpuHasSgx(cpu) === wanted;
  if ("errata" in leaf) return onErratumList(cpu, data, leaf.errata as string) === wanted;
  if ("param" in leaf) return params.enlightened === wanted;
  throw new Error(`unknown condition ${JSON.stringify(leaf)}`);
}

function doStep(
  cpu: ReferenceCpu,
  data: ReferenceData,
  state: VmcsConfig,
  params: { readonly strict: boolean },
  step: StepJson,
  groups: Readonly<Record<ControlGroup, GroupJson | null>>,
): void {
  const drop = (group: ControlGroup, names: readonly string[]): void => {
    state.controls[group] &= ~controlBits(data, group, names);
  };
  switch (step.op) {
    case "zero":
    case "store":
      return;
    case "adjust32": {
      const group = step.group as ControlGroup;
      const lists = groups[group];
      if (lists === null) throw new Error(`no lists for ${group}`);
      const min = controlBits(data, group, [...lists.min, ...(cpu.config("CONFIG_X86_64") ? lists.minX86_64Only : [])]);
      const more = cpuHasSgx(cpu) ? (lists.optOnlyIfCpuHasSgx ?? []) : [];
      const opt = controlBits(data, group, [...lists.opt, ...more]);
      const msr = cpu.rdmsr(Number(lists.msr));
      const control = ((min | opt) & high(msr)) | low(msr);
      if ((min & ~control) !== 0n) state.ok = false;
      else state.controls[group] = control;
      return;
    }
    case "adjust64":
      state.controls.tertiary = cpu.rdmsr(0x492) & controlBits(data, "tertiary", groups.tertiary?.opt ?? []);
      return;
    case "clear":
      drop(step.group as ControlGroup, step.bits ?? []);
      return;
    case "clearPerGroup":
      for (const group of GROUPS) drop(group, step.clear?.[group] ?? []);
      if (step.message !== undefined) cpu.say(4, prefixed(cpu, step.message));
      return;
    case "rdmsrSafe": {
      const value = cpu.rdmsrSafe(0x48c);
      state.ept = low(value);
      state.vpid = high(value);
      return;
    }
    case "zeroCap": {
      cpu.say(4, prefixed(cpu, step.message as string));
      if (step.fatal !== null && params.strict) {
        state.ok = false;
        return;
      }
      state[step.id.startsWith("ept") ? "ept" : "vpid"] = 0n;
      drop("secondary", step.alsoClear?.secondary ?? []);
      return;
    }
    case "filterPairs":
      filterPairs(cpu, data, state, params.strict, step);
      return;
    case "rdmsr":
      if (step.id === "read-basic") state.basic = cpu.rdmsr(0x480);
      else state.misc = cpu.rdmsr(0x485);
      return;
    case "check": {
      const fails: Readonly<Record<string, boolean>> = {
        "vmcs-size": (high(state.basic) & 0x1fffn) > 4096n,
        "phys-addr-32bit": bit(state.basic, 48),
        "vmcs-memtype": ((state.basic >> 50n) & 0xfn) !== 6n,
      };
      if (fails[step.id] === undefined) throw new Error(`unknown check ${step.id}`);
      if (fails[step.id]) state.ok = false;
      return;
    }
    case "keepOnlyPerGroup":
      for (const [group, field] of EVMCS_ORDER) {
        const supported = controlBits(data, group, step.keep?.[group] ?? []) | (DEFAULT1[group] ?? 0n);
        const lost = state.controls[group] & ~supported;
        if (lost !== 0n) cpu.say(4, prefixed(cpu, `${field} unsupported with eVMCS: 0x${lost.toString(16)}`));
        state.controls[group] &= supported;
      }
      return;
    default:
      throw new Error(`unknown operation ${step.op}`);
  }
}

/** One warning for the whole boot; 6.1 to 6.12 stop at the first pair when strict, later all pairs are cleared first. */
function filterPairs(cpu: ReferenceCpu, data: ReferenceData, state: VmcsConfig, strict: boolean, step: StepJson): void {
  let warned = false;
  let bad = false;
  for (const { entry, exit } of step.pairs ?? []) {
    const entryBit = controlBits(data, "entry", [entry]);
    const exitBit = controlBits(data, "exit", [exit]);
    const hasEntry = state.controls.entry & entryBit;
    const hasExit = state.controls.exit & exitBit;
    if ((hasEntry === 0n) === (hasExit === 0n)) continue;
    bad = true;
    if (!warned) {
      const shown = (has: bigint, mask: bigint) =>
        has.toString(16) + (cpu.since("6.18") ? ` (${mask.toString(16)})` : "");
      const values = `entry = ${shown(hasEntry, entryBit)}, exit = ${shown(hasExit, exitBit)}`;
      cpu.say(4, prefixed(cpu, `Inconsistent VM-Entry/VM-Exit pair, ${values}`));
    }
    warned = true;
    if (strict && !cpu.since("6.18")) break;
    state.controls.entry &= ~entryBit;
    state.controls.exit &= ~exitBit;
  }
  if (bad && strict) state.ok = false;
}
