import { lowerFirst, upperFirst } from "../../bits/first-letter.js";
import { and } from "../../bits/tri.js";
import { bitsOf } from "../../bits/word.js";
import { hasSvm, msrOf, vmxLockedOn } from "../../host/host.js";
import { formatMsr, msrBit } from "../../host/msr.js";
import { rulesOf } from "../../kvm/load/rule-list.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { isLoadedOn, type Replay } from "../../kvm/replay.js";
import { releaseOf } from "../../rules/held.js";
import type { Refusal } from "../../rules/machine.js";
import type { Errno } from "../../rules/rule.js";
import { bitName } from "../../rules/words.js";
import { casesOf } from "../../situation/kept.js";
import { type About, type Answer, foreignAnswer, svmAnswer } from "./about.js";
import type { NextStep } from "./answer.js";
import {
  COLLECT,
  FIND_PARAMETER,
  FIRMWARE_OFF,
  KERNEL_LOG,
  LOAD_IT,
  outerStep,
  READ_BOTH,
  RELOAD_WITH_NESTED,
  SEE_WHO_SETS_IT,
} from "./next-steps.js";
import { firmwareHasItOff, vmxAnswer } from "./vmx.js";

/*
 * Does KVM load, and do guests get VMX.
 */

export function kvmAnswer(about: About): Answer {
  const { situation, joined } = about;
  const { host } = situation;
  const { loads } = joined;
  const foreign = foreignAnswer(host);
  if (foreign !== undefined) return foreign;
  if (hasSvm(host)) return svmAnswer(host);
  if (loads === "yes") {
    const loaded = isLoadedOn(host);
    const missing = host.observed?.modules?.kvm_intel === false;
    return {
      answer: "yes",
      decidedBy: "kernel",
      says: loaded
        ? "kvm_intel is loaded."
        : missing
          ? "it is not loaded, and nothing that was read would keep it from loading."
          : "kvm_intel loads.",
      steps: missing ? [LOAD_IT] : [],
    };
  }
  const vmx = vmxAnswer(about);
  if (loads === "no" && vmx.answer === "no") {
    const module = about.ofEither || about.neither ? "neither kvm_intel nor kvm_amd loads" : "kvm_intel does not load";
    return { ...vmx, says: `${vmx.says} So ${module}.` };
  }
  if (loads === "no") return refusedAnswer(about);
  if (vmx.answer === "yes") {
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: `VT-x is on${situation.host.observed?.modules?.kvm_intel === false ? ", and kvm_intel is not loaded" : ""}; whether the CPU has every control that KVM requires was not read, and on a CPU with VT-x it nearly always does.`,
      steps: [LOAD_IT],
    };
  }
  return vmx;
}

/** VT-x is on, or may be, and the kernel refuses. */
function refusedAnswer(about: About): Answer {
  const { situation, joined, virtual, outer } = about;
  const { host } = situation;
  const [replayed] = joined.each;
  const { error, cpu } = replayed;
  const reasons = [...new Set(cpu.refusals.map((one) => reasonOf(replayed, one)))];
  const rule = casesOf(situation).refused?.message?.rule;
  const message = ruleOfMessage(situation, replayed);
  const errno = error === undefined ? "" : ` (-${error})`;
  const below = virtual === false ? [] : [outerStep(outer)];
  if (situation.read.cores.every(vmxLockedOn) && error === "EOPNOTSUPP") return refusedThoughOn(about, message, errno);
  if (message !== undefined && OF_FIRMWARE.has(rule ?? "") && virtual !== true) {
    return {
      answer: "no",
      decidedBy: "firmware",
      says: `the kernel refuses kvm_intel${errno}. ${message} ${firmwareHasItOff(virtual)}`,
      steps: [FIRMWARE_OFF, READ_BOTH, ...below],
    };
  }
  if (message !== undefined) {
    return {
      answer: "no",
      decidedBy: "kernel",
      says: `the kernel refuses kvm_intel${errno}. ${message}`,
      steps: [KERNEL_LOG, ...below],
    };
  }
  if (error === "EIO" && reasons.length > 1) {
    return {
      answer: "no",
      decidedBy: virtual === true ? "outer hypervisor" : "kernel",
      says: "the kernel refuses kvm_intel with EIO. VT-x was found and is on, and the CPU, or the hypervisor below, lacks something that KVM requires.",
      // VT-x is passed already.
      steps: [COLLECT, ...(below.length === 0 ? [] : [UPDATE_OUTER])],
    };
  }
  if (error === "EOPNOTSUPP" && reasons.length > 1) return notSupported(below, about);
  if (error === "EOPNOTSUPP" && virtual !== true && host.cores[0].cpuid.features.vmx === true) {
    return {
      answer: "no",
      decidedBy: "firmware",
      says: "the kernel refuses kvm_intel (-EOPNOTSUPP), and the CPU shows vmx: so the firmware has VT-x off in IA32_FEAT_CTL. Older kernels show the flag all the same.",
      steps: [FIRMWARE_OFF, READ_BOTH],
    };
  }
  const [reason] = reasons;
  const why =
    reason === undefined
      ? (WITHOUT_RULE[error ?? ""]?.says ??
        (error === "EOPNOTSUPP" && virtual === true
          ? "The CPU shows vmx, so the hypervisor below passes VT-x incompletely."
          : situation.read.cores.length > 1
            ? "The CPUs differ."
            : "It found no VT-x that is on."))
      : reasons.length === 1
        ? `${upperFirst(reason)}.`
        : `Possible causes: ${reasons.slice(0, 3).map(listed).join("; ")}${reasons.length > 3 ? `; and ${reasons.length - 3} more` : ""}.`;
  return {
    answer: "no",
    decidedBy: virtual === true ? "outer hypervisor" : "kernel",
    says: `the kernel refuses kvm_intel${errno}. ${why}`,
    steps: refusalSteps(error, reasons.length, below),
  };
}

/** The kernel refused, and what it mostly refuses for is not so. */
function refusedThoughOn({ situation, virtual, outer }: About, message: string | undefined, errno: string): Answer {
  const value = formatMsr(msrOf(situation.read.cores[0], 0x3a));
  const logged = situation.read.observed?.messages?.some((line) => SAYS_OFF.test(line)) === true;
  return {
    answer: "no",
    decidedBy: "kernel",
    says: logged
      ? `the kernel refused kvm_intel${errno}, as it found VT-x off, and IA32_FEAT_CTL (0x3a) reads ${value}: locked with VMX on. So the line is of a boot before the firmware's setting changed, or of one through tboot (TXT), which needs bit 1 as well.`
      : `the kernel refuses kvm_intel${errno}, and not for the firmware: IA32_FEAT_CTL (0x3a) reads ${value}, locked with VMX on. ${message ?? "CPUID shows Linux no VMX (a hypervisor below hides it), or NX is off."}`,
    steps: logged ? [LOAD_IT] : [KERNEL_LOG, READ_BOTH, ...(virtual === false ? [] : [outerStep(outer)])],
  };
}
/** A hypervisor that passes VT-x, and not all that KVM needs of it. */
const UPDATE_OUTER: NextStep = {
  text: "In a virtual machine, update the hypervisor below: what it passes of VT-x is too little for this kernel.",
};
const SAYS_OFF = /\bdisabled by bios\b|\bnot enabled \(by BIOS\)|\bnot fully enabled\b/i;

/** Rules that refuse because VMX is not on, on the CPU that looked. */
const OF_FIRMWARE: ReadonlySet<string> = new Set([
  "feat-ctl-locked",
  "disabled-by-bios",
  "not-enabled-in-feat-ctl",
  "not-fully-enabled",
]);

/** What the kernel that printed a message says why it refuses; undefined where only an error is known. */
function ruleOfMessage(situation: About["situation"], { release, config }: Replay): string | undefined {
  const message = casesOf(situation).refused?.message;
  if (message === undefined) return undefined;
  if (message.rule === undefined) return "The VMX controls of the CPUs differ.";
  return rulesOf(release, config).find(({ id }) => id === message.rule)?.says;
}

/** Refused for want of VT-x. */
function notSupported(below: readonly NextStep[], { situation, virtual, modelHasVmx: ofIntel }: About): Answer {
  const shown = situation.host.cores[0].cpuid.features.vmx === true;
  const unlocked = situation.read.cores.every((core) => msrBit(msrOf(core, 0x3a), 0) === "no");
  const found = "the kernel refuses kvm_intel (-EOPNOTSUPP): it found no VT-x";
  if (virtual === true)
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `${found} that is on, because the hypervisor below does not pass it.`,
      steps: [...below, KERNEL_LOG],
    };
  if (unlocked && !shown)
    return {
      answer: "no",
      decidedBy: "nothing read",
      says: `${found}. IA32_FEAT_CTL (0x3a) is not locked, so it is not the firmware that has it off: the CPU has none, or the hypervisor below a virtual machine does not pass it; rarely, NX is off.`,
      steps: [READ_BOTH, KERNEL_LOG, ...below],
    };
  return {
    answer: "no",
    decidedBy: "nothing read",
    says: shown
      ? "the kernel refuses kvm_intel (-EOPNOTSUPP), although the CPU shows vmx: nearly always the firmware has VT-x off (IA32_FEAT_CTL); rarely, NX is off."
      : `${found} that is on. Either the firmware has it off (IA32_FEAT_CTL), ${ofIntel ? "" : "or the CPU has none (AMD's module is kvm_amd), "}or the hypervisor below a virtual machine does not pass it; rarely, NX is off.`,
    steps: [...(shown ? [FIRMWARE_OFF] : []), READ_BOTH, KERNEL_LOG, ...below],
  };
}

/** What is wrong where an error alone is known, and no rule that can give it. */
const WITHOUT_RULE: { readonly [error: string]: { readonly says: string; readonly step: NextStep } } = {
  EINVAL: {
    says: "Most often that is a module parameter with a value that the kernel does not accept.",
    step: FIND_PARAMETER,
  },
  ERANGE: { says: "A module parameter has a number that is too large.", step: FIND_PARAMETER },
  ENOMEM: { says: "There was no memory for it.", step: KERNEL_LOG },
};

function refusalSteps(error: Errno | undefined, reasons: number, below: readonly NextStep[]): readonly NextStep[] {
  if (error === "EOPNOTSUPP") return [KERNEL_LOG, READ_BOTH, ...below];
  if (reasons === 0) return [WITHOUT_RULE[error ?? ""]?.step ?? KERNEL_LOG, ...(error === "EIO" ? below : [])];
  return reasons === 1 ? below : [KERNEL_LOG, ...below];
}

/** A reason behind its number: the first word without a capital, unless it is a name. */
function listed(reason: string, at: number): string {
  return `(${at + 1}) ${/^[A-Z][a-z]/.test(reason) ? lowerFirst(reason) : reason}`;
}

function reasonOf({ release, config }: Replay, { missing, rule, fn }: Refusal): string {
  if (missing !== undefined) {
    const names = bitsOf(missing.bits).map((bit) => bitName(missing.word, bit) ?? `bit ${bit}`);
    return names.length > 3
      ? "the CPU, or the hypervisor below, lacks a control that KVM requires"
      : `the CPU, or the hypervisor below, does not allow ${names.join(", ")}, which KVM requires`;
  }
  const row = rulesOf(release, config).find(({ id }) => id === rule);
  return row === undefined ? fn : row.says.replace(/\.$/, "");
}

export function nestedAnswer(about: About): Answer {
  const answer = nestedOf(about);
  const differing = about.situation.notApplied?.find(({ module, name }) => module === "kvm_intel" && name === "nested");
  if (differing === undefined) return answer;
  // What the module has decides the answer.
  const steps = differing.by === "kvm" ? answer.steps : [SEE_WHO_SETS_IT];
  return { ...answer, says: `${answer.says} But ${differing.text}.`, steps };
}

const SEE_NESTED: NextStep = {
  text: "See whether it is on.",
  commands: ["cat /sys/module/kvm_intel/parameters/nested"],
};
/** As the kernel reads a `bool`. */
const IS_OFF = /^(?:[0nN]|[oO][fF])/;
const TAKE_NESTED_OUT: NextStep = {
  text: "Take it out where it is set, or it comes back at the next start.",
  commands: ["grep -rs kvm_intel /etc/modprobe.d /proc/cmdline"],
};
const BY_DEFAULT = `KVM offers guests VMX: kvm_intel.nested was not read, and is on by default from Linux ${releaseOf(NOT_REPLAYED.nestedByDefault.held.since)} on.`;
const BEFORE_DEFAULT: Omit<Answer, "steps"> = {
  answer: "unknown",
  decidedBy: "nothing read",
  says: `kvm_intel.nested was not read, and before Linux ${releaseOf(NOT_REPLAYED.nestedByDefault.held.since)} it is off by default.`,
};

function nestedOf(about: About): Answer {
  const { joined, situation } = about;
  const kvm = kvmAnswer(about);
  if (kvm.answer === "no") return kvm;
  const shown = situation.host.params?.kvm_intel?.nested;
  // An older kernel is replayed as one that has it on by default.
  const asked = situation.params.kvm_intel?.nested ?? situation.host.paramsAsked?.kvm_intel?.nested;
  if (shown === undefined && asked === undefined && situation.kernel.basis === "older")
    return { ...BEFORE_DEFAULT, steps: [SEE_NESTED] };
  const nested = joined.cpu.bit("params", "nested");
  if (nested === "no") {
    const by = shown === undefined ? "kvm_intel.nested is off" : `kvm_intel.nested is ${shown} on this machine`;
    const off = situation.host.paramsAsked?.kvm_intel?.nested;
    const isAsked = off !== undefined && IS_OFF.test(off);
    return {
      answer: "no",
      decidedBy: "parameter",
      says: `${by}${isAsked ? `, as the kernel command line or modprobe.d asks for (nested=${off})` : ""}, so guests get no VMX.`,
      steps: isAsked ? [TAKE_NESTED_OUT, RELOAD_WITH_NESTED] : [RELOAD_WITH_NESTED],
    };
  }
  const answer = and(joined.loads, nested);
  if (answer === "yes") {
    return {
      answer,
      decidedBy: "parameter",
      says: `${shown === undefined && asked === undefined ? BY_DEFAULT : "KVM offers guests VMX."} A guest gets it where its CPU model has vmx (-cpu host, host-passthrough).`,
      steps: [],
    };
  }
  const steps: NextStep[] = [SEE_NESTED];
  return nested === "yes" || shown !== undefined
    ? { ...kvm, answer: "unknown", steps: [...kvm.steps, ...steps] }
    : { answer: "unknown", decidedBy: "nothing read", says: "kvm_intel.nested was not read.", steps };
}
