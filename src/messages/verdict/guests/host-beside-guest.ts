import { type FoundVerdict, isOfLoading, type Recognised } from "../../../answers/answer.js";
import { listText } from "../../../bits/list-text.js";
import { flagOfGuest, guestVmx, type VirtualFlag } from "../../../compare/guest-vmx.js";
import { belowOf } from "../../../host/below.js";
import { hasSvm, showsVmx } from "../../../host/host.js";
import { type GuestCpu, readGuests } from "../../../input/guests/guest-cpu.js";
import { SVM_COUNTED } from "../../../input/text/svm-named.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import { isLoadedOn } from "../../../kvm/replay.js";
import { type OwnMachine, ownMachine } from "../../../situation/evidence/own-machine.js";
import { type Sides, sidesOf, sidesOfMarks } from "../../../situation/evidence/sides.js";
import { systemIn } from "../../../why/below/named-outer.js";
import type { NextStep } from "../../../why/questions/answer.js";
import { guestModel } from "../../../why/questions/host-and-guest.js";
import { machineVerdict } from "../machine-verdict.js";
import { passesChecks } from "../passed-checks.js";
import { findsNone, VBOX_NO_VMX } from "../weight.js";
import {
  ABOUT_VMX,
  HAS_HOST_CPU,
  isWritten,
  KINDS,
  type Kind,
  nestedOnHost,
  SEE_GIVEN,
  stepToGive,
} from "./guest-verdict.js";

/*
 * A host and its guest in one text, each under its own heading or behind its own prompt: what the host and the configuration of
 * the guest show is why the guest has no VMX (SVM).
 */

/** In the guest, whatever the host has. */
const saysNone = ({ message = "", outcome }: Recognised): boolean =>
  outcome !== "no access" &&
  (outcome === "no device" || findsNone({ message }) || VBOX_NO_VMX.has(message) || OF_MODULE.has(message));
const OF_MODULE: ReadonlySet<string> = new Set([
  "modprobe-error",
  "kvm-ok-unusable",
  "emulator-acceleration",
  "qemu-no-kvm",
  "virt-host-validate",
  "kvm-svm-missing",
]);

/** They looked at the flags, or the kernel did. */
const LOOKED: ReadonlySet<string> = new Set([
  "any-no-flag",
  "kvm-ok-no",
  "kvm-no-hardware-support",
  "kvm-vmx-not-supported",
  "virt-host-validate",
  "kvm-svm-missing",
]);
const looked = ({ message = "", matched }: Recognised): boolean =>
  LOOKED.has(message) || (message === "modprobe-error" && /Operation not supported/i.test(matched));

/** QEMU with KVM, or libvirt, found that the host gives guests none. */
const REFUSED =
  /\bhost doesn't support requested feature: CPUID\S{1,20}\.(?<warned>vmx|svm)\b|\bHost CPU does not provide required features: (?:[\w-]{1,20}, ?){0,40}(?<lacked>vmx|svm)\b/i;
function refusedFlag({ matched }: Recognised): string | undefined {
  const { warned, lacked } = REFUSED.exec(matched)?.groups ?? {};
  return warned ?? lacked;
}

/** One of the two, as far as its outputs show it. */
interface Shown {
  readonly machine: OwnMachine | undefined;
  readonly text: string;
}

const SVM_MISSED =
  /\bgrep (?:-\w{1,4} |--count ){0,3}["']?svm["']? \/proc\/cpuinfo[^\n]{0,20}\n\s{0,8}0\s{0,4}$|\bkvm_amd: SVM not supported\b/m;

/** Whether the flag is shown, or shown not to be there. */
function flagIn({ machine, text }: Shown, flag: VirtualFlag): boolean | undefined {
  const read = machine?.situation.read;
  const svm = () => read?.observed?.svm ?? (read?.observed?.cpuFlags === undefined ? undefined : false);
  const shown = flag === "vmx" ? showsVmx(read) : svm();
  if (shown !== undefined) return shown;
  if (flag === "svm" && (SVM_COUNTED.test(text) || SVM_MISSED.test(text))) return SVM_COUNTED.test(text);
  return machine?.countsEither() === true || passesChecks(text) || HAS_DEVICE.test(text) ? true : undefined;
}

/** `ls -l` finds it. */
const HAS_DEVICE = /\b10, {1,4}232\b[^\n]{1,40}\/dev\/kvm\b/;

/** Whose CPU it is. */
function kindOf(host: Shown, guest: Shown, configured: GuestCpu | undefined): Kind {
  const isAmd = ({ machine, text }: Shown) =>
    (machine !== undefined && hasSvm(machine.situation.read)) || OF_AMD.test(text);
  const flag = configured === undefined ? undefined : flagOfGuest(configured);
  return KINDS[flag ?? (isAmd(host) || isAmd(guest) ? "svm" : "vmx")];
}
const OF_AMD =
  /\bname='svm'|\bAMD-V\b|\bkvm[_-]amd\b(?!' modules)|\bgrep [^\n|]{0,20}\bsvm["']? \/proc|\bAuthenticAMD\b/;

/** What the host shows of `nested`, and what its configuration asks for. */
interface Nested {
  readonly text: string | undefined;
  readonly isOn: boolean | undefined;
  /** It counts when the module is loaded the next time. */
  readonly asked: boolean | undefined;
}

const NESTED_OF_AMD = /\/kvm_amd\/parameters\/nested["']?\s{1,4}(?<shown>[YN01])\b/;
const ASKED_OF_AMD = /\boptions[ \t]{1,4}kvm_amd [^\n]{0,60}?\bnested=(?<asked>\w)\b/;

function nestedOf({ machine, text }: Shown, { flag }: Kind): Nested {
  const read = machine?.situation.read;
  const [shown, asked] =
    flag === "svm"
      ? [NESTED_OF_AMD.exec(text)?.groups?.shown, ASKED_OF_AMD.exec(text)?.groups?.asked]
      : [read?.params?.kvm_intel?.nested, read?.paramsAsked?.kvm_intel?.nested];
  return { text: shown, isOn: parseBool(shown ?? ""), asked: parseBool(asked ?? "") };
}

/** The answer for the guest; undefined where the text does not show both, or shows neither that the guest has VMX nor that it lacks it. */
export function hostBesideGuest(text: string, recognised: readonly Recognised[]): FoundVerdict | undefined {
  const sides = sidesOf(text);
  return (sides === undefined ? undefined : besideGuest(sides, text, recognised)) ?? marked(text, recognised);
}

/** The same by what the outputs show. */
function marked(text: string, recognised: readonly Recognised[]): FoundVerdict | undefined {
  const sides = sidesOfMarks(text);
  return sides === undefined ? undefined : besideGuest(sides, text, recognised);
}

function besideGuest(sides: Sides, text: string, recognised: readonly Recognised[]): FoundVerdict | undefined {
  // A title can have it first.
  const inGuest = recognised.filter(
    ({ lines: [first], matched }) =>
      (first !== undefined && sides.ofGuest.has(first)) ||
      (sides.guest.includes(matched) && !sides.host.includes(matched)),
  );
  const host: Shown = { machine: ownMachine(sides.host, undefined), text: sides.host };
  // What the guest shows last counts: it may have been started anew in between.
  const parts = sides.guestParts.map((part): Shown => ({ machine: ownMachine(part, undefined), text: part }));
  const whole: Shown = { machine: ownMachine(sides.guest, undefined), text: sides.guest };
  const [configured] = [...readGuests(sides.host), ...readGuests(text)];
  const kind = kindOf(host, whole, configured);
  const refused = recognised.filter((one) => !inGuest.includes(one) && refusedFlag(one) === kind.flag);
  const others = recognised.filter(
    (one) => one.gravity === "blocks" && !(inGuest.includes(one) && saysNone(one)) && !refused.includes(one),
  );
  if (others.length > 0) return others.every(isOfLoading) ? withoutKvm(host, recognised, kind) : undefined;
  const last = parts.findLast((part) => flagIn(part, kind.flag) !== undefined) ?? whole;
  const flag = flagIn(last, kind.flag);
  const isAgain = parts.some((part) => flagIn(part, kind.flag) === false) && flag === true;
  if (sides.isGuessed && (whole.machine === undefined || belowOf(whole.machine.situation.read).virtual !== true))
    return undefined;
  if (flagIn(host, kind.flag) === false) return undefined;
  const denies = isAgain ? [] : inGuest.filter(looked);
  const found = isAgain ? [] : inGuest.filter(saysNone);
  if (flag === true && denies.length > 0) return undefined;
  const shown = nestedOf(host, kind);
  const nested = shown.isOn === undefined && refused.length > 0 ? { ...shown, isOn: false } : shown;
  const vmx = configured === undefined ? undefined : guestVmx(configured, kind.flag);
  const lacks = flag === false || denies.length > 0;
  const isGone = nested.isOn === false || vmx?.gets === "none";
  // A list of flags has no vmx, whatever it is shown for.
  const said = text.split("\n").filter(isWritten).join("\n");
  // Who reads the parameter asks about it.
  const isElse = inGuest.length === 0 && nested.text === undefined && said.trim() !== "" && !ABOUT_VMX.test(said);
  if (isElse) return undefined;
  if (flag !== true && !lacks && found.length === 0 && !(isGone && whole.machine !== undefined)) return undefined;
  // The host may be one of another hypervisor.
  const isKvm =
    nested.text !== undefined || nested.asked !== undefined || configured !== undefined || showsKvm(host, kind);
  if (!isKvm && (systemIn(text) !== undefined || OTHER_HOST.test(text))) return undefined;
  const named = plainModel(whole.machine?.situation.host.name, kind);
  const answer =
    flag === true
      ? having(found, last, isAgain, kind)
      : lacking({
          nested,
          guest: configured,
          gets: vmx?.gets,
          why: vmx?.why ?? named,
          isSeen: lacks || isGone || found.some(({ message = "" }) => IN_CPUID.has(message)),
          isKvm,
          kind,
          hasHostCpu: HAS_HOST_CPU.test(text),
        });
  return {
    ...answer,
    evidence: [],
    covers: [...inGuest, ...refused].map(({ message }) => message as string),
    settles: true,
  };
}

/** Programs that looked at CPUID, in a guest that may be no Linux. */
const IN_CPUID: ReadonlySet<string> = new Set(["generic-no-vmx", "vbox-no-vmx"]);

/** The host itself has no KVM, whatever its guests are given. */
function withoutKvm({ machine }: Shown, recognised: readonly Recognised[], { name }: Kind): FoundVerdict | undefined {
  const own = machine === undefined ? undefined : machineVerdict(machine, true);
  return own?.isKnown !== true
    ? undefined
    : {
        ...own.verdict,
        says: `${own.verdict.says} That is the host: without KVM there its guests are emulated, and have no ${name}.`,
        covers: recognised.map(({ message }) => message as string),
        settles: true,
      };
}

/** QEMU's models of that name have neither, unless it is added. */
function plainModel(name: string | undefined, { flag }: Kind): string | undefined {
  const model = /^Common (?:32-bit )?KVM /.test(name ?? "")
    ? "kvm64"
    : /^QEMU Virtual CPU/.test(name ?? "")
      ? "qemu64"
      : undefined;
  return model && `its CPU model (${model}, as its CPU is called) has no ${flag} unless it is added`;
}

const OTHER_HOST = /\b(?:VMware|ESXi|VirtualBox|Hyper-V|Windows|macOS|Parallels|Xen)\b/i;

function showsKvm(host: Shown, { flag }: Kind): boolean {
  const read = host.machine?.situation.read;
  return (
    flagIn(host, flag) === true ||
    (read !== undefined && (isLoadedOn(read) || read.observed?.modules?.kvm_amd === true))
  );
}

interface Says {
  readonly says: string;
  readonly steps: readonly NextStep[];
}

/** The flag is in the guest. */
function having(found: readonly Recognised[], { text }: Shown, isAgain: boolean, { name, module }: Kind): Says {
  const isThere = passesChecks(text) || HAS_DEVICE.test(text);
  const says = isAgain
    ? `The guest has ${name} by now: what it shows last has the flag.`
    : isThere
      ? `The guest has ${name}: KVM can be used in it.`
      : `The guest has ${name}: Linux shows the flag in it.`;
  return found.length === 0
    ? { says, steps: [] }
    : {
        says: `${says} Only KVM's module is missing there: it was not loaded, or was refused.`,
        steps: [
          { text: "In the guest, load it.", commands: [`sudo modprobe ${module}; sudo dmesg | grep -i kvm | tail`] },
        ],
      };
}

interface Lacking {
  readonly nested: Nested;
  readonly guest: GuestCpu | undefined;
  readonly gets: "offered" | "none" | "unknown" | undefined;
  readonly why: string | undefined;
  /** That it has none is shown, or follows. */
  readonly isSeen: boolean;
  readonly isKvm: boolean;
  readonly kind: Kind;
  /** By the words of the text. */
  readonly hasHostCpu: boolean;
}

/** Why the guest has none. */
function lacking({ nested, guest, gets, why: ofModel, isSeen, isKvm, kind, hasHostCpu }: Lacking): Says {
  const { name, flag, module } = kind;
  const { isOn, asked, text } = nested;
  const who = guest?.name ?? "The guest";
  const model = guestModel(kind.flag);
  const give = guest === undefined ? model : stepToGive(guest, text, kind);
  if (isOn === false) {
    const off =
      text === undefined
        ? `the host gives guests none: nested of ${module} is off there`
        : `${module}.nested is ${text} on its host`;
    const why = [off, ...(ofModel === undefined ? [] : [ofModel])];
    const late =
      asked === true ? " The host's configuration asks for nested=1: the module was not loaded anew since." : "";
    return {
      says: `${who} gets no ${name}, because ${why.join(", and ")}.${late}`,
      steps: [
        nestedOnHost(kind),
        ...(text !== undefined && (ofModel !== undefined || guest === undefined) ? [give] : []),
      ],
    };
  }
  const onHost = isOn === true ? ` On the host nested of ${module} is on.` : "";
  if (ofModel !== undefined) return { says: `${who} gets no ${name}, because ${ofModel}.${onHost}`, steps: [give] };
  const offStill =
    asked === true
      ? `nested of ${module} is off on the host all the same (what its configuration asks for counts when the module is loaded anew)`
      : asked === false
        ? `nested of ${module} is off on the host, as its configuration asks for`
        : `nested of ${module} is off on the host`;
  const notAnew = "it was not shut down and started since";
  const noModel = hasHostCpu
    ? "the guest was not shut down and started since it was given the host's CPU (a restart from inside keeps the old one)"
    : `its CPU model leaves ${flag} out`;
  const steps = [...(isOn === true ? [] : [seeNested(kind)]), gets === "offered" || hasHostCpu ? SEE_GIVEN : model];
  if (!isSeen) {
    const left = hasHostCpu ? [noModel] : [...(gets === "offered" ? [] : [noModel]), notAnew];
    const reasons = [...(isOn === true ? [] : [offStill]), ...left];
    return {
      says: `The guest has no /dev/kvm: either its own ${module} is not loaded, or it has no ${name} (${listText(reasons, "or")}).`,
      steps: [
        {
          text: "In the guest, see whether the flag is there: above 0, and only its module is missing.",
          commands: [`grep -c ${flag} /proc/cpuinfo; sudo modprobe ${module}`],
        },
        ...steps,
      ],
    };
  }
  if (gets === "offered") {
    const given = `the configuration gives ${guest?.name ?? "the guest"} a CPU with ${flag}`;
    const says =
      isOn === true
        ? `The host has nested of ${module} on, and ${given}, which the guest does not show: ${notAnew}, or runs with another CPU.`
        : `T${given.slice(1)}, and the guest does not show it: ${offStill}, or the guest was not shut down and started since.`;
    return { says, steps };
  }
  if (isOn === true)
    return {
      says: `The host offers guests ${name} (${module}.nested=${text}), and this guest does not have it: ${hasHostCpu ? noModel : `${noModel}, or ${notAnew}`}.`,
      steps,
    };
  const below = isKvm
    ? "The host has virtualization and does not pass it to this guest"
    : `The guest does not show \`${flag}\`, so what runs it does not pass virtualization to it. With KVM`;
  return {
    says: `${below}: ${offStill}, or ${hasHostCpu ? noModel : `the guest's CPU model leaves ${flag} out`}.`,
    steps,
  };
}

const seeNested = ({ module }: Kind): NextStep => ({
  text: "On the host, see whether it is on.",
  commands: [`cat /sys/module/${module}/parameters/nested`],
});
