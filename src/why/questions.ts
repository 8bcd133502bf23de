import { and, shared, type Tri } from "../bits/tri.js";
import { bitsOf } from "../bits/word.js";
import { type Host, isSvmVendor, msrOf } from "../host/host.js";
import { formatMsr, type Msr, msrBit } from "../host/msr.js";
import { atlas } from "../input/atlas/atlas.js";
import { rulesOf } from "../kvm/load/rule-list.js";
import { isLoadedOn, type Replay } from "../kvm/replay.js";
import { foldName } from "../registers/edit-distance.js";
import { hexIndex } from "../registers/registers.js";
import type { Refusal } from "../rules/machine.js";
import type { Errno } from "../rules/rule.js";
import { bitName } from "../rules/words.js";
import { casesOf } from "../situation/kept-cases.js";
import { type Replays, replays } from "../situation/replays.js";
import { asSituation, type Situation } from "../situation/situation.js";
import type { FeatCtlCase, World } from "../situation/worlds.js";
import {
  COLLECT,
  FIND_PARAMETER,
  FIRMWARE_OFF,
  KERNEL_LOG,
  LOAD_IT,
  NESTED_ON,
  outerStep,
  READ_BOTH,
  SVM_MODULE,
} from "./next-steps.js";

/*
 * The three questions that come before every feature: is VT-x there and on, does KVM load, and do guests get VMX.
 */

/** The questions, with what people call what they ask about. */
export const QUESTIONS = {
  vmx: ["vmx", "vt-x", "vtx", "vt", "virtualization", "intel vt-x"],
  kvm: ["kvm", "kvm_intel", "/dev/kvm", "kvm-intel"],
  nested: ["nested", "nested virtualization", "nested vmx", "nested kvm"],
} as const;
export type Question = keyof typeof QUESTIONS;

/** Something to do, with commands to copy where there are any. */
export interface NextStep {
  readonly text: string;
  readonly commands?: readonly string[];
}

/** What decided. */
export type Decider = "CPU" | "firmware" | "outer hypervisor" | "kernel" | "parameter" | "vendor" | "nothing read";

export interface QuestionAnswer {
  readonly question: Question;
  readonly answer: Tri;
  readonly decidedBy: Decider;
  /** One or two sentences. */
  readonly says: string;
  /** What it rests on, one fact each. */
  readonly evidence: readonly string[];
  readonly steps: readonly NextStep[];
}

/** The question that a word asks, if it does. */
export function questionNamed(text: string): Question | undefined {
  const wanted = foldName(text);
  return (Object.keys(QUESTIONS) as Question[]).find((question) =>
    QUESTIONS[question].some((name) => foldName(name) === wanted),
  );
}

/**
 * Answers a question about a machine, a paste or a CPU: what decides, and the command that decides what is open. Throws
 * `RangeError` for what is neither a situation nor a host.
 */
export function answerTo(question: Question, subject: Situation | Host): QuestionAnswer {
  const situation = asSituation(subject);
  const joined = replays(situation);
  const about = aboutOf(situation, joined);
  const found = question === "vmx" ? vmxAnswer(about) : question === "kvm" ? kvmAnswer(about) : nestedAnswer(about);
  return { question, ...found, evidence: evidenceOf(about) };
}

type Answer = Omit<QuestionAnswer, "question" | "evidence">;

/** What one case makes of the three facts. */
type State = Pick<World, "vmx" | "featCtl"> & { readonly looksAtFeatCtl: boolean };

interface About {
  readonly situation: Situation;
  readonly joined: Replays;
  readonly states: readonly State[];
  /** It runs in a hypervisor; undefined when nothing says so or denies it. */
  readonly virtual: boolean | undefined;
  readonly outer: string | undefined;
  /** A CPU of the atlas has its signature, and VMX. */
  readonly modelHasVmx: boolean;
}

function aboutOf(situation: Situation, joined: Replays): About {
  const { host, candidates } = situation;
  const [boot] = host.cores;
  const open = candidates.flatMap(({ release }) => casesOf(situation).under(release));
  const outer = host.observed?.outer;
  const virtual = boot.cpuid.features.hypervisor ?? (outer === undefined ? undefined : true);
  return {
    situation,
    joined,
    states:
      open.length > 0
        ? open.map(({ vmx, featCtl, host: { vendor } }) => ({
            vmx,
            featCtl,
            looksAtFeatCtl: vendor !== "another vendor",
          }))
        : [knownState(host)],
    virtual,
    outer,
    modelHasVmx:
      boot.signature !== undefined &&
      atlas().some(({ signature, vendor }) => signature === boot.signature && !isSvmVendor(vendor)),
  };
}

function knownState(host: Host): State {
  const [boot] = host.cores;
  const msr = msrOf(boot, 0x3a);
  const off = msrBit(msr, 0) === "yes" && msrBit(msr, 2) === "no";
  const featCtl: FeatCtlCase =
    msr.state === "absent" ? "absent" : off ? "off" : msrBit(msr, 0) === "no" ? "unlocked" : "on";
  return { vmx: boot.cpuid.features.vmx !== false && !isSvmVendor(host.vendor), featCtl, looksAtFeatCtl: true };
}

const isOn = ({ vmx, featCtl, looksAtFeatCtl }: State) =>
  vmx && looksAtFeatCtl && (featCtl === "on" || featCtl === "unlocked");

const tri = (value: boolean): Tri => (value ? "yes" : "no");

// ---- Is VT-x there and on ----

function vmxAnswer(about: About): Answer {
  const { situation, joined, states, modelHasVmx } = about;
  const { host } = situation;
  if (isSvmVendor(host.vendor)) return svmAnswer(host);
  const on = joined.loads === "yes" ? "yes" : shared(states.map((state) => tri(isOn(state))));
  if (on === "yes") {
    return {
      answer: "yes",
      decidedBy: "firmware",
      says: `Yes: VT-x is there and ${isAtlas(host) ? "the firmware is assumed to have it on" : "on"}.`,
      steps: [],
    };
  }
  if (on === "unknown") return openAnswer(about);
  const causes = new Set(states.map(causeOf));
  const featCtl = new Set(states.map((state) => state.featCtl));
  if (causes.size === 1 && causes.has("no vmx")) return hiddenAnswer(about, "CPUID shows no VMX");
  if (featCtl.size === 1 && featCtl.has("off")) return firmwareAnswer(about);
  if (featCtl.size === 1 && featCtl.has("absent")) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `No: there is no IA32_FEAT_CTL, without which Linux does not use VT-x. ${outerName(about)} passes VMX incompletely.`,
      steps: [outerStep(about.outer)],
    };
  }
  if (!causes.has("no vmx")) return foundOffAnswer(about);
  if (about.virtual === true) return hiddenAnswer(about, "Linux shows no `vmx`");
  if (modelHasVmx && about.virtual === false) {
    return {
      answer: "no",
      decidedBy: "firmware",
      says: "No: Linux shows no `vmx`. CPUs of this model have VT-x and this is not a virtual machine, so the firmware most likely has it off.",
      steps: [FIRMWARE_OFF, READ_BOTH],
    };
  }
  return {
    answer: "no",
    decidedBy: "firmware",
    says: "No: Linux does not find VT-x switched on. Either the firmware has it off, or the CPU (or a hypervisor below) does not show it.",
    steps: [READ_BOTH, FIRMWARE_OFF],
  };
}

/** CPUID has VMX, and Linux found it off: in the register, or because there is none. */
function foundOffAnswer(about: About): Answer {
  const found = "No: the CPU shows VT-x, and Linux found it switched off in IA32_FEAT_CTL.";
  return about.virtual === true
    ? {
        answer: "no",
        decidedBy: "outer hypervisor",
        says: `${found} This is a virtual machine: ${outerName(about).toLowerCase()} does not switch it on.`,
        steps: [outerStep(about.outer)],
      }
    : {
        answer: "no",
        decidedBy: "firmware",
        says: `${found} The firmware has it off${about.virtual === false ? "" : "; in a virtual machine, the hypervisor below passes it incompletely"}.`,
        steps: [FIRMWARE_OFF, READ_BOTH],
      };
}

function causeOf({ vmx, featCtl }: State): "no vmx" | "off" | "absent" {
  if (!vmx) return "no vmx";
  return featCtl === "absent" ? "absent" : "off";
}

function svmAnswer({ name }: Host): Answer {
  return {
    answer: "no",
    decidedBy: "vendor",
    says: `No: this is an AMD CPU${name === undefined ? "" : ` (${name})`}. It has SVM instead of VMX, its module is kvm_amd, and vmxlens is about VMX.`,
    steps: [SVM_MODULE],
  };
}

function outerName({ outer }: About): string {
  return outer === undefined ? "The hypervisor below" : `The hypervisor below (${outer})`;
}

function hiddenAnswer(about: About, what: string): Answer {
  if (about.virtual === true) {
    return {
      answer: "no",
      decidedBy: "outer hypervisor",
      says: `No: ${what}, and this is a virtual machine. ${outerName(about)} does not pass VT-x to it.`,
      steps: [outerStep(about.outer)],
    };
  }
  return {
    answer: "no",
    decidedBy: "CPU",
    says: `No: ${what}. The CPU has no VT-x, or a hypervisor hides it.`,
    steps: about.virtual === false ? [] : [outerStep(about.outer)],
  };
}

function firmwareAnswer(about: About): Answer {
  const msr = msrOf(about.situation.host.cores[0], 0x3a);
  const value = msr.state === "value" && (msr.lo.unknown | msr.hi.unknown) === 0 ? ` = ${formatMsr(msr)}` : "";
  const inside = msrBit(msr, 1) === "yes" ? " Bit 1 (inside SMX) alone is on: that is for a measured launch only." : "";
  return about.virtual === true
    ? {
        answer: "no",
        decidedBy: "outer hypervisor",
        says: `No: IA32_FEAT_CTL (0x3a)${value} is locked with VMX off, in a virtual machine: ${outerName(about).toLowerCase()} does not pass VT-x.`,
        steps: [outerStep(about.outer)],
      }
    : {
        answer: "no",
        decidedBy: "firmware",
        says: `No: the firmware locked VT-x off: IA32_FEAT_CTL (0x3a)${value} has the lock (bit 0) at 1 and VMX outside SMX (bit 2) at 0.${inside}`,
        steps: [FIRMWARE_OFF],
      };
}

function openAnswer(about: About): Answer {
  const {
    states,
    situation: { host },
  } = about;
  const vmx = shared(states.map((state) => tri(state.vmx)));
  if (states.every(({ featCtl }) => featCtl === "on")) {
    return {
      answer: "yes",
      decidedBy: "firmware",
      says: "Yes: the firmware locked IA32_FEAT_CTL (0x3a) with VMX on, which it must do only on a CPU with VT-x.",
      steps: [],
    };
  }
  if (states.every(({ featCtl }) => featCtl === "unlocked")) {
    const cpu = vmx === "yes" ? "the CPU has VT-x" : "whether CPUID shows VMX was not read";
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: `Not known: IA32_FEAT_CTL (0x3a) is not locked, so the firmware leaves it to the operating system to switch VT-x on, as Linux does; ${cpu}.`,
      steps: [LOAD_IT],
    };
  }
  if (about.virtual === true && vmx === "unknown") {
    const outer = outerName(about);
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: `Not known: this is a virtual machine, and whether ${outer.charAt(0).toLowerCase()}${outer.slice(1)} passes VT-x to it was not read.`,
      steps: [READ_BOTH, outerStep(about.outer)],
    };
  }
  const says =
    vmx === "yes"
      ? "Not known: the CPU has VT-x, and whether the firmware has it on was not read."
      : host.observed?.modules?.kvm_intel === false
        ? "Not known: kvm_intel is not loaded, and why was not read."
        : "Not known: neither CPUID nor IA32_FEAT_CTL (0x3a) says that VT-x is on.";
  return {
    answer: "unknown",
    decidedBy: "nothing read",
    says,
    steps: host.observed?.modules?.kvm_intel === false ? [LOAD_IT, READ_BOTH] : [READ_BOTH],
  };
}

function isAtlas({ id }: Host): boolean {
  return id !== undefined && atlas().some((entry) => entry.id === id);
}

// ---- Does KVM load ----

function kvmAnswer(about: About): Answer {
  const { situation, joined } = about;
  const { host } = situation;
  const { loads } = joined;
  if (isSvmVendor(host.vendor)) return svmAnswer(host);
  if (loads === "yes") {
    const loaded = isLoadedOn(host);
    const missing = host.observed?.modules?.kvm_intel === false;
    return {
      answer: "yes",
      decidedBy: "kernel",
      says: loaded
        ? "Yes: kvm_intel is loaded."
        : missing
          ? "kvm_intel is not loaded, and nothing that was read would keep it from loading."
          : "Yes: kvm_intel loads.",
      steps: missing ? [LOAD_IT] : [],
    };
  }
  const vmx = vmxAnswer(about);
  if (loads === "no" && vmx.answer === "no") return { ...vmx, says: `${vmx.says} So kvm_intel does not load.` };
  if (loads === "no") return refusedAnswer(about);
  if (vmx.answer === "yes") {
    return {
      answer: "unknown",
      decidedBy: "nothing read",
      says: "VT-x is on; whether the CPU has every control that KVM requires was not read, and on a CPU with VT-x it nearly always does.",
      steps: [LOAD_IT],
    };
  }
  return vmx;
}

/** VT-x is on, or may be, and the kernel refuses. */
function refusedAnswer({ joined, virtual, outer }: About): Answer {
  const [replayed] = joined.each;
  const { error, cpu } = replayed;
  const reasons = [...new Set(cpu.refusals.map((one) => reasonOf(replayed, one)))];
  const errno = error === undefined ? "" : ` (-${error})`;
  const below = virtual === false ? [] : [outerStep(outer)];
  if (error === "EIO" && reasons.length > 1) {
    return {
      answer: "no",
      decidedBy: virtual === true ? "outer hypervisor" : "kernel",
      says: "No: the kernel refuses kvm_intel with EIO. VT-x was found and is on, and the CPU, or the hypervisor below, lacks something that KVM requires.",
      steps: [COLLECT, ...below],
    };
  }
  const [reason] = reasons;
  const why =
    reason === undefined
      ? (WITHOUT_RULE[error ?? ""]?.says ?? "The CPUs differ.")
      : reasons.length === 1
        ? `${reason.charAt(0).toUpperCase()}${reason.slice(1)}.`
        : `Possible causes: ${reasons.slice(0, 3).map(listed).join("; ")}${reasons.length > 3 ? `; and ${reasons.length - 3} more` : ""}.`;
  return {
    answer: "no",
    decidedBy: virtual === true ? "outer hypervisor" : "kernel",
    says: `No: the kernel refuses kvm_intel${errno}. ${why}`,
    steps: refusalSteps(error, reasons.length, below),
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
  return `(${at + 1}) ${/^[A-Z][a-z]/.test(reason) ? reason.charAt(0).toLowerCase() + reason.slice(1) : reason}`;
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

// ---- Do guests get VMX ----

function nestedAnswer(about: About): Answer {
  const { joined, situation } = about;
  const kvm = kvmAnswer(about);
  if (kvm.answer === "no") return kvm;
  const nested = joined.cpu.bit("params", "nested");
  const shown = situation.host.params?.kvm_intel?.nested;
  if (nested === "no") {
    const by = shown === undefined ? "kvm_intel.nested is off" : `kvm_intel.nested is ${shown} on this machine`;
    return { answer: "no", decidedBy: "parameter", says: `No: ${by}, so guests get no VMX.`, steps: [NESTED_ON] };
  }
  const answer = and(joined.loads, nested);
  if (answer === "yes") {
    return {
      answer,
      decidedBy: "parameter",
      says: "Yes: KVM offers guests VMX. A guest gets it where its CPU model has vmx (-cpu host, host-passthrough).",
      steps: [],
    };
  }
  const steps: NextStep[] = [
    { text: "See whether it is on.", commands: ["cat /sys/module/kvm_intel/parameters/nested"] },
  ];
  return nested === "yes" || shown !== undefined
    ? { ...kvm, answer: "unknown", steps: [...kvm.steps, ...steps] }
    : { answer: "unknown", decidedBy: "nothing read", says: "Not known: kvm_intel.nested was not read.", steps };
}

// ---- What it rests on ----

/** The value, or the bits that are known of it. */
function featCtlText(msr: Msr): string {
  const [lock, outside, inside] = [0, 2, 1].map((bit) => msrBit(msr, bit)) as [Tri, Tri, Tri];
  if (msr.state === "value" && (msr.lo.unknown | msr.hi.unknown) === 0) return formatMsr(msr);
  const bits = [
    ...(lock === "unknown" ? [] : [lock === "yes" ? "locked" : "not locked"]),
    ...(outside === "unknown" ? [] : [`VMX outside SMX ${outside === "yes" ? "on" : "off"}`]),
    ...(inside === "unknown" ? [] : [`inside SMX ${inside === "yes" ? "on" : "off"}`]),
  ];
  return bits.length === 0 ? "known in part" : bits.join(", ");
}

function evidenceOf({ situation, outer, virtual }: About): string[] {
  const { host } = situation;
  const [boot] = host.cores;
  const { observed, params } = host;
  const found: string[] = [];
  const msr = msrOf(boot, 0x3a);
  if (boot.signature !== undefined || host.name !== undefined) {
    const signature = boot.signature === undefined ? "" : `, signature ${hexIndex(boot.signature)}`;
    found.push(`CPU: ${host.name ?? "without a name"}${signature}`);
  }
  const flags = observed?.cpuFlags;
  if (flags !== undefined) found.push(`\`vmx\` ${flags.includes("vmx") ? "is" : "is not"} among the flags`);
  else if (observed?.vmx !== undefined) found.push(`Linux ${observed.vmx ? "shows" : "does not show"} \`vmx\``);
  const follows = msrOf(situation.read.cores[0], 0x3a).state === "value" ? "" : ", which follows from the rest";
  if (msr.state === "value") found.push(`IA32_FEAT_CTL (0x3a): ${featCtlText(msr)}${follows}`);
  if (msr.state === "absent") found.push("IA32_FEAT_CTL (0x3a) is absent");
  const names = observed?.vmxFlags?.length ?? 0;
  if (names > 0) {
    found.push(
      `the \`vmx flags\` line of /proc/cpuinfo, ${names} names: what the CPU allows, whatever KVM makes of it`,
    );
  }
  for (const message of observed?.messages ?? []) found.push(`log: ${message}`);
  if (observed?.loadError !== undefined) found.push(`the kernel refused kvm_intel with ${observed.loadError}`);
  const loaded = observed?.modules?.kvm_intel;
  if (loaded !== undefined) found.push(`lsmod: kvm_intel is ${loaded ? "" : "not "}loaded`);
  const shown = Object.entries(params?.kvm_intel ?? {}).filter(([name]) => ["nested", "ept"].includes(name));
  for (const [name, value] of shown) found.push(`kvm_intel.${name}: ${value}`);
  if (virtual === true) found.push(`it is a virtual machine${outer === undefined ? "" : ` (${outer})`}`);
  if (virtual === false) found.push("it is not a virtual machine");
  return found.slice(0, 12);
}
