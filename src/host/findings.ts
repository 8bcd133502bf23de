import { REGISTERS, type RegisterRow, registerOf } from "../registers/registers.js";
import { basicField, hypervisorOfRevision } from "./below.js";
import { checkHost } from "./check-host.js";
import { existenceText, registerExists } from "./existence.js";
import { bitsWhere, type Finding, finding, nameOf, range } from "./finding.js";
import { CR4_FEATURES, type FindingId } from "./finding-kinds.js";
import { type CoreGroup, type Host, msrOf } from "./host.js";
import { formatMsr, isThere, knownValue, type Msr, msrBit } from "./msr.js";
import { capsWithoutControl, pairs, registerFindings } from "./register-findings.js";

const BASIC = 0x480;
const CR4_FIXED1 = 0x489;
const DUAL_MONITOR = 49;

/**
 * Checks whether the values of a host can be those of real processors. A finding rests only on what is known: an unread
 * register or an unknown bit never gives one.
 */
export function findings(host: Host): Finding[] {
  checkHost(host);
  const perCore = host.cores.flatMap((core, index) =>
    coreFindings(core, host.vendor).map((found) => ({ ...found, core: index })),
  );
  return [...perCore, ...disagreements(host)];
}

/**
 * The findings about one core. `vendor` is the CPUID vendor string where known.
 *
 * @internal
 */
export function coreFindings(core: CoreGroup, vendor?: string): Finding[] {
  return [
    ...REGISTERS.flatMap((register: RegisterRow) => registerFindings(core, register)),
    ...presence(core),
    ...basicFindings(core),
    ...capsWithoutControl(core),
    ...pairs(core),
    ...cr4Findings(core),
    ...marks(core, vendor),
  ];
}

/** Registers that are there or not there against the bit that says so. */
function presence(core: CoreGroup): Finding[] {
  const found: Finding[] = [];
  if (core.cpuid.features.vmx === false) {
    const read = REGISTERS.filter(({ index, exists }) => exists === "vmx" && isThere(msrOf(core, index)));
    if (read.length > 0) {
      const text = `${read.length} VMX registers can be read though VMX is not among the CPU's features: a hypervisor, or a kernel that took the flag away because firmware disabled VMX`;
      found.push(finding("vmx-not-in-cpuid", text));
    }
  }
  for (const register of REGISTERS as readonly RegisterRow[]) {
    const { index, sdm } = register;
    const msr = msrOf(core, index);
    const exists = registerExists(core, index);
    if (msr.state === "absent" && exists === "yes") {
      found.push(
        finding("msr-missing", `${sdm} cannot be read, though ${existenceText(register)} says that it exists`, {
          msr: index,
        }),
      );
    }
    if (exists === "no" && isThere(msr)) {
      const id = unexpected(msr);
      const text = `${sdm} reads ${formatMsr(msr)}, though by ${existenceText(register)} it does not exist`;
      if (id !== undefined) found.push(finding(id, text, { msr: index }));
    }
  }
  return found;
}

function basicFindings(core: CoreGroup): Finding[] {
  const basic = msrOf(core, BASIC);
  const found: Finding[] = [];
  if (!isThere(basic)) return found;
  const size = basicField(basic, "REGION_SIZE");
  if (size !== undefined && (size === 0 || size > 4096)) {
    const text = `The VMCS region size is ${size} bytes; it must be 1 to 4096`;
    found.push(finding("region-size", text, { msr: BASIC, bits: range(32, 44) }));
  }
  const type = basicField(basic, "MEMORY_TYPE");
  if (type !== undefined && type !== 6) {
    const id = type === 0 ? "memory-type-uncacheable" : "memory-type";
    const text = `The memory type for the VMCS is ${type}${type === 0 ? " (uncacheable)" : ""}, not 6 (write-back)`;
    found.push(finding(id, text, { msr: BASIC, bits: range(50, 53) }));
  }
  if (msrBit(basic, 31) === "yes") {
    found.push(
      finding("revision-bit31", "Bit 31 of IA32_VMX_BASIC, above the revision identifier, is 1", {
        msr: BASIC,
        bits: [31],
      }),
    );
  }
  return found;
}

function cr4Findings(core: CoreGroup): Finding[] {
  const fixed1 = msrOf(core, CR4_FIXED1);
  if (!isThere(fixed1)) return [];
  return CR4_FEATURES.flatMap(({ bit, features }) => {
    const facts = features.map((feature) => core.cpuid.features[feature]);
    const has = facts.includes(true) ? "yes" : facts.includes(undefined) ? "unknown" : "no";
    const allowed = msrBit(fixed1, bit);
    const names = features.join(" or ");
    const where = `IA32_VMX_CR4_FIXED1 bit ${bit}${nameOf(registerOf(CR4_FIXED1), bit)}`;
    const rest = { msr: CR4_FIXED1, bits: [bit] };
    if (has === "yes" && allowed === "no") {
      return [finding("cr4-fixed1-lacks-feature", `${where} is 0, though the CPU has ${names}`, rest)];
    }
    if (has === "no" && allowed === "yes") {
      return [finding("cr4-fixed1-beyond-cpuid", `${where} is 1, though the CPU does not show ${names}`, rest)];
    }
    return [];
  });
}

/** Signs that the values come from a hypervisor or an emulator and not from a processor. */
function marks(core: CoreGroup, vendor: string | undefined): Finding[] {
  const basic = msrOf(core, BASIC);
  const found: Finding[] = [];
  const mark = hypervisorOfRevision(core);
  if (mark !== undefined) {
    const with_ = mark.size === undefined ? "" : ` with a region size of ${mark.size}`;
    const text = `VMCS revision 0x${mark.revision.toString(16)}${with_} is that of ${mark.name}: these are its values, not the processor's`;
    found.push(finding("hypervisor-below", text, { msr: BASIC, bits: range(0, 30) }, mark.source));
  }
  if (core.cpuid.features.hypervisor === true) {
    const text = "CPUID.1:ECX bit 31 is set: the system runs under a hypervisor, whose values these may be";
    found.push(
      finding("hypervisor-below", text, {}, "Linux X86_FEATURE_HYPERVISOR; CPUID bit reserved for hypervisors"),
    );
  }
  const named = found.some(({ msr }) => msr === BASIC);
  if (!named && vendor === "GenuineIntel" && isThere(basic) && msrBit(basic, DUAL_MONITOR) === "no") {
    const text =
      "IA32_VMX_BASIC bit 49 (dual-monitor treatment) is 0, which no Intel processor of the atlas shows and hypervisors do";
    found.push(
      finding("hypervisor-below", text, { msr: BASIC, bits: [DUAL_MONITOR] }, "values of the atlas (InstLatx64)"),
    );
  }
  return found;
}

/** Registers in which the groups of cores of one host are known to differ, one finding for each register. */
function disagreements(host: Host): Finding[] {
  const [first, ...others] = host.cores;
  return REGISTERS.flatMap((register: RegisterRow) => {
    const { index } = register;
    const msr = msrOf(first, index);
    const unlike = others.map((core) => differingBits(msr, msrOf(core, index)));
    if (unlike.every((bits) => bits === undefined)) return [];
    const bits = [...new Set(unlike.flatMap((found) => found ?? []))].sort((a, b) => a - b);
    const values = host.cores.map((core, at) => `${coreName(core, at)}: ${formatMsr(msrOf(core, index))}`);
    const which = bits.length > 0 ? ` (${bits.map((bit) => describeMsrBit(register, bit)).join(", ")})` : "";
    const text = `Cores disagree on ${register.sdm}${which}; ${values.join(", ")}`;
    return [finding("cores-disagree", text, { msr: index, bits })];
  });
}

/** Bits known to differ; `undefined` when nothing is. A value against no register at all differs in no bit. */
function differingBits(a: Msr, b: Msr): number[] | undefined {
  if (a.state === "unknown" || b.state === "unknown") return undefined;
  if (a.state === "absent" || b.state === "absent") return isThere(a) || isThere(b) ? [] : undefined;
  const bits = bitsWhere(64, (bit) => {
    const [one, other] = [msrBit(a, bit), msrBit(b, bit)];
    return one !== "unknown" && other !== "unknown" && one !== other;
  });
  return bits.length > 0 ? bits : undefined;
}

function coreName(core: CoreGroup, index: number): string {
  const types = core.coreTypes.length > 0 ? `${core.coreTypes.join(" and ")}-cores` : `core group ${index}`;
  return core.logicalCpus === undefined ? types : `${types} (CPU ${core.logicalCpus})`;
}

/** `bit 62, control 30 may be 1 (VMM bus-lock detection)` or `bit 54 (name)`. */
function describeMsrBit(register: RegisterRow, bit: number): string {
  if (register.layout !== "controls") return `bit ${bit}${nameOf(register, bit)}`;
  const word = bit < 32 ? "must be 1" : "may be 1";
  return `bit ${bit}: control ${bit & 31}${nameOf(register, bit & 31)} ${word}`;
}

/** How remarkable a reading of a register is that should not exist; `undefined` when it may be 0 and may not. */
function unexpected(msr: Msr): FindingId | undefined {
  if (bitsWhere(64, (bit) => msrBit(msr, bit) === "yes").length > 0) return "msr-unexpected";
  return knownValue(msr) === undefined ? undefined : "msr-unexpected-zero";
}
