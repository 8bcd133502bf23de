import { bit, hex, high, low, type ReferenceCpu } from "./reference-cpu.js";
import type { ControlGroup, ReferenceData } from "./reference-data.js";
import { controlBits, type VmcsConfig } from "./reference-setup.js";

/*
 * nested_vmx_setup_ctls_msrs and what KVM_GET_MSRS returns, as the prose about them (nested.md) tabulates both.
 */

const PIN_DEFAULT1 = 0x16n;
const EXIT_DEFAULT1 = 0x3_6dffn;
const ENTRY_DEFAULT1 = 0x11ffn;
const PRIMARY_DEFAULT1 = 0x0401_e172n;
const DEBUG_CONTROLS = 0x4n;
const CR3_EXITING = 0x1_8000n;

const PRIMARY_KEPT = [
  "INTR_WINDOW_EXITING",
  "USE_TSC_OFFSETTING",
  "HLT_EXITING",
  "INVLPG_EXITING",
  "MWAIT_EXITING",
  "RDPMC_EXITING",
  "RDTSC_EXITING",
  "CR3_LOAD_EXITING",
  "CR3_STORE_EXITING",
  "VIRTUAL_TPR",
  "NMI_WINDOW_EXITING",
  "MOV_DR_EXITING",
  "UNCOND_IO_EXITING",
  "USE_IO_BITMAPS",
  "MONITOR_TRAP_FLAG",
  "MONITOR_EXITING",
  "PAUSE_EXITING",
  "SEC_CONTROLS",
];
const SECONDARY_KEPT = [
  "DESC_EXITING",
  "RDTSCP",
  "VIRTUAL_X2APIC",
  "WBINVD_EXITING",
  "APIC_REGISTER_VIRT",
  "VIRT_INTR_DELIVERY",
  "RDRAND_EXITING",
  "INVPCID",
  "RDSEED_EXITING",
  "XSAVES",
];

export function referenceNested(
  cpu: ReferenceCpu,
  data: ReferenceData,
  state: VmcsConfig,
  on: (param: string) => boolean,
  guestCet: boolean,
): Readonly<Record<string, unknown>> {
  const { since } = cpu;
  const mask = (group: ControlGroup, ...names: string[]) => controlBits(data, group, names);
  const wide = cpu.config("CONFIG_X86_64");
  const fromConfig = since("6.1");
  // Since 6.1 the high halves start from vmcs_config; before from the MSRs, each read plainly.
  const base = (group: ControlGroup, index: number) => (fromConfig ? state.controls[group] : high(cpu.rdmsr(index)));

  let pinLow = PIN_DEFAULT1;
  let pinHigh: bigint;
  if (fromConfig) pinHigh = state.controls.pin;
  else {
    const raw = cpu.rdmsr(0x481);
    pinLow |= low(raw);
    pinHigh = high(raw);
  }
  pinHigh &= mask("pin", "INTR_EXITING", "NMI_EXITING", "VIRTUAL_NMIS", ...(on("enable_apicv") ? ["POSTED_INTR"] : []));
  pinHigh |= PIN_DEFAULT1 | mask("pin", "PREEMPTION_TIMER");

  const perfKept = since("5.10") && !fromConfig ? ["LOAD_IA32_PERF_GLOBAL_CTRL"] : [];
  const perfForced = fromConfig ? ["LOAD_IA32_PERF_GLOBAL_CTRL"] : [];
  const cet = since("6.18") && guestCet ? ["LOAD_CET_STATE"] : [];
  const exitHigh =
    (base("exit", 0x483) &
      mask(
        "exit",
        ...(wide ? ["HOST_ADDR_SPACE_SIZE"] : []),
        "SAVE_IA32_PAT",
        "LOAD_IA32_PAT",
        ...(since("5.10") ? ["CLEAR_BNDCFGS"] : []),
        ...perfKept,
        ...cet,
      )) |
    EXIT_DEFAULT1 |
    mask("exit", "SAVE_IA32_EFER", "LOAD_IA32_EFER", "SAVE_VMX_PREEMPTION_TIMER", "ACK_INTR_ON_EXIT", ...perfForced);
  const entryHigh =
    (base("entry", 0x484) &
      mask(
        "entry",
        ...(wide ? ["IA32E_MODE"] : []),
        "LOAD_IA32_PAT",
        ...(since("5.10") ? ["LOAD_BNDCFGS"] : []),
        ...perfKept,
        ...cet,
      )) |
    ENTRY_DEFAULT1 |
    mask("entry", "LOAD_IA32_EFER", ...perfForced);

  const primaryHigh =
    (base("primary", 0x482) &
      mask("primary", ...PRIMARY_KEPT, ...(wide ? ["CR8_LOAD_EXITING", "CR8_STORE_EXITING"] : []))) |
    PRIMARY_DEFAULT1 |
    mask("primary", "USE_MSR_BITMAPS");

  let secondaryBase = state.controls.secondary;
  if (!fromConfig) secondaryBase = (primaryHigh & mask("primary", "SEC_CONTROLS")) !== 0n ? high(cpu.rdmsr(0x48b)) : 0n;
  const hostVmfunc = (state.controls.secondary & mask("secondary", "VMFUNC")) !== 0n;
  const kept = mask(
    "secondary",
    ...SECONDARY_KEPT,
    ...(since("5.15") ? ["TSC_SCALING"] : []),
    ...(since("5.15") ? ["USR_WAIT_PAUSE"] : []),
  );
  const secondaryHigh =
    (secondaryBase & kept) |
    mask(
      "secondary",
      "SHADOW_VMCS",
      ...(on("ept") ? ["EPT"] : []),
      ...(on("ept") && on("eptad") ? ["PAGE_MOD_LOGGING"] : []),
      ...(on("ept") && on("mbec") ? ["MODE_BASED_EPT_EXEC"] : []),
      ...(hostVmfunc ? ["VMFUNC"] : []),
      ...(on("vpid") ? ["VPID"] : []),
      ...(on("unrestricted_guest") ? ["UNRESTRICTED_GUEST"] : []),
      ...(on("flexpriority") ? ["VIRT_APIC_ACCESSES"] : []),
      ...(on("sgx") ? ["ENCLS_EXITING"] : []),
    );

  const passing = [6, 14, 20, 0, ...(since("5.10") ? [7] : []), ...(since("7.2") ? [22] : [])];
  let eptCaps = 0n;
  if (on("ept")) {
    for (const index of passing) if (bit(state.ept, index)) eptCaps |= 1n << BigInt(index);
    eptCaps |= 0x0603_0000n;
    if (on("eptad")) eptCaps |= 1n << 21n;
  }
  const vpidCaps = on("vpid") ? 0xf01n : 0n;
  const vmfunc = hostVmfunc && on("ept") ? 1n : 0n;

  const hostMisc = fromConfig ? state.misc : cpu.rdmsr(0x485);
  const misc = (since("5.15") ? 0x2000_0145n : 0x2000_0045n) | (hostMisc & 0x20n);
  let basic = 0x0098_1000_11e5_7ed0n | (state.basic & (1n << 54n));
  if (since("6.18")) basic |= state.basic & (1n << 56n);

  const cr0 = cpu.rdmsr(0x487);
  let cr4 = cpu.rdmsr(0x489);
  const descExiting = (state.controls.secondary & mask("secondary", "DESC_EXITING")) !== 0n;
  if (since("5.15") && descExiting && !(since("6.6") && cpu.has("umip"))) cr4 |= 1n << 11n;

  const tscScaling = (state.controls.secondary & mask("secondary", "TSC_SCALING")) !== 0n;
  const vmcsEnum = since("7.2") ? (tscScaling ? 0x32n : 0x2en) : since("5.15") ? 0x32n : 0x2en;

  const exitLow = EXIT_DEFAULT1 & ~DEBUG_CONTROLS;
  const entryLow = ENTRY_DEFAULT1 & ~DEBUG_CONTROLS;
  const primaryLow = PRIMARY_DEFAULT1 & ~CR3_EXITING;
  const fields = {
    procbased_ctls_low: primaryLow,
    procbased_ctls_high: primaryHigh,
    secondary_ctls_low: 0n,
    secondary_ctls_high: secondaryHigh,
    pinbased_ctls_low: pinLow,
    pinbased_ctls_high: pinHigh,
    exit_ctls_low: exitLow,
    exit_ctls_high: exitHigh,
    entry_ctls_low: entryLow,
    entry_ctls_high: entryHigh,
    misc_low: misc,
    misc_high: 0n,
    ept_caps: eptCaps,
    vpid_caps: vpidCaps,
    basic,
    cr0_fixed0: 0x8000_0021n,
    cr0_fixed1: cr0,
    cr4_fixed0: 0x2000n,
    cr4_fixed1: cr4,
    vmcs_enum: vmcsEnum,
    vmfunc_controls: vmfunc,
  };
  const msrs: Readonly<Record<string, bigint>> = {
    "0x480": basic,
    "0x481": (pinHigh << 32n) | pinLow | PIN_DEFAULT1,
    "0x482": (primaryHigh << 32n) | PRIMARY_DEFAULT1,
    "0x483": (exitHigh << 32n) | EXIT_DEFAULT1,
    "0x484": (entryHigh << 32n) | ENTRY_DEFAULT1,
    "0x485": misc,
    "0x486": 0x8000_0021n,
    "0x487": cr0,
    "0x488": 0x2000n,
    "0x489": cr4,
    "0x48a": vmcsEnum,
    "0x48b": secondaryHigh << 32n,
    "0x48c": (vpidCaps << 32n) | eptCaps,
    "0x48d": (pinHigh << 32n) | pinLow,
    "0x48e": (primaryHigh << 32n) | primaryLow,
    "0x48f": (exitHigh << 32n) | exitLow,
    "0x490": (entryHigh << 32n) | entryLow,
    "0x491": vmfunc,
  };
  const shown = (values: Readonly<Record<string, bigint>>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, hex(value)]));
  return { ...shown(fields), msrs: shown(msrs) };
}
