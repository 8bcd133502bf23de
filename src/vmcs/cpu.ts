import { type Tri, tri } from "../bits/tri.js";
import type { U64 } from "../bits/u64.js";
import { bitAt, orWords, type Word, word } from "../bits/word.js";
import { type CoreGroup, msrOf } from "../host/host.js";
import { isThere, type Msr, msrBit, msrWords, UNREAD } from "../host/msr.js";
import type { FactName, MemoryName, ReservedName } from "./checks/expr.js";
import type { Authority } from "./checks/outer.js";
import { CONTROL_WORDS, type ControlWordName } from "./fields/control-bits.js";
import { reservedBits } from "./reserved-bits.js";
import type { KnownFacts, Reported, Vmcs } from "./state.js";
import { known64, UNKNOWN64, type Value64, ZERO64 } from "./value64.js";

/** Facts that a caller knows besides what a `CoreGroup` holds. A member that is missing is not known. */
export interface AuditFacts extends KnownFacts {
  /** Reserved bits of a register on this CPU: 1 where a bit must be 0. */
  readonly reserved?: { readonly [R in ReservedName]?: U64 };
  /** What the failed VM entry reported; overrides what the dump itself says. */
  readonly reported?: Reported;
}

/** Something the audit assumed because nothing said otherwise. */
export interface Assumption {
  readonly fact: FactName | "tmeKeyBits";
  readonly value: string;
  /** One sentence: why. */
  readonly text: string;
}

/** The CPU as the evaluator sees it: every question has an answer, possibly unknown. */
export interface CpuView {
  readonly msr: (index: number) => Msr;
  readonly allowed: (name: ControlWordName, which: "must1" | "may1") => Value64;
  readonly fact: (name: FactName) => Tri;
  readonly memory: (name: MemoryName) => Value64;
  readonly reserved: (name: ReservedName) => Value64;
  /** Smallest and largest physical-address width that the facts leave open. */
  readonly physical: { readonly min: number; readonly max: number };
  /** Likewise for linear addresses. */
  readonly linear: { readonly min: number; readonly max: number };
  readonly assumptions: readonly Assumption[];
}

const EXIT_HOST_64 = 9;
const CR4_LA57 = 12;
const CR4_LAM_SUP = 28;
const CR4_FRED = 32;

/** Brings together what is known of the CPU: MSRs, CPUID facts, what the caller says, what the VMCS itself implies. */
export function cpuView(
  vmcs: Vmcs,
  core: CoreGroup | undefined,
  asked: AuditFacts & { readonly on?: Authority } = {},
): CpuView {
  const facts: AuditFacts = {
    ...vmcs.known,
    ...asked,
    state: { ...vmcs.known?.state, ...asked.state },
    memory: { ...vmcs.known?.memory, ...asked.memory },
  };
  const msr = (index: number): Msr => (core === undefined ? UNREAD : msrOf(core, index));
  const assumptions: Assumption[] = [];
  const state = new Map<FactName, Tri>();
  const given = facts.state ?? {};
  for (const name of Object.keys(given) as FactName[]) state.set(name, tri(given[name]));
  const settle = (name: FactName, value: Tri, text?: string) => {
    if (state.has(name) || value === "unknown") return;
    state.set(name, value);
    if (text !== undefined) assumptions.push({ fact: name, value, text });
  };

  const features = core?.cpuid.features ?? {};
  settle("nx", tri(features.nx));
  settle("sgx", tri(features.sgx));
  settle("fred", msrBit(msr(0x489), CR4_FRED));
  settle("lam", msrBit(msr(0x489), CR4_LAM_SUP));
  settle("anyErrorCode", msrBit(msr(0x480), 56));
  // The bit came with CET. Where the VMCS shows no CET and the CPU found the controls at fault, it is taken as 0.
  const reported = facts.reported ?? vmcs.reported;
  if (reported?.kind === "vmfail" && reported.error === 7 && !showsCet(vmcs)) {
    settle(
      "anyErrorCode",
      "no",
      "The CPU found a control at fault and the VMCS shows no sign of CET: IA32_VMX_BASIC bit 56 is taken as 0.",
    );
  }
  // The control "host address-space size" may be 1 exactly on CPUs with Intel 64 (SDM A.4 and 26.7.1).
  const exitMay1 = msr(0x483);
  if (isThere(exitMay1)) settle("intel64", msrBit(exitMay1, 32 + EXIT_HOST_64));
  if (core?.cpuid.linAddrBits !== undefined) settle("intel64", tri(core.cpuid.linAddrBits > 32));
  if (hostIs64(vmcs)) {
    settle(
      "longMode",
      "yes",
      "Host addresses above 4 GiB: the processor was in IA-32e mode when it tried the VM entry.",
    );
    settle("intel64", "yes", "Host addresses above 4 GiB: the processor has Intel 64.");
  }
  settle("inSmm", "no", "Nothing says that the VM entry was tried in system-management mode.");
  settle("smmReturn", "no");
  settle("cr4AsOffered", "no");
  // A 64-bit hypervisor comes back to the paging that it left, as a rule.
  const hostCr4 = vmcs.fields.get(0x6c04)?.lo;
  if (asked.on?.name === "kvm" && hostCr4 !== undefined)
    settle(
      "l1La57",
      bitAt(hostCr4, CR4_LA57),
      "The nested hypervisor is taken to enter with the paging of HOST_CR4: CR4.LA57 is the same now.",
    );
  settle("inSeam", "no", "Nothing says that the VM entry was tried in SEAM root mode.");
  if (state.get("vmlaunch") === "yes") settle("vmresume", "no");
  if (state.get("vmresume") === "yes") settle("vmlaunch", "no");

  const limited = msrBit(msr(0x480), 48);
  // Processors with Intel 64 always have 0 there (SDM A.1).
  const narrow = limited === "unknown" && state.get("intel64") === "yes" ? "no" : limited;
  const physical = physicalWidth(narrow, core, facts, assumptions);
  const la57 = features.la57 === undefined ? msrBit(msr(0x489), CR4_LA57) : tri(features.la57);
  const bits = core?.cpuid.linAddrBits;
  const linear =
    bits !== undefined && bits > 32
      ? { min: bits, max: bits }
      : { min: la57 === "yes" ? 57 : 48, max: la57 === "no" ? 48 : 57 };

  const allowedCache = allowedOf(core);
  const reservedCache = new Map<ReservedName, Value64>();
  const view: CpuView = {
    msr,
    allowed: (name, which) => {
      const words = allowedCache[which];
      let value = words.get(name);
      if (value === undefined) {
        value = allowedWord(msr, name, which);
        words.set(name, value);
      }
      return value;
    },
    fact: (name) => state.get(name) ?? "unknown",
    memory: (name) => {
      const value = facts.memory?.[name];
      return value === undefined ? UNKNOWN64 : known64(value);
    },
    reserved: (name) => {
      let value = reservedCache.get(name);
      if (value === undefined) {
        const own = facts.reserved?.[name];
        value = own === undefined ? reservedBits(name, view.fact, core?.cpuid) : known64(own);
        reservedCache.set(name, value);
      }
      return value;
    },
    physical,
    linear,
    assumptions,
  };
  return view;
}

type Allowed = { readonly [W in "must1" | "may1"]: Map<ControlWordName, Value64> };
/** A stream of dumps is of one CPU. */
const allowedByCore = new WeakMap<CoreGroup, Allowed>();

function allowedOf(core: CoreGroup | undefined): Allowed {
  let found = core === undefined ? undefined : allowedByCore.get(core);
  if (found === undefined) {
    found = { must1: new Map(), may1: new Map() };
    if (core !== undefined) allowedByCore.set(core, found);
  }
  return found;
}

/** Load CET state at entry (20) or exit (28), or CR4.CET (23) of guest or host. */
function showsCet(vmcs: Vmcs): boolean {
  const has = (encoding: number, bit: number) => {
    const word = vmcs.fields.get(encoding)?.lo;
    return word === undefined || (((word.value | word.unknown) >>> bit) & 1) === 1;
  };
  return has(0x4012, 20) || has(0x400c, 28) || has(0x6804, 23) || has(0x6c04, 23);
}

function hostIs64(vmcs: Vmcs): boolean {
  // RIP, TR, GDTR and IDTR base of the host.
  return [0x6c16, 0x6c0a, 0x6c0c, 0x6c0e].some((encoding) => (vmcs.fields.get(encoding)?.hi.value ?? 0) !== 0);
}

function physicalWidth(limited: Tri, core: CoreGroup | undefined, facts: AuditFacts, assumptions: Assumption[]) {
  if (limited === "yes") return { min: 32, max: 32 };
  const bits = core?.cpuid.physAddrBits;
  // Intel 64 has at most 52 physical-address bits; no CPU with VMX has fewer than 32.
  if (bits === undefined) return { min: 32, max: 52 };
  if (facts.tmeKeyBits === undefined) {
    assumptions.push({
      fact: "tmeKeyBits",
      value: "0",
      text: "IA32_TME_ACTIVATE was not given: no physical-address bit counts as a key identifier.",
    });
  }
  const max = bits - (facts.tmeKeyBits ?? 0);
  return { min: limited === "unknown" ? 32 : max, max };
}

/** Settings that the capability MSRs allow; the TRUE registers rule where IA32_VMX_BASIC bit 55 says so. */
function allowedWord(msr: (index: number) => Msr, name: ControlWordName, which: "must1" | "may1"): Value64 {
  const control = CONTROL_WORDS[name];
  const plain = msrWords(msr(control.msr));
  if (control.shape === "mask") {
    if (which === "must1") return ZERO64;
    return plain ?? ZERO64;
  }
  const half = (words: { readonly hi: Word; readonly lo: Word } | undefined): Value64 => {
    if (words === undefined) return ZERO64;
    return { lo: which === "must1" ? words.lo : words.hi, hi: word(0) };
  };
  if (control.trueMsr === undefined) return half(plain);
  const useTrue = msrBit(msr(0x480), 55);
  const own = msr(control.trueMsr);
  if (useTrue === "no") return half(plain);
  if (useTrue === "yes" && isThere(own)) return half(own);
  if (which === "may1" || plain === undefined) return half(plain);
  // The TRUE register was not read: it may let any default1 bit be 0, and demands nothing that the plain one does not.
  let open = 0;
  for (const bit of control.default1) open |= 1 << bit;
  return {
    lo: word(
      plain.lo.value & ~open,
      orWords(word(plain.lo.unknown), word(open & (plain.lo.value | plain.lo.unknown))).value,
    ),
    hi: word(0),
  };
}
