import { PARAMS } from "../../kvm/load/params.js";
import { VMX_FLAGS } from "../../linux/vmx-features.js";
import { hexIndex, type RegisterRow, registerOf } from "../../registers/registers.js";
import { BOOL_PARAMS, bitName, REPLAY_MSRS, type WordName } from "../../rules/words.js";

/*
 * Bits of the replay's words as people write them, and the statement that such a bit is 1 or 0.
 */

/** A statement and its opposite. */
export interface Statement {
  readonly yes: string;
  readonly no: string;
}

/** Words that hold what a register says, as `IA32_VMX_PROCBASED_CTLS2.hi`. */
function registerOfWord(word: WordName): { readonly index: number; readonly high: boolean } | undefined {
  const dot = word.lastIndexOf(".");
  const index = (REPLAY_MSRS as { readonly [name: string]: number })[word.slice(0, dot)];
  return dot < 0 || index === undefined ? undefined : { index, high: word.endsWith(".hi") };
}

/** `IA32_VMX_MISC (0x485)` */
export function registerText(index: number): string {
  const row = registerOf(index);
  const name = row?.sdm ?? Object.entries(REPLAY_MSRS).find(([, other]) => other === index)?.[0];
  return name === undefined ? hexIndex(index) : `${name} (${hexIndex(index)})`;
}

/** `secondary control 22 (mode-based execute control)` or `bit 14 (name)`. */
export function registerBitName(register: RegisterRow, bit: number): string {
  const controls = register.layout === "controls";
  const number = controls ? bit & 31 : bit;
  const row = register.bits.find((candidate) => candidate.bit === number);
  const name = row === undefined ? "no public name" : register.layout === "fixed1" ? row.key : row.sdm;
  return `${controls || register.layout === "allowed1" ? "control" : "bit"} ${number} (${name})`;
}

/** Words of KVM whose bits are the bits of a register, for those without a table of names of their own. */
const FACTS: { readonly [name: string]: Statement } = {
  feat_ctl_vendor: {
    yes: "the vendor is one whose kernel code looks at IA32_FEAT_CTL (GenuineIntel, CentaurHauls, Shanghai)",
    no: "the vendor is not one whose kernel code looks at IA32_FEAT_CTL (GenuineIntel, CentaurHauls, Shanghai)",
  },
  intel: { yes: "the vendor is GenuineIntel", no: "the vendor is not GenuineIntel" },
  tboot: { yes: "the machine was booted through tboot", no: "the machine was not booted through tboot" },
  pmu: { yes: "the host has an architectural PMU", no: "the host has no architectural PMU" },
  irq_posting: {
    yes: "interrupt remapping can post interrupts",
    no: "interrupt remapping cannot post interrupts",
  },
  evmcs: {
    yes: "the machine runs on a Hyper-V that recommends the enlightened VMCS",
    no: "the machine does not run on a Hyper-V that recommends the enlightened VMCS",
  },
  mediated_pmu: { yes: "perf offers a mediated PMU", no: "perf offers no mediated PMU" },
  vmx_on_every_cpu: { yes: "VMX is usable on every CPU", no: "VMX is not usable on every CPU" },
  tdx_host: { yes: "the TDX module is present", no: "the TDX module is not present" },
  perf_global_ctrl_erratum: {
    yes: "the model has the IA32_PERF_GLOBAL_CTRL erratum",
    no: "the model does not have the IA32_PERF_GLOBAL_CTRL erratum",
  },
  broken_preemption_timer: {
    yes: "the signature is on KVM's list of broken preemption timers",
    no: "the signature is not on KVM's list of broken preemption timers",
  },
};

const WANTS: { readonly [name: string]: Statement } = {
  vmx: { yes: "the kernel wants VMX", no: "the kernel does not want VMX" },
  sgx_kvm: { yes: "the kernel wants SGX for guests", no: "the kernel does not want SGX for guests" },
  sgx_driver: { yes: "the SGX driver is wanted", no: "the SGX driver is not wanted" },
  write_feat_ctl: { yes: "the kernel writes IA32_FEAT_CTL", no: "the kernel does not write IA32_FEAT_CTL" },
};

/** `kvm_intel.ept` */
export function qualifiedParam(name: string): string {
  return `${PARAMS.find((row) => row.name === name)?.module ?? "kvm_intel"}.${name}`;
}

/** What it means that a bit of a word is 1, and that it is 0. */
export function bitStatement(word: WordName, bit: number): Statement {
  const register = registerOfWord(word);
  if (register !== undefined) return registerStatement(register.index, register.high ? bit + 32 : bit);
  const name = bitName(word, bit);
  switch (word) {
    case "machine":
      return FACTS[name ?? ""] ?? has(word, name, bit);
    case "want":
      return WANTS[name ?? ""] ?? has(word, name, bit);
    case "cpu_has":
      if (name === "cpuid_sgx") return { yes: "CPUID.12H says SGX1", no: "CPUID.12H does not say SGX1" };
      return { yes: `CPUID has ${name}`, no: `CPUID does not have ${name}` };
    case "caps":
      return { yes: `X86_FEATURE_${name} is set`, no: `X86_FEATURE_${name} is not set` };
    case "params": {
      const param = qualifiedParam(BOOL_PARAMS[bit] ?? String(bit));
      return { yes: `${param} is on`, no: `${param} is off` };
    }
    case "reached":
      return { yes: `${name} runs`, no: `${name} does not run` };
    case "inconsistent":
      return { yes: "an entry/exit pair is inconsistent", no: "no entry/exit pair is inconsistent" };
    default:
      return has(word, name ?? flagName(word, bit), bit);
  }
}

function has(word: string, name: string | undefined, bit: number): Statement {
  const what = name ?? `bit ${bit}`;
  return { yes: `${word} has ${what}`, no: `${word} lacks ${what}` };
}

function flagName(word: string, bit: number): string | undefined {
  const index = /^vmx_capability\[(\d)\]$/.exec(word)?.[1];
  return VMX_FLAGS.find((row) => String(row.word) === index && row.bit === bit)?.flag;
}

/** `bit` counts in the 64-bit MSR. */
function registerStatement(index: number, bit: number): Statement {
  const row = registerOf(index);
  const where = `${registerText(index)} bit ${bit}`;
  if (row === undefined) return { yes: `${where} is 1`, no: `${where} is 0` };
  if (row.layout === "controls") {
    const control = registerBitName(row, bit);
    return bit < 32
      ? { yes: `${where} is 1: ${control} must be 1`, no: `${where} is 0: ${control} may be 0` }
      : { yes: `${where} is 1: ${control} may be 1`, no: `${where} is 0: ${control} must be 0` };
  }
  const name = row.bits.find((candidate) => candidate.bit === bit)?.sdm;
  const suffix = name === undefined ? "" : ` (${name})`;
  return { yes: `${where}${suffix} is 1`, no: `${where}${suffix} is 0` };
}
