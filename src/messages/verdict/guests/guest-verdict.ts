import type { FoundVerdict, TextVerdict } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { startsOn } from "../../../compare/guest-start.js";
import { guestText, startText } from "../../../compare/guest-text.js";
import { flagOfGuest, type GuestVmx, guestVmx, type VirtualFlag } from "../../../compare/guest-vmx.js";
import { isSvmVendor } from "../../../host/host.js";
import type { GuestCpu } from "../../../input/guests/guest-cpu.js";
import { svmNamed } from "../../../input/text/svm-named.js";
import { parseBool } from "../../../kvm/load/parse-param.js";
import type { Circumstances, OwnMachine } from "../../../situation/evidence/own-machine.js";
import { SEE_NESTED } from "../../../why/questions/host-and-guest.js";
import { GIVE_CPU, GIVE_TEXT } from "../../rows/shared-advice.js";
import { shellWord } from "../../shell-word.js";

/** The guest whose configuration the text holds: whether it gets VMX, and whether it may start on the machine of the text. */
export function guestVerdict(
  machine: OwnMachine | undefined,
  guests: readonly GuestCpu[],
  text: string,
): FoundVerdict | undefined {
  // Of fragments without a name, the one that gets nothing is what people ask about.
  const asked = guests.every(({ name }) => name === undefined)
    ? guests.find((one) => vmxOf(one, machine).gets === "none")
    : undefined;
  const guest = asked ?? guests[0];
  if (
    guest === undefined ||
    (machine?.hasRegisters !== true && svmNamed(text) !== undefined && !ASKS_OF_VMX.test(text))
  )
    return undefined;
  // An option in a sentence is an aside, where the text says much else.
  if (
    guest.format === "qemu" &&
    machine?.hasRegisters !== true &&
    vmxOf(guest, machine).gets === "offered" &&
    isWritten(text.split("\n")[guest.line - 1] ?? "") &&
    proseOf(text).split(/\s+/).length > FEW_WORDS
  )
    return undefined;
  const others = guests.filter((one) => one !== guest);
  const flag = flagOfGuest(guest) ?? (/\bkvm_amd\b/.test(text) ? "svm" : "vmx");
  if (flag === "svm" && machine?.hasRegisters !== true) return ofSvm(guest, text);
  const vmx = vmxOf(guest, machine);
  if (!isAbout(text, vmx.gets)) return undefined;
  if (machine?.hasRegisters === true) {
    const start = startsOn({ ...machine.situation, guest });
    return {
      says: `${startText(start, "the machine of this text")}${vmx.gets === "none" ? ` It gets no VMX, because ${vmx.why}: nothing inside can use VT-x.` : ""}`,
      steps: vmx.gets === "none" ? [stepToGive(guest, "Y")] : [],
      evidence: [],
      line: guest.line,
      covers: [],
    };
  }
  const asksVmx =
    guest.features.get("vmx") === "on" || [...guest.features.keys()].some((name) => name.startsWith("vmx-"));
  const who = guestText(guest, asksVmx);
  const nested = machine?.situation.host.params?.kvm_intel?.nested;
  const off = parseBool(nested ?? "") === false;
  if (vmx.gets === "offered" && showsGuest(machine))
    return {
      says: "The host has nested of kvm_intel on, and the guest shows no `vmx` although its configuration asks for what the host has: the guest was not shut down and started since, or it was given another CPU.",
      steps: [SEE_GIVEN],
      evidence: [],
      line: guest.line,
      covers: [],
      settles: true,
    };
  const says =
    vmx.gets === "none"
      ? [`${who} gets no VMX, because ${vmx.why}: nothing inside can use VT-x.`, off ? NESTED_IS_OFF : "", OF_A_GUEST]
      : [`${OF_A_GUEST.slice(0, -1)}: ${who}.`, vmx.gets === "offered" ? offeredText(nested, isRequired(guest)) : ""];
  if (others.length > 0) says.push(others.length === 1 ? "There is 1 other." : `There are ${others.length} others.`);
  return {
    ...(vmx.gets === "none" || off ? {} : { claim: "a guest as asked for" as const }),
    says: says.filter((sentence) => sentence !== "").join(" "),
    steps: [
      ...(vmx.gets === "none" ? [stepToGive(guest, nested)] : []),
      ...(vmx.gets !== "unknown" && off ? [NESTED_ON_THE_HOST] : []),
      ...(vmx.gets === "offered" && nested === undefined && machine === undefined ? [SEE_NESTED] : []),
      // People who write more than the configuration ask something else.
      ...(proseOf(text).split(/\s+/).length > FEW_WORDS
        ? []
        : [
            {
              text: "Save the text and ask whether the guest may start on a host.",
              commands: ["vmxlens migrate FILE HOST", "vmxlens runs HOST FILE"],
            },
          ]),
    ],
    evidence: [],
    line: guest.line,
    covers: [],
  };
}

/** What Intel's and AMD's virtualization are called. */
export interface Kind {
  readonly flag: VirtualFlag;
  readonly name: string;
  readonly tech: string;
  readonly module: string;
}
export const KINDS: { readonly [F in VirtualFlag]: Kind } = {
  vmx: { flag: "vmx", name: "VMX", tech: "VT-x", module: "kvm_intel" },
  svm: { flag: "svm", name: "SVM", tech: "AMD-V", module: "kvm_amd" },
};

/** A guest with a CPU of AMD's. */
function ofSvm(guest: GuestCpu, text: string): FoundVerdict | undefined {
  const { gets, why } = guestVmx(guest, "svm");
  if (!isAbout(text, gets)) return undefined;
  const who = guestText(guest, false);
  return {
    says:
      gets === "none"
        ? `${who} gets no SVM, because ${why}: nothing inside can use AMD-V. ${OF_A_GUEST}`
        : `${OF_A_GUEST.slice(0, -1)}: ${who}.${gets === "offered" ? " It gets the SVM that KVM on the host offers guests, unless nested of kvm_amd is off there." : ""}`,
    steps: gets === "none" ? [stepToGive(guest, undefined, KINDS.svm)] : [],
    evidence: [],
    line: guest.line,
    covers: [],
  };
}

/** Of an AMD CPU, a guest's VMX is a matter only where it is asked for. */
const ASKS_OF_VMX = /\bvmx\b/i;

/** Flags without vmx beside a host with nested on: they are those of its guest. */
const showsGuest = (machine: OwnMachine | undefined): boolean =>
  parseBool(machine?.situation.read.params?.kvm_intel?.nested ?? "") === true &&
  machine?.situation.contradictions.some((one) => one.includes("no vmx among the flags")) === true;
export const SEE_GIVEN: Step = {
  text: "On the host, see which CPU the running guest was given; then shut it down and start it, as a restart from inside keeps its CPU.",
  commands: ["virsh dumpxml DOMAIN | grep -A12 '<cpu'"],
};

/** How XML, an option, a setting, code or a log begins. */
const NO_PROSE =
  /^[\s>]{0,20}(?:[<{}[\]"'$#|-]|flags\b|\d{4}-\d\d-)|^\s{0,20}\S{1,60}[:=](?:\S|\s\s)|\bqemu-(?:system-\w{3,8}|kvm)\b[^\n]{0,24} -\w/i;
const WORDS = /\b[a-z]{2,20}(?: [\w'’",.()/-]{1,30}){4}/i;
/** So many words without one that joins others are a list, as of CPU flags. */
const LIST = 8;
const JOINS =
  /\b(?:the|an?|is|are|was|to|in|of|and|or|not|for|on|it|I|we|this|that|with|my|der|die|das|und|ich|nicht|le|la|les|el|que|et|en|de|do|n['’]t)\b|[^\0-\x7f]/i;
const isList = (line: string): boolean => line.trim().split(/\s+/).length >= LIST && !JOINS.test(line);
/** More than a sentence or two beside a configuration. */
const FEW_WORDS = 25;
export const ABOUT_VMX =
  /\b(?:vmx|svm|VT-?x|AMD-V|nest(?:ed|ing)|hyper-?v|WSL ?\d?|VBS|docker desktop|host-passthrough|hypervisors?|CPU (?:model|type|flags?)|(?:hardware|CPU)[- ](?:assisted )?virtuali[sz]ation|virtuali[sz]ation (?:in|inside|support|extensions?|is|not|enabled|features?)|KVM (?:in|inside)|start(?:s|ed)? (?:there|on)|custom cpu|cpu[ .](?:mode|model)|kvm[-_]intel)\b|\/dev\/kvm|kvm-ok/i;

/** What has nothing to do with which CPU a guest is given. */
const OTHER_MATTER =
  /\bmigrat\w{1,4}\b|\b(?:managed ?save|restor(?:e|es|ed|ing)|snapshots?)\b|\bMSRs?\b|\b(?:RD|WR)MSR\b|\bMSR_\w|\bignore_msrs\b|\bIA32_|\bAssertion\b|\bmicrocode\b|\b(?:have|without) rights\b|\bpermissions?\b|(?<!host-)\bpass-?through\b|\bVFIO\b/i;
const TROUBLE =
  /\b(?:crash\w{0,3}|hangs?|hung|freez\w{1,3}|froze|stuck|panic\w{0,3}|boot ?loops?|loops|bootloop\w{0,2}|blue ?screens?|BSOD|(?:not|n['’]t|never|fail(?:s|ed|ing)? to|unable to) (?:boot|start(?! (?:on|there)))|boot(?:ing)? (?:failures?|problems?|fails)|inaccessible|regression|bisect\w{0,3})\b/i;

/** A kernel, a guest or a program stopped, and which CPU a guest is given is not the question. */
const STOPPED =
  /\b(?:recursive fault|kernel panics?|panic(?:s|ked)?|crash\w{0,3}|Oops|BUG: |core dumped|freez\w{1,3}|hangs?|segfault|[Ss]egmentation fault)\b/;

/** The lines of a text that are prose. */
export function proseOf(text: string): string {
  return text.split("\n").filter(isProse).join("\n");
}

const isProse = (line: string): boolean => !NO_PROSE.test(line) && WORDS.test(line) && !isList(line);

/** How a program begins a line. */
const PROGRAM = /^\s{0,20}(?:\S{1,60}: |(?:[A-Z]{3,8}|\d[\d.:TZ-]{3,30})\s)/;

/** Whether a line is a sentence, and no program printed it. */
export function isWritten(line: string): boolean {
  return isProse(line) && JOINS.test(line) && !PROGRAM.test(line);
}

/** Whether a text that holds the configuration of a guest is about its CPU: much prose about something else is not. */
function isAbout(text: string, gets: GuestVmx["gets"]): boolean {
  const said = proseOf(text);
  if (gets !== "none" && TROUBLE.test(said)) return false;
  const beside =
    gets === "none"
      ? text
          .split("\n")
          .filter((line) => !line.trimStart().startsWith("<"))
          .join("\n")
      : "";
  if (STOPPED.test(beside) && !ABOUT_VMX.test(beside)) return false;
  if (said.trim() === "" || (gets === "none" && said.split(/\s+/).length < FEW_WORDS)) return true;
  return ABOUT_VMX.test(said) && (!OTHER_MATTER.test(said) || /\bvmx\b/i.test(said));
}

const OF_A_GUEST = "This is what a guest is configured with, and says nothing about a host.";
const NESTED_IS_OFF = "On the host, nested of kvm_intel is off as well.";

/** It does not start where KVM offers no VMX. */
const isRequired = ({ strict, features }: GuestCpu): boolean => strict && features.get("vmx") === "on";

function offeredText(nested: string | undefined, required: boolean): string {
  if (nested === undefined && required)
    return "It starts only where the host has nested switched on in kvm_intel, and KVM has each vmx feature that is required.";
  if (nested === undefined) {
    return "It gets the VMX that KVM on the host offers guests: none where nested of kvm_intel is off there.";
  }
  return parseBool(nested) === false
    ? "It gets no VMX while nested of kvm_intel is off on the host, as it is here."
    : "It gets the VMX that KVM on the host offers guests; nested of kvm_intel is on.";
}

/**
 * A program in a guest finds no VT-x, and the text holds the configuration of a guest that has none. Nothing says that it is
 * the same guest.
 */
export function guestWithoutVmx(
  guests: readonly GuestCpu[],
  machine: OwnMachine | undefined,
  /** QEMU that did not get KVM shows its own command line: that guest never ran. */
  isOwn = false,
): { readonly says: string; readonly surely?: string; readonly step: Step } | undefined {
  const guest = guests.find((one) => vmxOf(one, machine).gets === "none");
  if (guest === undefined) {
    const started = isOwn
      ? undefined
      : guests.find((one) => one.format === "qemu" && vmxOf(one, machine).gets === "offered");
    return started === undefined
      ? undefined
      : {
          says: " If this comes from inside the QEMU guest of this text: it gets VMX only while nested of kvm_intel is on at its host.",
          step: SEE_NESTED,
        };
  }
  const { why } = vmxOf(guest, machine);
  return {
    says: ` If this comes from inside ${guest.name ?? "the guest of this text"}: it gets no VMX, because ${why}.`,
    surely: `${guest.name ?? "The guest"} gets no VMX, because ${why}: nothing inside can use VT-x.`,
    step: stepToGive(guest, undefined),
  };
}

const OF_GUEST = /\b(?:guests?|VMs?|virtual machines?|inside|L[12])\b/i;

/**
 * A program finds no VT-x, and the machine of the text has KVM's module loaded: then it is a guest of that machine, and what
 * the host or the guest's configuration shows is why.
 */
export function guestOfHost(
  machine: OwnMachine | undefined,
  guests: () => readonly GuestCpu[],
  text: string,
  { has }: Circumstances,
): Pick<TextVerdict, "says" | "steps"> | undefined {
  if (machine === undefined || !has("kvm_intel loaded") || !OF_GUEST.test(text)) return undefined;
  const nested = machine.situation.host.params?.kvm_intel?.nested;
  const off = parseBool(nested ?? "") === false;
  const none = guests().find((one) => vmxOf(one, machine).gets === "none");
  const { why: ofModel } = none === undefined ? {} : vmxOf(none, machine);
  if (none === undefined && !off) return undefined;
  const who = none?.name ?? "The guest";
  const why = [
    ...(ofModel === undefined ? [] : [ofModel]),
    ...(off ? [`kvm_intel.nested is ${nested} on its host`] : []),
  ];
  return {
    says: `${who} gets no VMX, because ${why.join(", and ")}: nothing inside can use VT-x.`,
    steps: [
      ...(off ? [NESTED_ON_THE_HOST] : []),
      ...(none !== undefined ? [stepToGive(none, nested)] : HAS_HOST_CPU.test(text) ? [] : [GIVE_CPU_STEP]),
    ],
  };
}

export const HAS_HOST_CPU =
  /\bcpu(?:[ _-]?(?:type|mode|model))?\W{1,4}host\b|\bhost-passthrough\b|\bhost (?:cpu )?type\b/i;
const GIVE_CPU_STEP: Step = { text: GIVE_TEXT, commands: GIVE_CPU };

/** On an AMD host the question is one about SVM. */
const vmxOf = (guest: GuestCpu, machine: OwnMachine | undefined): GuestVmx =>
  isSvmVendor(machine?.situation.host.vendor) ? { gets: "unknown" } : guestVmx(guest);

export const nestedOnHost = ({ module }: Kind): Step => ({
  text: "On the host, switch nested on; no virtual machine may run.",
  commands: [`sudo modprobe -r ${module} && sudo modprobe ${module} nested=1`],
});
const NESTED_ON_THE_HOST: Step = nestedOnHost(KINDS.vmx);

/** How the program that starts the guest is made to give it VMX. */
const GIVE_VMX: { readonly [F in GuestCpu["format"]]: (guest: GuestCpu, flag: VirtualFlag) => readonly string[] } = {
  proxmox: () => ["qm set VMID --cpu host"],
  libvirt: ({ name }) => [
    `virsh edit ${name === undefined ? "DOMAIN" : shellWord(name)}`,
    "<cpu mode='host-passthrough'/>",
  ],
  qemu: ({ model }, flag) => [
    "-cpu host",
    ...(model === undefined || model === "host" ? [] : [`-cpu ${shellWord(`${model},${flag}=on`)}`]),
  ],
  kubevirt: () => ["spec.template.spec.domain.cpu.model: host-passthrough"],
};

export function stepToGive(guest: GuestCpu, nested: string | undefined, kind: Kind = KINDS.vmx): Step {
  const { flag, tech, module } = kind;
  const withKvm = guest.emulated ? "let it run with KVM and " : "";
  return {
    text: `For ${tech} in the guest, ${withKvm}give it a CPU with ${flag}${nested === undefined ? ", on a host where nested is on" : ""}; then shut it down and start it.`,
    commands: [
      ...(nested === undefined ? [`cat /sys/module/${module}/parameters/nested`] : []),
      ...GIVE_VMX[guest.format](guest, flag),
    ],
  };
}
