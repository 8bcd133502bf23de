import { lowerFirst } from "../../bits/first-letter.js";
import { shared, tri } from "../../bits/tri.js";
import { hasSvm, msrOf, showsVmx, vmxLockedOff, vmxLockedOn, vmxReadsZero } from "../../host/host.js";
import { formatMsr, knownValue, msrBit } from "../../host/msr.js";
import { rulesOf } from "../../kvm/load/rule-list.js";
import {
  type About,
  type Answer,
  foreignAnswer,
  isAtlas,
  isOn,
  isUnnamedCpu,
  outerName,
  type State,
  svmAnswer,
} from "./about.js";
import {
  EITHER_FIRMWARE,
  EITHER_IF_PHYSICAL,
  EVERY_CPU,
  FIRMWARE_IF_LOCKED,
  FIRMWARE_OFF,
  KERNEL_LOG,
  LOAD_IT,
  ONLY_CPU_READ,
  outerStep,
  READ_BOTH,
  READ_LOCK,
  TXT_OFF,
  WHOSE_CPU,
  WINDOWS,
} from "./next-steps.js";

/*
 * Is VT-x there and on.
 */

export function vmxAnswer(about: About): Answer {
  const { situation, joined, states, modelHasVmx } = about;
  const { host } = situation;
  const foreign = foreignAnswer(host);
  if (foreign !== undefined) return foreign;
  if (hasSvm(host)) return svmAnswer(host);
  if (joined.loads !== "yes" && showsVmx(host) === false && situation.read.cores.every(vmxLockedOn))
    return hiddenThoughOn(about);
  if (about.withoutVmx !== undefined && joined.loads !== "yes" && showsVmx(host) !== true && about.virtual !== true)
    return withoutAnswer(about.withoutVmx, showsVmx(host) === false);
  const { locks } = situation.read.observed ?? {};
  if (locks !== undefined && about.virtual !== true)
    return differs(locks.on === 0 ? "some of them and not on others" : `${locks.on} of them and not on ${locks.off}`);
  // Newer kernels can take the flag away for other reasons; without it none of them loads the module.
  const isGone = joined.loads === "no" && showsVmx(host) === false;
  const on = joined.loads === "yes" ? "yes" : isGone ? "no" : shared(states.map((state) => tri(isOn(state))));
  if (about.ofEither && on === "yes") {
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: "the message says nothing about VT-x, and is the same on an AMD CPU.",
      steps: [WHOSE_CPU, READ_BOTH],
    };
  }
  const lost = on === "no" ? undefined : flagLost(joined);
  if (lost !== undefined) {
    return { answer: "no", decidedBy: "firmware", says: `${lowerFirst(lost)}`, steps: [KERNEL_LOG, FIRMWARE_OFF] };
  }
  if (on === "yes") {
    const { observed, cores } = situation.read;
    if (joined.loads === "no" && cores.some(vmxLockedOn) && cores.some(vmxLockedOff))
      return differs("some of them and locked off on others");
    const fromLock = cores[0].cpuid.features.vmx === undefined && observed === undefined;
    if (fromLock && joined.loads !== "yes" && states.every(({ featCtl }) => featCtl === "on")) {
      return {
        answer: "yes",
        decidedBy: "firmware",
        says: "the firmware locked IA32_FEAT_CTL (0x3a) with VMX on, or the system did where the firmware had left it open; either must do so only on a CPU with VT-x.",
        steps: [],
      };
    }
    return {
      answer: "yes",
      decidedBy: "firmware",
      says: `VT-x is there and ${isAtlas(host) ? "the firmware is assumed to have it on" : "on"}.`,
      steps: [],
    };
  }
  if (on === "unknown") return openAnswer(about);
  const causes = new Set(states.map(causeOf));
  const featCtl = new Set(states.map((state) => state.featCtl));
  if (causes.size === 1 && causes.has("no vmx")) return hiddenAnswer(about, "CPUID shows no VMX");
  if (featCtl.size === 1 && featCtl.has("off"))
    return about.ofEither && about.virtual !== true ? foundOffAnswer(about) : firmwareAnswer(about);
  if (featCtl.size === 1 && featCtl.has("absent")) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `there is no IA32_FEAT_CTL, without which Linux does not use VT-x. ${outerName(about)} ${states.every(({ vmx }) => vmx) ? "passes VMX incompletely" : "passes no VT-x, or not all of it"}.`,
      steps: [outerStep(about.outer)],
    };
  }
  if (!causes.has("no vmx")) return foundOffAnswer(about);
  if (about.virtual === true) return hiddenAnswer(about, about.neither ? NEITHER : "Linux shows no `vmx`");
  if (about.neither) return neitherAnswer(about);
  if (modelHasVmx && about.virtual === false) {
    return {
      answer: "no",
      decidedBy: "firmware",
      says: "Linux shows no `vmx`. CPUs of this model have VT-x and this is not a virtual machine, so the firmware most likely has it off.",
      steps: [FIRMWARE_OFF, READ_BOTH],
    };
  }
  return {
    answer: "no",
    decidedBy: "firmware",
    says: modelHasVmx
      ? "Linux does not find VT-x switched on. CPUs of this model have it, so the firmware has it off, or a hypervisor below does not show it."
      : `Linux does not find VT-x switched on. Either the firmware has it off, or the CPU${about.virtual === false ? "" : " (or a hypervisor below)"} does not show it.`,
    steps: [READ_LOCK, FIRMWARE_IF_LOCKED],
  };
}

const NEITHER = "Linux shows neither `vmx` nor `svm`";

/** Whose CPU it is was not read. */
function neitherAnswer({ virtual }: About): Answer {
  return {
    answer: "no",
    decidedBy: "firmware",
    says: `${NEITHER}. The firmware has virtualization off (VT-x of Intel, SVM Mode of AMD), or the CPU${virtual === false ? " has none" : ", or a hypervisor below, does not show it"}.`,
    steps: [virtual === false ? EITHER_FIRMWARE : EITHER_IF_PHYSICAL, WHOSE_CPU],
  };
}

function withoutAnswer(name: string, isShown: boolean): Answer {
  return {
    answer: "no",
    decidedBy: "CPU",
    says: `${isShown ? "Linux shows no `vmx`, and this" : "this"} CPU (${name}) has no VT-x, by Intel's list of products: no setting of the firmware brings it.`,
    steps: [{ text: "Without VT-x, plain emulation is left, which is much slower.", commands: ["-accel tcg"] }],
  };
}

/** The firmware did its part, and Linux shows no vmx all the same: so CPUID does not have it. */
function hiddenThoughOn(about: About): Answer {
  const { virtual, outer, situation } = about;
  const value = formatMsr(msrOf(situation.read.cores[0], 0x3a));
  const who =
    virtual === true
      ? `${outerName(about)} does not pass VT-x in CPUID`
      : "A hypervisor below hides it, or clearcpuid= on the kernel command line does";
  return {
    answer: "no",
    decidedBy: virtual === true ? "outer hypervisor" : "CPU",
    says: `Linux shows no \`vmx\`, although IA32_FEAT_CTL (0x3a) reads ${value}, locked with VMX on: so CPUID shows Linux no VMX. ${who}.`,
    steps: virtual === false ? [] : [outerStep(outer)],
  };
}

/** KVM looks at every CPU that is online. */
const differs = (where: string): Answer => ({
  answer: "no",
  decidedBy: "firmware",
  says: `the CPUs differ: IA32_FEAT_CTL (0x3a) has VMX on on ${where}, and KVM needs it on all. The firmware did not set up every CPU.`,
  steps: [EVERY_CPU],
});

/** What the kernel says where it refused the module because X86_FEATURE_VMX is gone. */
function flagLost({ loads, each }: About["joined"]): string | undefined {
  const refusals = each.flatMap(({ cpu }) => cpu.refusals);
  if (loads !== "no" || refusals.length === 0) return undefined;
  const rules = refusals.map(({ rule }) => rulesOf(each[0].release, each[0].config).find(({ id }) => id === rule));
  const [first, ...others] = rules;
  const ofFlag = JSON.stringify({ not: { bit: ["caps", "VMX"] } });
  if (first === undefined || JSON.stringify(first.when) !== ofFlag || others.some((rule) => rule !== first))
    return undefined;
  return first.says;
}

/** For a machine that is not known to be a virtual one. */
export function firmwareHasItOff(virtual: About["virtual"]): string {
  return `The firmware has it off${virtual === false ? "" : "; in a virtual machine, the hypervisor below passes it incompletely"}.`;
}

/** CPUID has VMX, and Linux found it off: IA32_FEAT_CTL says so, or does not exist. */
function foundOffAnswer(about: About): Answer {
  if (about.ofEither && about.virtual !== true) {
    return {
      answer: "no",
      decidedBy: "firmware",
      says: "KVM found the CPU's virtualization switched off by the firmware: VT-x in IA32_FEAT_CTL on an Intel CPU, SVM in VM_CR on an AMD CPU. The message is the same for both.",
      steps: [EITHER_FIRMWARE, WHOSE_CPU],
    };
  }
  const found = "the CPU shows VT-x, and Linux found it switched off in IA32_FEAT_CTL.";
  return about.virtual === true
    ? {
        answer: "no",
        decidedBy: "outer hypervisor",
        says: `${found} This is a virtual machine: ${lowerFirst(outerName(about))} does not switch it on.`,
        steps: [outerStep(about.outer)],
      }
    : {
        answer: "no",
        decidedBy: "firmware",
        says: `${found} ${firmwareHasItOff(about.virtual)}`,
        steps: [FIRMWARE_OFF, READ_BOTH],
      };
}

function causeOf({ vmx, featCtl }: State): "no vmx" | "off" | "absent" {
  if (!vmx) return "no vmx";
  return featCtl === "absent" ? "absent" : "off";
}

function hiddenAnswer(about: About, what: string): Answer {
  if (about.outer === WINDOWS) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `${what} to this program, and a hypervisor runs below Windows. As a rule it is Windows' own (Hyper-V, WSL2, memory integrity): then VT-x is on, and kept for that. In a virtual machine, it is the one that does not pass VT-x.`,
      steps: [outerStep(about.outer)],
    };
  }
  if (about.isSaid) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says:
        about.outer === undefined
          ? `${what}. By the text this is a virtual machine: the hypervisor below then does not pass VT-x to it.`
          : `${what}. By the text this machine runs in ${about.outer}, which then does not pass VT-x to it.`,
      steps: [outerStep(about.outer)],
    };
  }
  if (about.virtual === true) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `${what}, and this is a virtual machine. ${outerName(about)} does not pass ${about.neither ? "VT-x or AMD-V" : "VT-x"} to it.`,
      steps: [outerStep(about.outer)],
    };
  }
  return {
    answer: "no",
    decidedBy: "CPU",
    says: about.ofEither
      ? "KVM found no virtualization in CPUID: no VT-x on an Intel CPU, no SVM on an AMD CPU; the message is the same for both. The CPU has none, or a hypervisor hides it."
      : about.neither
        ? `${NEITHER}. The CPU has neither VT-x nor AMD-V${about.virtual === false ? "" : ", or a hypervisor hides it"}.`
        : `${what}. The CPU has no VT-x${about.virtual === false ? "" : ", or a hypervisor hides it"}.`,
    steps: [...(about.ofEither ? [WHOSE_CPU] : []), ...(about.virtual === false ? [] : [outerStep(about.outer)])],
  };
}

function firmwareAnswer(about: About): Answer {
  const msr = msrOf(about.situation.host.cores[0], 0x3a);
  const value = knownValue(msr) !== undefined ? ` = ${formatMsr(msr)}` : "";
  const tboot = about.situation.machine?.tboot === true;
  const needed = tboot ? "VMX inside SMX (bit 1)" : "VMX outside SMX (bit 2)";
  const inside =
    !tboot && msrBit(msr, 1) === "yes" ? " Bit 1 (inside SMX) alone is on: that is for a measured launch only." : "";
  return about.virtual === true
    ? {
        answer: "no",
        decidedBy: "outer hypervisor",
        says: `IA32_FEAT_CTL (0x3a)${value} is locked with VMX off, in a virtual machine: ${lowerFirst(outerName(about))} does not pass VT-x.`,
        steps: [outerStep(about.outer)],
      }
    : {
        answer: "no",
        decidedBy: "firmware",
        says: `the firmware locked VT-x off: IA32_FEAT_CTL (0x3a)${value} has the lock (bit 0) at 1 and ${needed} at 0.${tboot ? " Booted through tboot, Linux looks at that bit." : inside}`,
        steps: [inside === "" ? FIRMWARE_OFF : TXT_OFF],
      };
}

function openAnswer(about: About): Answer {
  const {
    states,
    situation: { host },
  } = about;
  const vmx = shared(states.map((state) => tri(state.vmx)));
  if (states.every(({ featCtl }) => featCtl === "unlocked")) {
    const cpu = vmx === "yes" ? "the CPU has VT-x" : "whether CPUID shows VMX was not read";
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: `IA32_FEAT_CTL (0x3a) is not locked, so the firmware leaves it to the operating system to switch VT-x on, as Linux does; ${cpu}.`,
      steps: [LOAD_IT],
    };
  }
  if (about.virtual === true && vmx === "unknown") {
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: `this is a virtual machine, and whether ${lowerFirst(outerName(about))} passes VT-x to it was not read.`,
      steps: [READ_BOTH, outerStep(about.outer)],
    };
  }
  if (host.cores.every(vmxReadsZero)) return noneRead(about);
  const says =
    vmx === "yes"
      ? ONLY_CPU_READ
      : host.observed?.modules?.kvm_intel === false
        ? `kvm_intel is not loaded${isUnnamedCpu(host) && host.observed.modules.kvm_amd === false ? ", nor is kvm_amd" : ""}, and the reason was not read.`
        : "neither CPUID nor IA32_FEAT_CTL (0x3a) says that VT-x is on.";
  return {
    answer: "unknown",
    decidedBy: "nothing read",
    says,
    steps: host.observed?.modules?.kvm_intel === false ? [LOAD_IT, READ_BOTH] : [READ_BOTH],
  };
}

function noneRead(about: About): Answer {
  const says =
    "the registers of VMX read 0, and on every CPU with VMX some of their bits are 1: this machine has no such registers, and reading them failed.";
  return {
    answer: "no",
    decidedBy: about.outer === undefined ? "CPU" : "outer hypervisor",
    says: `${says} ${about.outer === undefined ? "The CPU has no VT-x, or a hypervisor below does not pass it" : `${outerName(about)} does not pass VT-x`}.`,
    steps: [outerStep(about.outer)],
  };
}

/** In the middle of a sentence; the name of a product keeps its capitals. */
