import { belowOf } from "../../host/below.js";
import { type Host, isSvmVendor, msrOf, vmxLockedOff } from "../../host/host.js";
import { msrBit } from "../../host/msr.js";
import { hasNoVmx } from "../../host/without-vmx.js";
import { atlas } from "../../input/atlas/atlas.js";
import { casesOf } from "../../situation/kept.js";
import type { Replays } from "../../situation/replays.js";
import type { Situation } from "../../situation/situation.js";
import type { FeatCtlCase, World } from "../../situation/worlds.js";
import type { QuestionAnswer } from "./answer.js";
import { PASS_SVM, SVM_IN_FIRMWARE, SVM_MODULE } from "./next-steps.js";

/** An answer before it has the word that it begins with: `says` begins with a small letter. */
export type Answer = Omit<QuestionAnswer, "question" | "evidence">;

/** What one case makes of the three facts. */
export type State = Pick<World, "vmx" | "featCtl"> & { readonly looksAtFeatCtl: boolean };

export interface About {
  readonly situation: Situation;
  readonly joined: Replays;
  readonly states: readonly State[];
  /** It runs in a hypervisor; undefined when nothing says so or denies it. */
  readonly virtual: boolean | undefined;
  readonly outer: string | undefined;
  /** Only prose says that it is a virtual machine, or runs in `outer`. */
  readonly isSaid: boolean;
  /** All that is known are words that kvm.ko printed for the module of either vendor. */
  readonly ofEither: boolean;
  /** Linux shows neither `vmx` nor `svm`, and nothing says whose CPU it is. */
  readonly neither: boolean;
  /** A CPU of the atlas has its signature, and VMX; or the CPU is of a line whose members all have it. */
  readonly modelHasVmx: boolean;
  /** The name of the CPU, where none of its model has VT-x. */
  readonly withoutVmx: string | undefined;
}

/** What the prose around the values says about the machine, and no value shows. */
export interface SaidOfMachine {
  /** The hypervisor or cloud that it runs in. */
  readonly outer?: string;
  /** The cloud or product that rents out machines of the hypervisor `shown`. */
  readonly product?: (shown: string) => string | undefined;
  /** The one CPU of a line without VT-x that it names, with the words before the number. */
  readonly cpuName?: () => string | undefined;
  /** The one CPU that it names, where that is of a line of Intel's that has VT-x. */
  readonly intelCpu?: () => string | undefined;
  /** That it speaks of Intel's CPUs, of VT-x or of kvm_intel, and not of AMD's beside them. */
  readonly isOfIntel?: () => boolean;
  /** That it shows devices or modules that only machines with Intel's CPUs have. */
  readonly showsIntel?: () => boolean;
  /** That it is a virtual machine, of whatever hypervisor. */
  readonly isVirtual?: true;
  /** That all of it comes from one machine, as the prompts show that have the name of a host. */
  readonly isOneMachine?: () => boolean;
}

export function aboutOf(situation: Situation, joined: Replays, said?: SaidOfMachine): About {
  const { host, candidates } = situation;
  const [boot] = host.cores;
  const open = candidates.flatMap(({ release }) => casesOf(situation).under(release));
  const { name: shown } = belowOf(host);
  const says = said?.outer !== undefined || said?.isVirtual === true;
  const isSaid = shown === undefined && says && boot.cpuid.features.hypervisor !== false;
  const outer = isSaid ? said?.outer : shown === undefined ? undefined : (said?.product?.(shown) ?? shown);
  const virtual = boot.cpuid.features.hypervisor ?? (outer === undefined && !isSaid ? undefined : true);
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
    isSaid,
    ofEither: isOfEither(situation.read) && said?.intelCpu?.() === undefined && said?.showsIntel?.() !== true,
    neither: showsNeither(situation.read) && said?.intelCpu?.() === undefined && said?.isOfIntel?.() !== true,
    withoutVmx: [host.name, said?.cpuName?.()].find((name) => name !== undefined && hasNoVmx(name)),
    modelHasVmx:
      ALWAYS_VMX.test(host.name ?? "") ||
      (host.name === undefined && said?.intelCpu?.() !== undefined) ||
      (boot.signature !== undefined &&
        atlas().some(({ signature, vendor }) => signature === boot.signature && !isSvmVendor(vendor))),
  };
}

/** Lines of CPUs without a member that lacks VT-x (ark.intel.com), as the brand string names them. */
const ALWAYS_VMX =
  /\b(?:i[3579][ -]\d{3,5}|Core\(TM\) Ultra \d|Xeon\(R\) (?:CPU )?(?:E[357]-\d{4}|Bronze|Silver|Gold|Platinum))/;

/** kvm.ko prints these, or older kernels print them without the module's name. */
const OF_EITHER =
  /^kvm: (?:disabled by bios|no hardware support|NX \(Execute Disable\) not supported|host PAT\[0\] is not WB)$/;

/** Neither a vendor nor a name nor a signature says whose CPU it is. */
export const isUnnamedCpu = ({ vendor, name, cores: [boot] }: Host): boolean =>
  vendor === undefined && name === undefined && boot.signature === undefined;

function isOfEither(host: Host): boolean {
  const { observed, params } = host;
  const messages = observed?.messages ?? [];
  return (
    isUnnamedCpu(host) &&
    // Only Intel's CPUs have it.
    msrOf(host.cores[0], 0x3a).state !== "value" &&
    messages.length > 0 &&
    messages.every((message) => OF_EITHER.test(message.trim())) &&
    observed?.loadError === undefined &&
    observed?.vmx !== true &&
    observed?.cpuFlags === undefined &&
    params?.kvm_intel === undefined
  );
}

function showsNeither(host: Host): boolean {
  const { observed, params } = host;
  return (
    isUnnamedCpu(host) &&
    host.cores[0].msrs.size === 0 &&
    observed?.vmx === false &&
    observed.svm === false &&
    observed.cpuFlags === undefined &&
    observed.loadError === undefined &&
    observed.modules?.kvm_intel !== true &&
    params?.kvm_intel === undefined &&
    (observed.messages ?? []).every((message) => OF_EITHER.test(message.trim()) || /'kvm_amd'/.test(message))
  );
}

function knownState(host: Host): State {
  const [boot] = host.cores;
  const msr = msrOf(boot, 0x3a);
  const off = vmxLockedOff(boot);
  const featCtl: FeatCtlCase =
    msr.state === "absent" ? "absent" : off ? "off" : msrBit(msr, 0) === "no" ? "unlocked" : "on";
  return { vmx: boot.cpuid.features.vmx !== false && !isSvmVendor(host.vendor), featCtl, looksAtFeatCtl: true };
}

export const isOn = ({ vmx, featCtl, looksAtFeatCtl }: State) =>
  vmx && looksAtFeatCtl && (featCtl === "on" || featCtl === "unlocked");

/** Machines that are not x86, and how KVM works on them. */
const FOREIGN: readonly (readonly [arch: RegExp, name: string, command: string])[] = [
  [/^(?:aarch64|arm)/, "an ARM machine", "sudo dmesg | grep -i kvm; ls -l /dev/kvm"],
  [/^ppc/, "a POWER machine", "sudo modprobe kvm_hv; sudo dmesg | grep -i kvm"],
  [/^s390/, "an IBM Z machine", "grep -m1 -ow sie /proc/cpuinfo; sudo modprobe kvm"],
  [/^riscv/, "a RISC-V machine", "grep -m1 isa /proc/cpuinfo; sudo modprobe kvm"],
];

/** The answer for a machine that is not x86; undefined for one that is. */
export function foreignAnswer({ observed }: Host): Answer | undefined {
  const arch = observed?.arch;
  if (arch === undefined) return undefined;
  const found = FOREIGN.find(([pattern]) => pattern.test(arch));
  const what = found === undefined ? `a machine of ${arch}` : `${found[1]} (${arch})`;
  return {
    answer: "no",
    decidedBy: "vendor",
    says: `this is ${what}. VMX and kvm_intel exist on x86 only; this architecture has a KVM of its own, and vmxlens is about VMX.`,
    steps: found === undefined ? [] : [{ text: "Read what the kernel says about KVM.", commands: [found[2]] }],
  };
}

export function svmAnswer(host: Host): Answer {
  const { name, vendor, observed } = host;
  if (vendor === undefined && observed?.modules?.kvm_amd === true) {
    return {
      answer: "no",
      decidedBy: "vendor",
      says: "kvm_amd is loaded, so this is an AMD CPU. It has SVM instead of VMX, and KVM uses that; vmxlens is about VMX.",
      steps: [],
    };
  }
  const { virtual } = belowOf(host);
  if (virtual === true && observed?.modules?.kvm_amd !== true && observed?.svm !== true) {
    return {
      answer: "no",
      decidedBy: "vendor",
      says: `this is an AMD CPU${name === undefined ? "" : ` (${name})`} in a virtual machine. It has SVM instead of VMX, its module is kvm_amd, and the hypervisor below${observed?.outer === undefined ? "" : ` (${observed.outer})`} has to pass it.`,
      steps: [PASS_SVM],
    };
  }
  if (observed?.modules?.kvm_amd === true) {
    return {
      answer: "no",
      decidedBy: "vendor",
      says: `this is an AMD CPU${name === undefined ? "" : ` (${name})`}. It has SVM instead of VMX, and its module, kvm_amd, is loaded: KVM works here; vmxlens is about VMX.`,
      steps: [],
    };
  }
  if (observed?.svm === true) {
    return {
      answer: "no",
      decidedBy: "vendor",
      says: `this is an AMD CPU${name === undefined ? "" : ` (${name})`}. It has SVM instead of VMX, and shows it; its module is kvm_amd, ${observed.modules?.kvm_amd === false ? "which is not loaded" : "and vmxlens is about VMX"}.`,
      steps: [SVM_MODULE],
    };
  }
  const lacks = observed?.svm === false;
  return {
    answer: "no",
    decidedBy: "vendor",
    says: `this is an AMD CPU${name === undefined ? "" : ` (${name})`}. ${lacks ? `AMD's CPUs have SVM instead of VMX, and Linux shows no \`svm\` here: this one has none, ${virtual === false ? "" : "a hypervisor hides it, "}or a newer kernel found it switched off by the firmware (older ones show it all the same). So kvm_amd, its module, does not load.` : "AMD's CPUs have SVM instead of VMX, and the module for it is kvm_amd; vmxlens is about VMX."}`,
    steps: lacks ? [SVM_IN_FIRMWARE] : [SVM_MODULE],
  };
}

export function outerName({ outer, isSaid }: About): string {
  const known = [...(outer === undefined ? [] : [outer]), ...(isSaid ? ["by the text"] : [])];
  return `The hypervisor below${known.length === 0 ? "" : ` (${known.join(", ")})`}`;
}

export function isAtlas({ id }: Host): boolean {
  return id !== undefined && atlas().some((entry) => entry.id === id);
}
