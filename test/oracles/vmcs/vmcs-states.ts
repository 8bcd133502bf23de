/**
 * Random VMCS states that a CPU accepts, built from the manual's rules by hand and without the table of checks: the
 * tests hold the two against each other, and the emulator run takes its states from here.
 */
import type { U64 } from "../../../src/bits/u64.js";
import { type CoreGroup, msrOf } from "../../../src/host/host.js";
import { knownValue, msrBit } from "../../../src/host/msr.js";
import {
  CONTROL_WORDS,
  type ControlName,
  type ControlWordName,
  controlBit,
} from "../../../src/vmcs/fields/control-bits.js";
import type { FieldRow } from "../../../src/vmcs/fields/field-row.js";
import { FIELDS, type FieldKey, fieldOf, widthOf } from "../../../src/vmcs/fields/fields.js";
import { lowMask } from "../../../src/vmcs/value64.js";

export type State = Map<number, U64>;

/** A small generator with a seed (splitmix32): the same numbers everywhere. */
export interface Random {
  /** From 0 to n-1. */
  readonly below: (n: number) => number;
  readonly bits32: () => number;
  /** True once in n. */
  readonly once: (n: number) => boolean;
  readonly pick: <T>(items: readonly T[]) => T;
}

export function random(seed: number): Random {
  let state = seed >>> 0;
  const bits32 = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const below = (n: number): number => Math.floor((bits32() / 0x1_0000_0000) * n);
  return {
    bits32,
    below,
    once: (n) => below(n) === 0,
    pick: (items) => items[below(items.length)] as (typeof items)[number],
  };
}

/** What the emulator's program needs of a state that it enters: pages it owns, and a way back. */
export interface Harness {
  readonly hostRip: number;
  readonly hostRsp: number;
  readonly hostCr3: number;
  /** First of the pages that a guest may read and write. */
  readonly pages: number;
  /** A page of zeros: an empty table. */
  readonly zeroPage: number;
  readonly linkPage: number;
  readonly linkShadowPage: number;
}

export interface StateOptions {
  readonly core: CoreGroup;
  readonly harness?: Harness;
}

type Mode = "real" | "protected" | "paged" | "pae" | "v86" | "compatibility" | "long";

interface Controls {
  readonly on: (name: ControlName) => boolean;
  readonly words: { readonly [W in ControlWordName]: number };
}

const ONES: U64 = { lo: 0xffff_ffff, hi: 0xffff_ffff };

/** One random state that passes every check of a VM entry on this CPU. */
export function validState(rng: Random, { core, harness }: StateOptions): State {
  const state: State = new Map();
  const put = (key: FieldKey, lo: number, hi = 0): void => {
    state.set(fieldOf(key).encoding, { lo: lo >>> 0, hi: hi >>> 0 });
  };
  // Fields that nothing below writes hold garbage, as a VMCS does: the CPU must not care.
  for (const row of FIELDS) {
    // VM-exit information can be written on some CPUs only.
    if (((row.encoding >> 10) & 3) !== 1 && exists(row, core)) state.set(row.encoding, garbage(rng, row));
  }
  const controls = chooseControls(rng, core, harness !== undefined);
  const mode = chooseMode(rng, controls, core);
  for (const name of Object.keys(controls.words) as ControlWordName[]) {
    const row = FIELDS.find((field) => field.encoding === CONTROL_WORDS[name].encoding) as FieldRow;
    if (exists(row, core)) state.set(row.encoding, { lo: controls.words[name] >>> 0, hi: 0 });
  }
  putAddresses(rng, put, controls, core, harness);
  putHost(rng, put, controls, core, harness);
  const guest = putGuestRegisters(rng, put, controls, mode, core, harness);
  const ssDpl = putSegments(rng, put, mode, controls, core, harness !== undefined);
  putNonRegister(rng, put, controls, mode, guest, ssDpl, core, harness);
  for (const encoding of [...state.keys()]) {
    const row = FIELDS.find((field) => field.encoding === encoding);
    if (row === undefined || !exists(row, core)) state.delete(encoding);
  }
  return state;
}

/** Whether the CPU has a field: what its capability MSRs say about the controls that bring it. */
function exists(row: FieldRow, core: CoreGroup): boolean {
  if (row.exists === "always") return true;
  if (row.exists === "cr3-targets") return true;
  if (row.exists === "fred") return msrBit(msrOf(core, 0x489), 32) === "yes";
  return row.exists.some((name) => may1(core, name));
}

export function may1(core: CoreGroup, name: ControlName): boolean {
  const { word, bit } = controlBit(name);
  if (word.activatedBy !== undefined && !may1(core, word.activatedBy)) return false;
  if (word.name === "vmfunc" && !may1(core, "proc2.VMFUNC")) return false;
  return msrBit(msrOf(core, word.msr), word.shape === "halves" ? 32 + bit : bit) === "yes";
}

/** Bits that a control word must have: the TRUE register's where there is one. */
function must1(core: CoreGroup, name: ControlWordName): number {
  const word = CONTROL_WORDS[name];
  if (word.shape === "mask") return 0;
  const own = word.trueMsr !== undefined && msrBit(msrOf(core, 0x480), 55) === "yes" ? word.trueMsr : word.msr;
  return knownValue(msrOf(core, own))?.lo ?? 0;
}

function garbage(rng: Random, row: FieldRow): U64 {
  if (!rng.once(3)) return { lo: 0, hi: 0 };
  const limit = lowMask(widthOf(row));
  return { lo: (rng.bits32() & limit.lo) >>> 0, hi: (rng.bits32() & limit.hi) >>> 0 };
}

function chooseControls(rng: Random, core: CoreGroup, safe: boolean): Controls {
  const words = { pin: 0, proc: 0, proc2: 0, proc3: 0, exit: 0, exit2: 0, entry: 0, vmfunc: 0 };
  for (const name of Object.keys(words) as ControlWordName[]) words[name] = must1(core, name);
  const on = (name: ControlName): boolean => {
    const { word, bit } = controlBit(name);
    return ((words[word.name] >>> bit) & 1) === 1 && (word.activatedBy === undefined || on(word.activatedBy));
  };
  const set = (name: ControlName, value: boolean): void => {
    const { word, bit } = controlBit(name);
    if (value && !may1(core, name)) return;
    if (!value && ((must1(core, name.slice(0, name.indexOf(".")) as ControlWordName) >>> bit) & 1) === 1) return;
    words[word.name] = value ? (words[word.name] | (1 << bit)) >>> 0 : (words[word.name] & ~(1 << bit)) >>> 0;
  };
  for (const name of Object.keys(words) as ControlWordName[]) {
    for (const row of CONTROL_WORDS[name].bits)
      if (row.bit < 32 && rng.once(3)) set(`${name}.${row.key}` as ControlName, true);
  }
  // Modes that only SMM or SEAM may use, and controls whose fields the generator does not build.
  for (const name of [
    "entry.SMM",
    "entry.DEACT_DUAL_MONITOR",
    "proc3.SEAM_GPA_WIDTH",
    "entry.LOAD_IA32_FRED",
    "exit2.LOAD_IA32_FRED",
    "exit2.SAVE_IA32_FRED",
    "proc3.HLAT",
  ] as const)
    set(name, false);
  set("proc.SEC_CONTROLS", !rng.once(8));
  set("exit.HOST_ADDR_SPACE_SIZE", true);
  if (rng.once(2)) set("proc2.EPT", true);
  if (safe) {
    set("pin.PREEMPTION_TIMER", true);
    set("proc2.VMFUNC", false);
    // The emulated way back must not depend on the host's shadow stack or on what the guest traces.
    set("entry.LOAD_IA32_RTIT_CTL", false);
  }
  const needs = (name: ControlName, others: readonly ControlName[]): void => {
    if (on(name) && !others.every(on)) set(name, false);
  };
  needs("pin.VIRTUAL_NMIS", ["pin.NMI_EXITING"]);
  needs("proc.NMI_WINDOW_EXITING", ["pin.VIRTUAL_NMIS"]);
  for (const name of [
    "proc2.VIRTUAL_X2APIC",
    "proc2.APIC_REGISTER_VIRT",
    "proc2.VIRT_INTR_DELIVERY",
    "proc3.IPI_VIRT",
  ] as const)
    needs(name, ["proc.VIRTUAL_TPR"]);
  needs("proc2.VIRT_INTR_DELIVERY", ["pin.INTR_EXITING"]);
  if (on("proc2.VIRTUAL_X2APIC")) set("proc2.VIRT_APIC_ACCESSES", false);
  needs("pin.POSTED_INTR", ["proc2.VIRT_INTR_DELIVERY", "exit.ACK_INTR_ON_EXIT"]);
  needs("proc3.APIC_TIMER_VIRT", ["proc2.VIRT_INTR_DELIVERY"]);
  if (on("proc3.APIC_TIMER_VIRT")) set("proc.RDTSC_EXITING", false);
  needs("proc2.PT_USE_GPA", ["entry.LOAD_IA32_RTIT_CTL", "exit.CLEAR_IA32_RTIT_CTL"]);
  for (const name of [
    "proc2.PAGE_MOD_LOGGING",
    "proc2.UNRESTRICTED_GUEST",
    "proc2.MODE_BASED_EPT_EXEC",
    "proc2.SUB_PAGE_WRITE_PERMISSION",
    "proc2.PT_USE_GPA",
    "proc3.PEBS_USE_GPA",
    "proc3.EPT_PAGING_WRITE",
    "proc3.GUEST_PAGING_VERIFICATION",
  ] as const)
    needs(name, ["proc2.EPT"]);
  if (!on("proc2.VMFUNC") || !on("proc2.EPT")) words.vmfunc = 0;
  needs("exit.SAVE_VMX_PREEMPTION_TIMER", ["pin.PREEMPTION_TIMER"]);
  return { on, words };
}

function chooseMode(rng: Random, controls: Controls, core: CoreGroup): Mode {
  const modes: Mode[] = ["paged", "pae", "v86"];
  if (controls.on("proc2.UNRESTRICTED_GUEST")) modes.push("real", "protected", "real", "protected");
  if (may1(core, "entry.IA32E_MODE")) modes.push("long", "long", "compatibility");
  const mode = rng.pick(modes);
  const { word, bit } = controlBit("entry.IA32E_MODE");
  const words = controls.words as { [W in ControlWordName]: number };
  const is64 = mode === "long" || mode === "compatibility";
  words[word.name] = is64 ? (words[word.name] | (1 << bit)) >>> 0 : (words[word.name] & ~(1 << bit)) >>> 0;
  return mode;
}

type Put = (key: FieldKey, lo: number, hi?: number) => void;

function widths(core: CoreGroup): { readonly pa: number; readonly la: number } {
  return { pa: core.cpuid.physAddrBits ?? 36, la: core.cpuid.linAddrBits ?? 48 };
}

/** A physical address with `low` zero bits. */
function physical(rng: Random, core: CoreGroup, low: number): U64 {
  const limit = lowMask(widths(core).pa);
  return { lo: (rng.bits32() & limit.lo & ~((1 << low) - 1)) >>> 0, hi: (rng.bits32() & limit.hi) >>> 0 };
}

function canonicalAddress(rng: Random, core: CoreGroup): U64 {
  const { la } = widths(core);
  const value = { lo: rng.bits32(), hi: rng.bits32() };
  const below = lowMask(la - 1).hi;
  return { lo: value.lo, hi: rng.once(2) ? (value.hi & below) >>> 0 : (value.hi | ~below) >>> 0 };
}

function putAddresses(rng: Random, put: Put, controls: Controls, core: CoreGroup, harness: Harness | undefined): void {
  const { on } = controls;
  let next = harness?.pages ?? 0;
  const page = (): U64 => {
    if (harness === undefined) return physical(rng, core, 12);
    next += 0x1000;
    return { lo: next, hi: 0 };
  };
  const putPage = (key: FieldKey): void => {
    const { lo, hi } = page();
    put(key, lo, hi);
  };
  if (on("proc.USE_IO_BITMAPS")) {
    putPage("ctl.io_bitmap_a");
    putPage("ctl.io_bitmap_b");
  }
  const pages: readonly (readonly [ControlName, FieldKey])[] = [
    ["proc.USE_MSR_BITMAPS", "ctl.msr_bitmap"],
    ["proc.VIRTUAL_TPR", "ctl.virtual_apic"],
    ["proc2.VIRT_APIC_ACCESSES", "ctl.apic_access"],
    ["proc2.PAGE_MOD_LOGGING", "ctl.pml"],
    ["proc2.SUB_PAGE_WRITE_PERMISSION", "ctl.spptp"],
    ["proc2.SHADOW_VMCS", "ctl.vmread_bitmap"],
    ["proc2.SHADOW_VMCS", "ctl.vmwrite_bitmap"],
    ["proc2.EPT_VIOLATION_VE", "ctl.ve_info"],
    ["proc2.PASID_TRANSLATION", "ctl.pasid_low"],
    ["proc2.PASID_TRANSLATION", "ctl.pasid_high"],
    ["vmfunc.EPTP_SWITCHING", "ctl.eptp_list"],
  ];
  for (const [control, key] of pages) if (on(control)) putPage(key);
  put(
    "ctl.tpr_threshold",
    !on("proc.VIRTUAL_TPR") || on("proc2.VIRT_INTR_DELIVERY")
      ? rng.below(16)
      : on("proc2.VIRT_APIC_ACCESSES")
        ? rng.below(16)
        : 0,
  );
  put("ctl.posted_intr_nv", rng.below(256));
  const descriptor = harness === undefined ? physical(rng, core, 6) : page();
  put("ctl.posted_intr_desc", descriptor.lo, descriptor.hi);
  const table = harness === undefined ? physical(rng, core, 12) : page();
  put("ctl.pid_pointer_table", table.lo & ~0xf_ffff, table.hi);
  put("ctl.last_pid_index", rng.below(4096));
  put("ctl.vpid", 1 + rng.below(0xffff));
  const cap = (bit: number) => msrBit(msrOf(core, 0x48c), bit) === "yes";
  const eptTable = harness === undefined ? physical(rng, core, 12) : { lo: harness.zeroPage, hi: 0 };
  const type = cap(14) && (!cap(8) || rng.once(2)) ? 6 : 0;
  put("ctl.eptp", eptTable.lo | type | (3 << 3) | (cap(21) && rng.once(2) ? 0x40 : 0), eptTable.hi);
  put("ctl.tsc_multiplier", 1 + rng.below(0x7fff_ffff), rng.bits32());
  put("ctl.vmfunc", on("proc2.VMFUNC") ? controls.words.vmfunc : 0);
  put("ctl.virtual_timer_vector", rng.below(256));
  put("ctl.cr3_target_count", rng.below(5));
  for (const [address, count] of [
    ["ctl.exit_msr_store_addr", "ctl.exit_msr_store_count"],
    ["ctl.exit_msr_load_addr", "ctl.exit_msr_load_count"],
    ["ctl.entry_msr_load_addr", "ctl.entry_msr_load_count"],
  ] as const) {
    const used = harness === undefined && rng.once(2);
    const { lo, hi } = physical(rng, core, 16);
    put(count, used ? 1 + rng.below(512) : 0);
    if (used) put(address, lo, hi);
  }
  if (harness !== undefined) {
    // Every exception leaves the guest, and so does the first tick.
    put("ctl.exception_bitmap", 0xffff_ffff);
    put("ctl.pfec_mask", 0);
    put("ctl.pfec_match", 0);
    put("guest.preemption_timer", 0);
    put("ctl.proc3", 0);
  }
}

function putHost(rng: Random, put: Put, controls: Controls, core: CoreGroup, harness: Harness | undefined): void {
  const { on } = controls;
  const value = (index: number): U64 => knownValue(msrOf(core, index)) ?? { lo: 0, hi: 0 };
  put(
    "host.cr0",
    harness === undefined
      ? value(0x486).lo | (rng.bits32() & value(0x487).lo) | 0x1_0000
      : 0x8001_0031 | value(0x486).lo,
  );
  // PAE and VMXE; CET needs WP, which CR0 above has; no LA57, PCIDE or FRED.
  put("host.cr4", (1 << 5) | (1 << 13) | (harness === undefined ? rng.bits32() & value(0x489).lo & ~(1 << 12) : 0));
  const cr3 = harness === undefined ? physical(rng, core, 12) : { lo: harness.hostCr3, hi: 0 };
  put("host.cr3", cr3.lo, cr3.hi);
  for (const key of [
    "host.sysenter_esp",
    "host.sysenter_eip",
    "host.fs.base",
    "host.gs.base",
    "host.tr.base",
    "host.gdtr.base",
    "host.idtr.base",
    "host.ssp_table",
  ] as const) {
    const { lo, hi } = canonicalAddress(rng, core);
    put(key, lo, hi);
  }
  const rip = harness === undefined ? canonicalAddress(rng, core) : { lo: harness.hostRip, hi: 0 };
  put("host.rip", rip.lo, rip.hi);
  if (harness !== undefined) put("host.rsp", harness.hostRsp);
  for (const seg of ["es", "ss", "ds", "fs", "gs"] as const) put(`host.${seg}.sel`, rng.below(0x2000) << 3);
  put("host.cs.sel", (1 + rng.below(0x1fff)) << 3);
  put("host.tr.sel", (1 + rng.below(0x1fff)) << 3);
  if (on("exit.LOAD_IA32_PAT")) putPat(rng, put, "host.pat");
  if (on("exit.LOAD_IA32_EFER"))
    put(
      "host.efer",
      0x500 |
        (rng.below(2) ? 1 : 0) |
        (core.cpuid.features.nx && rng.below(2) ? 0x800 : 0) |
        (harness === undefined ? 0 : 0x801 & (core.cpuid.features.nx ? 0xfff : 1)),
    );
  if (on("exit.LOAD_IA32_PERF_GLOBAL_CTRL")) put("host.perf_global_ctrl", rng.below(4), rng.below(8));
  put("host.s_cet", harness === undefined ? rng.below(64) : 0);
  const ssp = canonicalAddress(rng, core);
  put("host.ssp", ssp.lo & ~3, ssp.hi);
  put("host.pkrs", rng.bits32(), 0);
  put("host.spec_ctrl", 0);
}

function putPat(rng: Random, put: Put, key: FieldKey): void {
  const half = (): number => {
    let bits = 0;
    for (let low = 0; low < 32; low += 8) bits |= rng.pick([0, 1, 4, 5, 6, 7]) << low;
    return bits;
  };
  put(key, half(), half());
}

interface Flags {
  rflags: number;
  debugctl: number;
}

function putGuestRegisters(
  rng: Random,
  put: Put,
  controls: Controls,
  mode: Mode,
  core: CoreGroup,
  harness: Harness | undefined,
): Flags {
  const { on } = controls;
  const value = (index: number): U64 => knownValue(msrOf(core, index)) ?? { lo: 0, hi: 0 };
  let cr0 = (value(0x486).lo | (rng.bits32() & value(0x487).lo & 0x6007_003e)) >>> 0;
  cr0 = mode === "real" ? cr0 & ~0x8000_0001 : mode === "protected" ? (cr0 | 1) & ~0x8000_0000 : cr0 | 0x8000_0001;
  let cr4 = value(0x488).lo | (rng.bits32() & value(0x489).lo);
  const is64 = mode === "long" || mode === "compatibility";
  if (is64) cr4 |= 1 << 5;
  else {
    cr4 &= ~(1 << 17);
    if (mode === "pae") cr4 |= 1 << 5;
    else cr4 &= ~(1 << 5);
  }
  cr4 &= ~(1 << 12);
  if ((cr4 >>> 23) & 1) cr0 |= 1 << 16;
  put("guest.cr0", cr0);
  put("guest.cr4", cr4);
  const cr3 = harness === undefined ? physical(rng, core, 5) : { lo: harness.zeroPage, hi: 0 };
  put("guest.cr3", cr3.lo, cr3.hi);
  const flags: Flags = { rflags: 2 | (rng.bits32() & 0x3f_7fd5 & ~0x2_0000), debugctl: rng.pick([0, 0, 0, 2]) };
  if (mode === "v86") flags.rflags |= 0x2_0000;
  put("guest.debugctl", flags.debugctl);
  put("guest.dr7", 0x400 | (rng.bits32() & 0xff));
  for (const key of ["guest.sysenter_esp", "guest.sysenter_eip"] as const) {
    const { lo, hi } = canonicalAddress(rng, core);
    put(key, lo, hi);
  }
  if (on("entry.LOAD_IA32_PAT")) putPat(rng, put, "guest.pat");
  if (on("entry.LOAD_IA32_EFER")) {
    const paged = cr0 >>> 31 === 1;
    put(
      "guest.efer",
      (is64 ? 0x500 : paged ? 0 : rng.below(2) << 8) | rng.below(2) | (core.cpuid.features.nx ? rng.below(2) << 11 : 0),
    );
  }
  if (on("entry.LOAD_IA32_PERF_GLOBAL_CTRL")) put("guest.perf_global_ctrl", rng.below(4), rng.below(8));
  if (on("entry.LOAD_BNDCFGS")) {
    const { lo, hi } = canonicalAddress(rng, core);
    put("guest.bndcfgs", (lo & ~0xfff) | rng.below(4), hi);
  }
  put("guest.rtit_ctl", 0);
  put("guest.lbr_ctl", 0);
  put("guest.spec_ctrl", 0);
  put("guest.uinv", rng.below(256));
  put("guest.pkrs", rng.bits32(), 0);
  put("guest.s_cet", rng.below(64));
  const long = mode === "long";
  const ssp = long ? canonicalAddress(rng, core) : { lo: rng.bits32(), hi: 0 };
  put("guest.ssp", ssp.lo & ~3, ssp.hi);
  const table = canonicalAddress(rng, core);
  put("guest.ssp_table", table.lo, table.hi);
  const rip = long
    ? canonicalAddress(rng, core)
    : { lo: mode === "real" || mode === "v86" ? rng.below(0x1_0000) : rng.bits32(), hi: 0 };
  put("guest.rip", rip.lo, rip.hi);
  for (const n of [0, 1, 2, 3] as const) {
    const usesThem = mode === "pae" && on("proc2.EPT");
    if (!usesThem) continue;
    const { lo, hi } = physical(rng, core, 12);
    put(`guest.pdpte${n}`, rng.once(2) ? (lo | 1 | (rng.below(4) << 3)) >>> 0 : rng.bits32() & ~1, hi);
  }
  return flags;
}

/** Returns DPL of SS. */
function putSegments(rng: Random, put: Put, mode: Mode, controls: Controls, core: CoreGroup, plain: boolean): number {
  // An unrestricted guest may have any RPL in CS and SS. Bochs wants CS.RPL to equal CS.DPL even then.
  const free = controls.on("proc2.UNRESTRICTED_GUEST") && !(plain && !rng.once(8));
  const mayHoldData = controls.on("proc2.UNRESTRICTED_GUEST");
  const is64 = mode === "long" || mode === "compatibility";
  const limitOf = (granular: boolean): number => (granular ? (rng.bits32() | 0xfff) >>> 0 : rng.below(0x10_0000));
  putTables(rng, put, core);
  // TR: a busy TSS.
  const trGranular = rng.once(4);
  put("guest.tr.sel", (rng.below(0x2000) << 3) | rng.below(4));
  put("guest.tr.ar", (is64 || rng.once(2) ? 0x8b : 0x83) | (trGranular ? 0x8000 : 0) | (rng.below(2) << 12));
  put("guest.tr.limit", limitOf(trGranular));
  const tr = canonicalAddress(rng, core);
  put("guest.tr.base", tr.lo, tr.hi);
  if (rng.once(2)) {
    // An unusable LDTR: anything goes.
    put("guest.ldtr.ar", (rng.bits32() & 0xf0ff) | 0x1_0000);
    put("guest.ldtr.sel", rng.below(0x1_0000));
  } else {
    const granular = rng.once(4);
    put("guest.ldtr.sel", (rng.below(0x2000) << 3) | rng.below(4));
    put("guest.ldtr.ar", 0x82 | (granular ? 0x8000 : 0));
    put("guest.ldtr.limit", limitOf(granular));
    const { lo, hi } = canonicalAddress(rng, core);
    put("guest.ldtr.base", lo, hi);
  }
  if (mode === "v86") {
    for (const seg of ["cs", "ss", "ds", "es", "fs", "gs"] as const) {
      const selector = rng.below(0x1_0000);
      put(`guest.${seg}.sel`, selector);
      put(`guest.${seg}.base`, selector << 4);
      put(`guest.${seg}.limit`, 0xffff);
      put(`guest.${seg}.ar`, 0xf3);
    }
    return 3;
  }
  const dataCs = mayHoldData && !is64 && rng.once(4);
  // Under FRED SS.DPL is 0 or 3; the generator keeps to these two anyway half of the time.
  const dpl = mode === "real" || dataCs ? 0 : rng.pick([0, 0, 3, 3, 1, 2]);
  const rpl = dpl;
  const conforming = !dataCs && rng.once(4);
  const csType = dataCs ? 3 : (conforming ? 13 : 9) | (rng.below(2) << 1);
  const csDpl = dataCs ? 0 : conforming ? rng.below(dpl + 1) : dpl;
  const csGranular = rng.once(2);
  const l = mode === "long" ? 0x2000 : is64 ? 0 : rng.once(8) ? 0x2000 : 0;
  const db = l !== 0 && is64 ? 0 : rng.below(2) << 14;
  put("guest.cs.sel", (rng.below(0x2000) << 3) | (free ? rng.below(4) : rpl));
  put("guest.cs.ar", csType | 0x90 | (csDpl << 5) | l | db | (csGranular ? 0x8000 : 0) | (rng.below(2) << 12));
  put("guest.cs.limit", limitOf(csGranular));
  put("guest.cs.base", rng.bits32());
  const ssUnusable = rng.once(4);
  const ssGranular = rng.once(2);
  put("guest.ss.sel", (rng.below(0x2000) << 3) | (free ? rng.below(4) : rpl));
  put(
    "guest.ss.ar",
    ssUnusable
      ? 0x1_0000 | (rng.bits32() & 0xf09f) | (dpl << 5)
      : rng.pick([3, 7]) | 0x90 | (dpl << 5) | (ssGranular ? 0x8000 : 0) | (rng.below(2) << 14),
  );
  put("guest.ss.limit", ssUnusable ? rng.bits32() : limitOf(ssGranular));
  put("guest.ss.base", rng.bits32(), ssUnusable && rng.once(2) ? rng.bits32() : 0);
  for (const seg of ["ds", "es", "fs", "gs"] as const) {
    const unusable = rng.once(3);
    const granular = rng.once(2);
    const type = rng.pick([1, 3, 5, 7, 11, 15]);
    const segDpl = rng.below(4);
    put(
      `guest.${seg}.sel`,
      (rng.below(0x4000) << 2) | (free || unusable || type > 11 ? rng.below(4) : rng.below(segDpl + 1)),
    );
    put(
      `guest.${seg}.ar`,
      unusable
        ? 0x1_0000 | (rng.bits32() & 0xf0ff)
        : type | 0x90 | (segDpl << 5) | (granular ? 0x8000 : 0) | (rng.below(2) << 14),
    );
    put(`guest.${seg}.limit`, unusable ? rng.bits32() : limitOf(granular));
    if (seg === "fs" || seg === "gs") {
      const { lo, hi } = canonicalAddress(rng, core);
      put(`guest.${seg}.base`, lo, hi);
    } else put(`guest.${seg}.base`, rng.bits32(), unusable && rng.once(2) ? rng.bits32() : 0);
  }
  return dpl;
}

function putTables(rng: Random, put: Put, core: CoreGroup): void {
  for (const table of ["gdtr", "idtr"] as const) {
    const { lo, hi } = canonicalAddress(rng, core);
    put(`guest.${table}.base`, lo, hi);
    put(`guest.${table}.limit`, rng.below(0x1_0000));
  }
}

const WITH_ERROR_CODE = [8, 10, 11, 12, 13, 14, 17];
const WITHOUT_ERROR_CODE = [0, 1, 3, 4, 5, 6, 7, 9, 16, 18, 19];

function putNonRegister(
  rng: Random,
  put: Put,
  controls: Controls,
  mode: Mode,
  flags: Flags,
  ssDpl: number,
  core: CoreGroup,
  harness: Harness | undefined,
): void {
  const { on } = controls;
  const misc = (bit: number) => msrBit(msrOf(core, 0x485), bit) === "yes";
  const realMode = mode === "real";
  const leaves = harness === undefined || may1(core, "pin.PREEMPTION_TIMER");
  let activity = !leaves ? 0 : rng.once(6) && ssDpl === 0 && misc(6) ? 1 : rng.once(12) && misc(7) ? 2 : 0;
  if (harness === undefined && rng.once(24) && misc(8)) activity = 3;
  let blocking = activity === 0 ? rng.pick([0, 0, 0, 1, 2]) : 0;
  let blockedNmi = rng.once(4) ? 8 : 0;
  // What is injected: nothing most of the time.
  let event = 0;
  let errorCode = rng.bits32() & 0xffff;
  let length = rng.below(16);
  const kind =
    activity === 3 || rng.once(2)
      ? "none"
      : rng.pick(["interrupt", "nmi", "fault", "error", "software", "mtf"] as const);
  if (kind === "interrupt" && activity !== 2) {
    event = 0x8000_0000 | rng.below(256);
    flags.rflags |= 0x200;
    blocking = 0;
  } else if (kind === "nmi") {
    event = 0x8000_0202;
    blocking = 0;
    if (on("pin.VIRTUAL_NMIS")) blockedNmi = 0;
  } else if (kind === "fault" || kind === "error") {
    if (activity === 0 && kind === "error" && !realMode) event = 0x8000_0b00 | rng.pick(WITH_ERROR_CODE);
    else
      event = 0x8000_0300 | (activity === 2 ? 18 : activity === 1 ? rng.pick([1, 18]) : rng.pick(WITHOUT_ERROR_CODE));
  } else if (kind === "software" && activity === 0) {
    event = 0x8000_0000 | (rng.pick([4, 5, 6]) << 8) | rng.below(256);
    length = 1 + rng.below(15);
  } else if (kind === "mtf" && activity < 2 && may1(core, "proc.MONITOR_TRAP_FLAG")) {
    event = 0x8000_0700;
  }
  if (event === 0 && rng.once(2)) {
    event = rng.bits32() & 0x7fff_ffff;
    errorCode = rng.bits32();
    length = rng.bits32();
  }
  put("ctl.ev", event);
  put("ctl.ev_errcode", errorCode);
  put("ctl.ev_ilen", length);
  if (blocking === 1) flags.rflags |= 0x200;
  put("guest.rflags", flags.rflags);
  put("guest.activity", activity);
  put("guest.interruptibility", blocking | blockedNmi);
  const step = (flags.rflags & 0x100) !== 0 && (flags.debugctl & 2) === 0;
  const mustHaveStep = blocking !== 0 || activity === 1;
  const bs = mustHaveStep ? step : rng.once(2);
  put("guest.pending_dbg", (bs ? 0x4000 : 0) | (rng.once(3) ? rng.below(16) : 0) | (rng.once(3) ? 0x1000 : 0));
  if (harness !== undefined && rng.once(4)) {
    put("guest.link", on("proc2.SHADOW_VMCS") ? harness.linkShadowPage : harness.linkPage);
  } else put("guest.link", ONES.lo, ONES.hi);
}
