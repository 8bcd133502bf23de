import { bit, hex, high, type Log, low, type ReferenceCpu } from "./reference-cpu.js";
import type { ControlGroup, PredicateJson, ReferenceData, SetupRuleJson } from "./reference-data.js";
import { referenceNested } from "./reference-nested.js";
import { controlBits, onErratumList, setupVmcsConfig, type VmcsConfig } from "./reference-setup.js";

/*
 * Loading kvm and kvm_intel: the checks around hardware setup (prose of hardware_setup.json and pitfalls.md) and its
 * ordered rules.
 */

const ERRNO: Readonly<Record<string, number>> = { EIO: 5, ENOMEM: 12, EINVAL: 22, EOPNOTSUPP: 95 };

/** Thrown to leave the load where the kernel returns an error; the message is the name of the errno. */
class Refused extends Error {}

interface State {
  readonly cpu: ReferenceCpu;
  readonly data: ReferenceData;
  readonly params: Map<string, number>;
  readonly kvmParams: Map<string, number>;
  config: VmcsConfig | undefined;
  setupReads: readonly string[];
  readonly caps: Record<string, boolean | number>;
  guestCet: { shstk: boolean; ibt: boolean };
  nested: Readonly<Record<string, unknown>> | null;
}

const NUMBERS = ["ple_gap", "ple_window", "ple_window_grow", "ple_window_shrink", "ple_window_max", "pt_mode"];

export function referenceLoad(cpu: ReferenceCpu, data: ReferenceData, boot: Readonly<Record<string, boolean>>) {
  const params = paramsOf(cpu, data, "kvm_intel");
  const kvmParams = paramsOf(cpu, data, "kvm");
  const state: State = {
    cpu,
    data,
    params: params.values,
    kvmParams: kvmParams.values,
    config: undefined,
    setupReads: [],
    caps: {},
    guestCet: { shstk: false, ibt: false },
    nested: null,
  };
  let error: string | null = null;
  try {
    loadSteps(state, boot);
  } catch (refusal) {
    if (!(refusal instanceof Refused)) throw refusal;
    error = refusal.message;
  }
  const { rdmsr: _rdmsr, ...log } = cpu.takeLog();
  return {
    kvm: loadOutput(state, error, log, [...params.unknown, ...kvmParams.unknown]),
    nested: error === null && params.values.get("nested") === 1 ? state.nested : null,
  };
}

/** Defaults of the release, replaced by what the user gave; names that the release does not have. */
function paramsOf(cpu: ReferenceCpu, data: ReferenceData, module: "kvm_intel" | "kvm") {
  const values = new Map<string, number>();
  for (const row of data.setup.params) {
    if (row.module !== module || !row.releases.includes(`v${cpu.release}`)) continue;
    if (typeof row.default === "string") continue;
    if (row.name === "pt_mode" && cpu.since("5.15") && !cpu.config("CONFIG_BROKEN")) continue;
    if (row.name === "tdx" && !cpu.config("CONFIG_KVM_INTEL_TDX")) continue;
    if (row.name === "sgx" && !cpu.config("CONFIG_X86_SGX_KVM")) continue;
    if (row.name === "enlightened_vmcs" && !cpu.config("CONFIG_HYPERV")) continue;
    if (row.name === "preemption_timer" && !cpu.config("CONFIG_X86_64")) continue;
    values.set(row.name, row.default);
  }
  // Not in the tables: the TDP MMU of kvm. The builds that made the vectors of 5.10 and 6.1 left it out.
  if (module === "kvm" && cpu.since("6.6")) values.set("tdp_mmu", 1);
  const unknown: string[] = [];
  for (const [name, text] of Object.entries(cpu.input.params[module])) {
    if (name === "vmentry_l1d_flush") continue;
    if (!values.has(name)) unknown.push(`${module}.${name}`);
    else values.set(name, NUMBERS.includes(name) ? Number(text) : /^(y|1|on)/i.test(text) ? 1 : 0);
  }
  return { values, unknown };
}

function loadSteps(state: State, boot: Readonly<Record<string, boolean>>): void {
  const { cpu, params, kvmParams } = state;
  const { since } = cpu;
  const on = (name: string) => params.get(name) === 1;
  const detectEvmcs = (): void => {
    if (params.has("enlightened_vmcs") && !cpu.input.enlightenedVmcs) params.set("enlightened_vmcs", 0);
  };
  if (!since("6.6")) detectEvmcs();
  supported(cpu, boot);
  if (since("6.6")) detectEvmcs();
  if (since("6.18")) runSetup(state);
  if (since("6.1")) {
    if ((cpu.rdmsrSafe(0x277) & 7n) !== 6n) {
      cpu.say(3, "kvm: host PAT[0] is not WB");
      throw new Refused("EIO");
    }
    if (since("6.18") && (cpu.has("shstk") || cpu.has("ibt")) && bit(cpu.rdmsr(0x6a2), 0)) {
      cpu.warn({ kind: "WARN_ON_ONCE", func: "kvm_x86_vendor_init", cond: "kvm_host.s_cet & CET_SHSTK_EN" });
      throw new Refused("EIO");
    }
    // pitfalls.md: 6.1 looks at what the user asked for, before hardware setup.
    if (!since("6.6") && !on("ept")) params.set("allow_smaller_maxphyaddr", 1);
    if (cpu.has("hybrid") || !cpu.input.pmu) kvmParams.set("enable_pmu", 0);
    if (since("7.2") && kvmParams.get("enable_pmu") === 0) params.set("enable_mediated_pmu", 0);
  }
  const setup = state.data.setup.releases[`v${cpu.release}`];
  if (setup === undefined) throw new Error(`no rules for ${cpu.release}`);
  for (const rule of setup.rules) hardwareSetupRule(state, rule, setup.functionName);
  const late = since("5.10") && !since("6.18") && (!since("6.1") || since("6.6"));
  if (late && !on("ept")) params.set("allow_smaller_maxphyaddr", 1);
}

function supported(cpu: ReferenceCpu, boot: Readonly<Record<string, boolean>>): void {
  const { since } = cpu;
  const refuse = (text: string, level = 3): never => {
    cpu.say(level, text);
    throw new Refused("EOPNOTSUPP");
  };
  if (!cpu.has("vmx")) {
    if (since("6.6")) refuse("kvm_intel: VMX not supported by CPU 0");
    refuse(`kvm: no hardware support${since("6.1") ? " for 'kvm_intel'" : ""}`);
  }
  const notEnabled = "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU 0";
  if (since("7.2")) {
    if (!boot.MSR_IA32_FEAT_CTL) refuse(notEnabled);
    if (!boot.VMX) refuse("kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS");
  } else if (!boot.MSR_IA32_FEAT_CTL || !boot.VMX) {
    if (since("6.6")) refuse(notEnabled);
    if (since("6.1")) refuse("kvm: support for 'kvm_intel' disabled by bios");
    // A warning in late 5.15, which the label stands for.
    refuse("kvm: disabled by bios", since("5.15") ? 4 : 3);
  }
}

function runSetup(state: State): void {
  const { cpu, params } = state;
  const before = cpu.reads().length;
  state.config = setupVmcsConfig(cpu, state.data, {
    strict: params.get("error_on_inconsistent_vmcs_config") === 1,
    enlightened: params.get("enlightened_vmcs") === 1,
  });
  state.setupReads = cpu.reads().slice(before);
  if (!state.config.ok) throw new Refused("EIO");
}

function configOf(state: State): VmcsConfig {
  if (state.config === undefined) throw new Error("setup_vmcs_config did not run");
  return state.config;
}

/** A control of vmcs_config. */
function control(state: State, group: ControlGroup, name: string): boolean {
  return (configOf(state).controls[group] & controlBits(state.data, group, [name])) !== 0n;
}

function predicate(state: State, name: string): boolean {
  const entry = state.data.setup.predicates[name];
  if (entry === undefined) throw new Error(`no predicate is called ${name}`);
  const list = (Array.isArray(entry) ? entry : [entry]) as readonly PredicateJson[];
  const row = list.find((candidate) => candidate.releases?.includes(`v${state.cpu.release}`) ?? true);
  if (row === undefined) return false;
  return row.all.every((leaf) => {
    if ("bit" in leaf) return control(state, ...(leaf.bit as [ControlGroup, string]));
    if ("capBit" in leaf) {
      const [cap, index] = leaf.capBit as ["ept" | "vpid", number];
      return bit(configOf(state)[cap], index);
    }
    if ("miscBit" in leaf) return bit(misc(state), leaf.miscBit as number);
    if ("basicBit" in leaf) return bit(configOf(state).basic, leaf.basicBit as number);
    throw new Error(`unknown predicate ${JSON.stringify(leaf)}`);
  });
}

/** Up to 5.15 IA32_VMX_MISC is read plainly each time it is asked for, later the stored value is used. */
function misc(state: State): bigint {
  return state.cpu.since("6.1") ? configOf(state).misc : state.cpu.rdmsr(0x485);
}

/** A condition of hardware_setup.json: `any` and `all` of leaves. */
function when(state: State, condition: unknown): boolean {
  if (condition === undefined) return true;
  if (typeof condition === "string") {
    // `apicv` and the like stand alone in a few rules.
    return predicate(state, condition);
  }
  const node = condition as Readonly<Record<string, unknown>>;
  if ("any" in node) return (node.any as readonly unknown[]).some((part) => when(state, part));
  if ("all" in node) return (node.all as readonly unknown[]).every((part) => when(state, part));
  if ("not" in node) return !predicate(state, node.not as string);
  if ("param" in node) {
    const name = node.param as string;
    const value = name.startsWith("kvm.") ? state.kvmParams.get(name.slice(4)) : state.params.get(name);
    return (value ?? 0) === node.is;
  }
  if ("hostCpuid" in node) return state.cpu.has((node.hostCpuid as string).toLowerCase()) === (node.is === 1);
  if ("expr" in node) return timerTooFast(state);
  throw new Error(`unknown condition ${JSON.stringify(node)}`);
}

function timerTooFast(state: State): boolean {
  const { cpu } = state;
  const shift = misc(state) & 0x1fn;
  state.caps.preemption_timer_shift = Number(shift);
  const hertz = cpu.input.tscKhz === 0 ? 5_000_000_000n : BigInt(cpu.input.tscKhz) * 1000n;
  return hertz >> shift > timerLimit(cpu) / 10n;
}

function timerLimit(cpu: ReferenceCpu): bigint {
  const most = 0xffff_ffffn;
  const leaf = cpu.input.cpuid15;
  if (!cpu.since("7.3") || cpu.has("hypervisor") || leaf === undefined) return most;
  if (Number(cpu.input.maxLeaf) < 0x15 || leaf.eax === 0 || leaf.ebx === 0) return most;
  const limit = (BigInt(leaf.ebx) << 25n) / BigInt(leaf.eax) - 1n;
  return limit < 0n || limit > most ? most : limit;
}

function hardwareSetupRule(state: State, rule: SetupRuleJson, functionName: string): void {
  const { cpu, params } = state;
  const on = (name: string) => params.get(name) === 1;
  switch (rule.id) {
    case "setup-vmcs-config":
      runSetup(state);
      return;
    case "perf-global-ctrl-message":
      if (onErratumList(cpu, state.data, "perfGlobalCtrl")) cpu.say(4, rule.message as string);
      return;
    case "bndcfgs-warn":
      if (cpu.has("mpx") && cpu.rdmsr(0xd90) !== 0n) {
        // The table gives the line of the log; a WARN has no module name in its text.
        const text = (rule.message as string).replace("kvm_intel: ", "");
        cpu.warn({ kind: "WARN_ONCE", func: functionName, cond: "host_bndcfgs", text });
      }
      return;
    case "sgx":
      if (!cpu.config("CONFIG_X86_SGX_KVM")) return;
      break;
    case "pt-mode-range":
      if (![0, 1].includes(params.get("pt_mode") ?? 0)) throw new Refused("EINVAL");
      return;
    case "mmu":
      mmu(state);
      return;
    case "preemption-timer":
      if (!params.has("preemption_timer")) return;
      if (!predicate(state, "preemptionTimer")) params.set("preemption_timer", 0);
      if (!on("preemption_timer")) return;
      break;
    case "nested":
      if (on("nested")) {
        const guestCet = state.guestCet.shstk || state.guestCet.ibt;
        state.nested = referenceNested(cpu, state.data, configOf(state), on, guestCet);
      }
      return;
    case "shadow-vmcs":
      if (!on("nested")) return;
      // The MSR comes first in cpu_has_vmx_shadow_vmcs.
      if (!bit(misc(state), 29) || !predicate(state, "shadowVmcs")) params.set("enable_shadow_vmcs", 0);
      return;
    case "cpu-caps-before-nested":
      guestCaps(state);
      return;
    case "vmxon-areas":
      // Up to 5.15 a size of 0 makes get_order() ask for 2^52 pages.
      if (!cpu.since("6.1") && (high(configOf(state).basic) & 0x1fffn) === 0n) {
        const [func, flags] = cpu.since("5.15") ? ["__alloc_pages", "gfp"] : ["__alloc_pages_nodemask", "gfp_mask"];
        cpu.warn({ kind: "WARN_ON_ONCE", func, cond: `!(${flags} & __GFP_NOWARN)` });
        throw new Refused("ENOMEM");
      }
      return;
    case "tsc-scaling":
      state.caps.has_tsc_control = predicate(state, "tscScaling");
      return;
    case "bus-lock-exit":
      state.caps.has_bus_lock_exit = predicate(state, "busLockDetection");
      return;
    case "notify-vmexit":
      state.caps.has_notify_vmexit = predicate(state, "notifyVmexit");
      return;
    case "ipiv":
      // kvm_x86_vendor_init looks at posting of device interrupts once APICv is decided.
      if (params.has("enable_device_posted_irqs") && !(on("enable_apicv") && cpu.input.irqPosting)) {
        params.set("enable_device_posted_irqs", 0);
      }
      break;
  }
  if (rule.kind === "fatal") {
    if (!when(state, rule.when)) return;
    if (rule.message !== undefined) cpu.say(3, rule.message);
    throw new Refused((rule.result as string).slice(1));
  }
  if (rule.kind === "param" && rule.param !== undefined && params.has(rule.param) && when(state, rule.when)) {
    params.set(rule.param, rule.set as number);
  }
  if (rule.kind === "params" && when(state, rule.when)) {
    for (const [name, value] of Object.entries(rule.params ?? {})) params.set(name, value);
  }
}

function mmu(state: State): void {
  const { cpu, params, kvmParams, caps } = state;
  const ept = params.get("ept") === 1;
  caps.tdp_enabled = ept;
  caps.max_tdp_level = predicate(state, "ept5Levels") ? 5 : 4;
  if (!ept) caps.max_huge_page_level = cpu.has("pdpe1gb") ? 3 : 2;
  else if (!cpu.since("5.10") && !predicate(state, "ept2M")) caps.max_huge_page_level = 1;
  else caps.max_huge_page_level = predicate(state, "ept1G") ? 3 : predicate(state, "ept2M") ? 2 : 1;
  if (!ept && kvmParams.has("tdp_mmu")) kvmParams.set("tdp_mmu", 0);
}

/** SHSTK and IBT for guests; what the table leaves open follows pitfalls.md and the vectors of 7.2. */
function guestCaps(state: State): void {
  const { cpu, params } = state;
  const possible =
    predicate(state, "loadCet") &&
    params.get("unrestricted_guest") === 1 &&
    predicate(state, "basicNoHwErrcodeCc") &&
    params.get("allow_smaller_maxphyaddr") !== 1 &&
    cpu.has("xsaves") &&
    control(state, "secondary", "XSAVES") &&
    (low(cpu.rdmsrSafe(0xda0)) & 0x1800n) === 0x1800n &&
    (!params.has("cet") || params.get("cet") === 1);
  state.guestCet = { shstk: possible && cpu.has("shstk"), ibt: possible && cpu.has("ibt") };
}

function loadOutput(state: State, error: string | null, log: Omit<Log, "rdmsr">, unknown: readonly string[]) {
  const { cpu, config } = state;
  const done = config?.ok === true;
  const loads = error === null;
  return {
    loads,
    errno: error === null ? 0 : ERRNO[error],
    error,
    setup_vmcs_config: config === undefined ? null : done ? 0 : -5,
    vmcs_config: done ? vmcsConfigOutput(cpu, config) : null,
    vmx_capability: done ? { ept: hex(config.ept), vpid: hex(config.vpid) } : null,
    rdmsr_setup: state.setupReads,
    params: loads ? paramTexts(state.params) : null,
    kvm_params: loads ? paramTexts(state.kvmParams) : null,
    caps: loads ? capsOutput(state) : null,
    unknown_params: unknown,
    ...log,
  };
}

function vmcsConfigOutput(cpu: ReferenceCpu, { controls, basic, misc: miscValue }: VmcsConfig) {
  const size = high(basic) & 0x1fffn;
  const modern = cpu.since("6.1");
  return {
    ...(cpu.since("6.12")
      ? { basic: hex(basic) }
      : {
          size: hex(size),
          ...(modern ? {} : { order: size === 0n ? "0x34" : "0x0" }),
          basic_cap: hex(high(basic) & ~0x1fffn),
          revision_id: hex(low(basic)),
        }),
    pin_based_exec_ctrl: hex(controls.pin),
    cpu_based_exec_ctrl: hex(controls.primary),
    cpu_based_2nd_exec_ctrl: hex(controls.secondary),
    ...(modern ? { cpu_based_3rd_exec_ctrl: hex(controls.tertiary) } : {}),
    vmexit_ctrl: hex(controls.exit),
    vmentry_ctrl: hex(controls.entry),
    ...(modern ? { misc: hex(miscValue) } : {}),
  };
}

function paramTexts(values: ReadonlyMap<string, number>) {
  return Object.fromEntries(
    [...values].map(([name, value]) => [name, NUMBERS.includes(name) ? String(value) : value === 1 ? "Y" : "N"]),
  );
}

function capsOutput({ cpu, caps, guestCet }: State) {
  // 5.6 has no variable for these two.
  const { max_tdp_level: _level, max_huge_page_level: _size, ...without } = caps;
  const shown = cpu.since("5.10") ? caps : without;
  return { preemption_timer_shift: 0, ...shown, ...(cpu.since("6.18") ? guestCet : {}) };
}
