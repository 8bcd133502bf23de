import type { FoundVerdict, Recognised, TextVerdict } from "../../../answers/answer.js";
import { featuresAsked, featuresNamed } from "../../../answers/asked/asked-feature.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import type { Tri } from "../../../bits/tri.js";
import { vmxReadsZero } from "../../../host/host.js";
import type { AtlasEntry } from "../../../input/atlas/atlas-entry.js";
import { replay } from "../../../kvm/replay.js";
import { placedBit } from "../../../registers/bit-place.js";
import { foldName } from "../../../registers/edit-distance.js";
import { besideMachine, type OwnMachine } from "../../../situation/evidence/own-machine.js";
import { cpusNamed, generationsNamed, hasBrokenTimer, hasOf, type NamedCpu } from "../../../why/cpus/named-cpu.js";
import { FEATURE_LIST, type Feature } from "../../../why/features.js";
import { ONLY_CPU_READ } from "../../../why/questions/next-steps.js";
import { bitsOfFeature } from "../../../why/run-part.js";
import { sentenceOf } from "../machine-verdict.js";

/*
 * For people who write a hypervisor: what a bit of a capability register says, whether a CPU that is named has a feature, and what
 * the registers of a listing have. The tables of bits, the atlas and the replay answer.
 */

/** A longer text is a log. */
const LONGEST = 8_000;

/** A bit of a register as source code and prose name it. */
const PLACES = [
  /\b(?<register>(?:MSR_)?(?:IA32_)?VMX_(?:BASIC|MISC|EPT_VPID_CAP|VMFUNC|PINBASED_CTLS|PROCBASED_CTLS[23]?|EXIT_CTLS2?|ENTRY_CTLS)|0x48[0-9a-f])\b(?:['"`)\]]| MSR| register){0,3}\W{0,3}(?:bit\s?|\[|& ?\(?1(?:U?L?L?) ?<< ?|>> ?|\(1(?:U?L?L?) ?<< ?)(?<bit>\d{1,2})\b/i,
  /\bbit (?<bit>\d{1,2}) (?:of|in)(?: the)?\W{1,3}(?<register>(?:MSR_)?(?:IA32_)?VMX_(?:BASIC|MISC|EPT_VPID_CAP|VMFUNC|PINBASED_CTLS|PROCBASED_CTLS[23]?|EXIT_CTLS2?|ENTRY_CTLS)|0x48[0-9a-f])\b/i,
];
/** Something is asked, or a check did not hold. */
const ASKS = /\?|\bwonder\w{0,3}\b|\b(?:assert\w{0,6}|fail\w{0,4}|error|unsupported|not supported)\b|return -E/i;

/** What follows from bits that programs check, besides what they say. */
const BESIDES: { readonly [place: string]: string } = {
  "480.55":
    "Where it is 1, the registers 0x48d to 0x490 (IA32_VMX_TRUE_*) exist, and controls have to be made from them; where it is 0, they do not, reading one faults (#GP), and the controls that they would let be 0 (default1) have to be 1. A hypervisor has to look at it before it reads them.",
  "485.29": "Where it is 0, VMWRITE to the exit information (0x4400 and above) fails with error 13.",
};

/** What the prose asks about a bit or about a CPU, from the tables. */
export function namedThing(
  text: string | undefined,
  machine: OwnMachine | undefined,
): Omit<TextVerdict, "covers"> | undefined {
  if (text === undefined || text.length > LONGEST || !ASKS.test(text)) return undefined;
  // The registers of the machine itself say more than those of its kind.
  const ofKind = machine?.hasRegisters === true ? undefined : featureOfNamed(text);
  return placeNamed(text) ?? ofKind ?? arkListing(text) ?? vtxOfNamed(text);
}

/** Lines of ark.intel.com, as people paste them. */
const ARK = /\((?<name>VT-x|VT-d|EPT)\)[^\w\n]{0,12}\n?[^\w\n]{0,8}(?<has>Yes|No)\b/g;
const arkOf = (text: string): ReadonlyMap<string, boolean> =>
  new Map([...text.matchAll(ARK)].map(({ groups }) => [groups?.name ?? "", groups?.has === "Yes"]));
export const arkLists = (text: string): boolean => arkOf(text).has("VT-x");

function arkListing(text: string): Omit<TextVerdict, "covers"> | undefined {
  const ark = arkOf(text);
  const vtx = ark.get("VT-x");
  if (vtx === undefined) return undefined;
  const ept = ark.get("EPT");
  const parts = [
    vtx
      ? `Intel's list says that the CPU has VT-x${ept === undefined ? "" : ept ? " and EPT" : ", and no EPT"}: hypervisors run on it${ept === false ? ", but not those that need EPT (Hyper-V, bhyve, Hypervisor.framework, VMware's nested VT-x)" : ""}, once the firmware has it on.`
      : "Intel's list says that the CPU has no VT-x: no setting brings it, and no hypervisor that needs it runs there.",
    ...(ark.get("VT-d") === false
      ? ["Without VT-d no device can be passed through to a guest; nothing else needs it."]
      : []),
  ];
  return {
    says: parts.join(" "),
    steps: vtx ? [{ text: "See on the machine whether it is on.", commands: ["grep -m1 -ow vmx /proc/cpuinfo"] }] : [],
    evidence: [],
  };
}

function placeNamed(text: string): Omit<TextVerdict, "covers"> | undefined {
  for (const form of PLACES) {
    const { register: name, bit } = form.exec(text)?.groups ?? {};
    const place = name === undefined ? undefined : placedBit(`${name} bit ${bit}`);
    const row = place?.register.bits.find((one) => one.bit === place.bit);
    if (place === undefined || row === undefined) continue;
    const number = place.register.index.toString(16);
    const besides = BESIDES[`${number}.${row.bit}`];
    return {
      says: `Bit ${bit} of ${place.register.sdm} (0x${number}) says: ${row.sdm}.${besides === undefined ? "" : ` ${besides}`}`,
      steps: [read(number)],
      evidence: [],
    };
  }
  return undefined;
}

const read = (number: string): Step => ({
  text: "Read the register on the machine.",
  commands: [`sudo modprobe msr; sudo rdmsr -a 0x${number}`],
});

const called = ({ id, name }: Feature) => (foldName(name) === foldName(id) ? name : `${id} (${name})`);
const listed = (entries: readonly AtlasEntry[]) =>
  `${entries
    .slice(0, 2)
    .map(({ name }) => name)
    .join(", ")}${entries.length > 2 ? ` and ${entries.length - 2} more` : ""}`;

/** The most CPUs that are compared. */
const MOST_CPUS = 3;

/** What the CPUs that a text names have of the features that it asks about; with `isKnown`, only where that is known. */
export function featureOfNamed(text: string, isKnown = false): Omit<TextVerdict, "covers"> | undefined {
  const features = featuresAsked(text, new Set());
  const numbered = cpusNamed(text);
  const cpus = numbered.length > 0 ? numbered : generationsNamed(text);
  if (features.length === 0 || cpus.length === 0 || cpus.length > MOST_CPUS) return undefined;
  if (numbered.length === 0 && cpus.some(({ kin, design }) => kin.length === 0 && design === undefined))
    return undefined;
  const said = cpus.map((cpu) => sayOf(cpu, features, numbered.length === 0));
  const open = said.some((one) => one.isOpen);
  if ((isKnown || cpus.length > 1) && open) return undefined;
  const registers = new Set(features.map(registerOfFeature).filter((index) => index !== undefined));
  return {
    says: said.map(({ says }) => says).join(" "),
    steps: open ? [...registers].slice(0, 2).map((index) => read(index.toString(16))) : [],
    evidence: [],
  };
}

const BROKEN_TIMER =
  "But its preemption timer counts wrongly (an erratum), so KVM leaves it off whatever is asked (cpu_has_broken_vmx_preemption_timer).";

function sayOf(cpu: NamedCpu, features: readonly Feature[], isGeneration: boolean) {
  const { entry, name, kin, design } = cpu;
  const has = hasOf(cpu);
  const like =
    design !== undefined
      ? `, as a CPU of the ${design.name} design`
      : entry === undefined
        ? `, like the CPUs of its kind in the atlas (${listed(kin)})`
        : `: the atlas holds its registers (${entry.name})`;
  const those = (wanted: Tri, before: string) => {
    const found = features.filter((feature) => has(feature) === wanted).map((feature) => `${before}${called(feature)}`);
    return found.length === 0 ? [] : [listText(found)];
  };
  const known = [...those("yes", ""), ...those("no", "no ")];
  const isUnused = hasBrokenTimer(cpu) && features.some(({ id }) => id === "preemption-timer");
  const open = those("unknown", "").map((what) =>
    isGeneration
      ? `Of the CPUs that are called ${name}, some have ${what} and others do not (by the atlas). The register decides.`
      : `Whether the ${name} has ${what} is not known: the atlas has no CPU of that name. Its register decides.`,
  );
  return {
    isOpen: open.length > 0,
    says: [
      ...(known.length === 0 ? [] : [`The ${name} has ${listText(known)}${like}.`]),
      ...open,
      ...(isUnused ? [BROKEN_TIMER] : []),
    ].join(" "),
  };
}

/** The register of a feature's first bit. */
function registerOfFeature(feature: Feature): number | undefined {
  const [place] = bitsOfFeature(feature);
  return place === undefined ? undefined : placedBit(`${place[0].split(".")[0]} bit ${place[1]}`)?.register.index;
}

const VTX =
  /\b(?:support|have|has|with|run|capable|enable|possible|do)\w{0,3}\b[^\n]{0,40}\b(?:VT-?x|Intel VT|KVM|EPT|(?:nested |hardware )?virtuali[sz]ation)\b/i;

/** Whether a CPU that is named has VT-x at all: each one of the atlas has. */
function vtxOfNamed(text: string): Omit<TextVerdict, "covers"> | undefined {
  const [cpu, ...others] = VTX.test(text) && text.length <= SHORT ? cpusNamed(text) : [];
  if (cpu === undefined || others.length > 0 || (cpu.entry === undefined && cpu.kin.length === 0)) return undefined;
  const has = hasOf(cpu);
  const [yes, no] = (["yes", "no"] as const).map((wanted) =>
    FEATURE_LIST.filter((feature) => VTX_NEEDS.includes(feature.id) && has(feature) === wanted).map(called),
  ) as [string[], string[]];
  const from =
    cpu.entry === undefined
      ? `, like the CPUs of its kind in the atlas (${listed(cpu.kin)})`
      : ` (the atlas: ${cpu.entry.name})`;
  const parts = [
    ...(yes.length === 0 ? [] : [` It has ${yes.join(" and ")}.`]),
    ...(no.length === 0 ? [] : [` It has no ${no.join(" and no ")}.`]),
  ];
  return {
    says: `The ${cpu.name} has VT-x${from}.${parts.join("")} Whether it is on, the firmware decides; guests get it where kvm_intel.nested is Y and their CPU model has vmx.`,
    steps: [
      {
        text: "See whether it is on.",
        commands: ["grep -m1 -ow vmx /proc/cpuinfo; cat /sys/module/kvm_intel/parameters/nested"],
      },
    ],
    evidence: [],
  };
}

/** A question, and not a report that names its CPU. */
const SHORT = 400;
const VTX_NEEDS: readonly string[] = ["ept", "unrestricted-guest"];

// ---- Beside another answer ----

/** What courses and people who write hypervisors look for in a listing of registers. */
const LOOKED_FOR = [
  "ept",
  "vpid",
  "unrestricted-guest",
  "preemption-timer",
  "posted-interrupts",
  "virtual-interrupt-delivery",
  "shadow-vmcs",
  "pml",
  "tsc-scaling",
];

/** An answer with what the registers of the text have, or with what a CPU that it names lacks. */
export function withFeatures(
  found: FoundVerdict,
  text: string,
  recognised: readonly Recognised[],
  machine: OwnMachine | undefined,
): FoundVerdict {
  const [first] = recognised;
  const more =
    first === undefined
      ? found.question === "vmx" && machine?.situation.host.observed?.xenFeatures !== undefined
        ? listedByXen(machine.situation.host.observed.xenFeatures)
        : machine?.hasRegisters === true && found.question !== "kvm"
          ? offered(machine)
          : ""
      : BY_FEATURE.test(first.message ?? "")
        ? lackedOf(text, first.message === "kvm-tsc" ? ["tsc-scaling"] : requestedIn(text))
        : first.layer === "VM entry" && first.outcome === "invalid controls" && text.length <= LONGEST
          ? lackedByNamed(text)
          : "";
  // People who list all registers look at what they say.
  if (more !== "" && isListing(found, text, machine)) return { ...found, says: `The CPU has VT-x. ${more}`, steps: [] };
  if (more !== "") return { ...found, says: `${found.says} ${more}` };
  // Beside what a feature is, whether the CPU that is named has it.
  const isDefined =
    first === undefined && found.steps.some(({ commands }) => commands?.[0]?.startsWith("vmxlens why "));
  const named = isDefined && machine === undefined ? featureOfNamed(text, true) : undefined;
  return named === undefined || found.says.startsWith(named.says)
    ? found
    : { ...found, says: `${named.says} ${found.says}`, steps: [] };
}

/** What of it Xen's boot log lists, in its words: Xen, xen/arch/x86/hvm/vmx/vmcs.c. */
const XEN_WORDS: { readonly [id: string]: string } = {
  ept: "Extended Page Tables (EPT)",
  vpid: "Virtual-Processor Identifiers (VPID)",
  "unrestricted-guest": "Unrestricted Guest",
  "posted-interrupts": "Posted Interrupt Processing",
  "virtual-interrupt-delivery": "Virtual Interrupt Delivery",
  "shadow-vmcs": "VMCS shadowing",
  pml: "Page Modification Logging",
  "tsc-scaling": "TSC Scaling",
};

function listedByXen(listed: readonly string[]): string {
  const [yes, no] = [true, false].map((wanted) =>
    LOOKED_FOR.filter((id) => XEN_WORDS[id] !== undefined && listed.includes(XEN_WORDS[id]) === wanted),
  ) as [string[], string[]];
  const without =
    no.length === 0
      ? ""
      : `; not ${no.join(", ")}, which the CPU lacks, Xen was asked not to use, or this Xen does not list`;
  return yes.length === 0 ? "" : `Xen lists as used ${yes.join(", ")}${without}.`;
}

const STATE = /\?|\b(?:enabl|disabl|activ|lock|fail|error)\w{0,4}\b|\b(?:BIOS|UEFI|turned on|switched on)\b/i;

/** Nothing but registers is known of the CPU, and the text beside them does not ask about the firmware. */
const isListing = ({ says }: FoundVerdict, text: string, machine: OwnMachine | undefined): boolean =>
  says === sentenceOf(ONLY_CPU_READ) && !STATE.test(besideMachine(text, machine).replace(LOGGED, ""));

/** The lines of a log ask nothing, nor do comments of source code. */
const LOGGED = /^\s{0,16}(?:\[\s{0,8}\d{1,8}\.\d{1,8}\]|\/?\*(?=[\s/*])|\/\/)[^\n]{0,400}$/gm;

/** So many of them a short list leaves out, as FreeBSD's does. */
const LISTED_LESS = 6;

/** Only where nearly all of it was read: a few bits follow from other lines as well. */
function offered({ situation: { host, candidates } }: OwnMachine): string {
  if (host.cores.every(vmxReadsZero)) return "";
  const { cpu } = replay(host, { release: candidates[0].release });
  const having = (wanted: "yes" | "no") =>
    LOOKED_FOR.filter((id) => {
      const silicon = FEATURE_LIST.find((one) => one.id === id)?.silicon;
      return silicon !== undefined && cpu.holds(silicon) === wanted;
    });
  const [yes, no] = [having("yes"), having("no")];
  // Unrestricted guest follows from no flag and no message: where it is known, a list of features was read.
  const isListed = [...yes, ...no].includes("unrestricted-guest") && host.cores[0].msrs.size > 0;
  if (yes.length + no.length < LOOKED_FOR.length - (isListed ? LISTED_LESS : 2)) return "";
  // Registers that could not be read look so.
  if (yes.length === 0) return "";
  const parts = [yes.join(", "), ...(no.length === 0 ? [] : [`no ${no.join(", ")}`])];
  return `Its registers show ${parts.join("; ")}.`;
}

/** Messages about features of VMX that a guest was to get. */
const BY_FEATURE = /^(?:kvm-tsc|libvirt-(?:features-removed|missing-features)|qemu-requested-feature|qemu-enforce)$/;
/** QEMU's names of them. */
const REQUESTED: readonly (readonly [name: string, id: string])[] = [
  ["ept", "ept"],
  ["vpid", "vpid"],
  ["unrestricted-guest", "unrestricted-guest"],
  ["preemption-timer", "preemption-timer"],
  ["posted-intr", "posted-interrupts"],
  ["apicv-vid", "virtual-interrupt-delivery"],
  ["shadow-vmcs", "shadow-vmcs"],
  ["pml", "pml"],
  ["tsc-scaling", "tsc-scaling"],
];
function requestedIn(text: string): readonly string[] {
  const named = new Set([...text.matchAll(/\bvmx-(?<name>[\w-]{1,60})/g)].map(({ groups }) => groups?.name));
  return REQUESTED.filter(([name]) => named.has(name)).map(([, id]) => id);
}

/** Of the CPUs that the text names, those that lack the features. */
function lackedOf(text: string, ids: readonly string[]): string {
  const cpus = ids.length === 0 ? [] : cpusNamed(text);
  if (cpus.length > MOST_CPUS) return "";
  const features = FEATURE_LIST.filter(({ id }) => ids.includes(id));
  const rows = cpus
    .map((cpu) => ({ cpu, lacks: features.filter((feature) => hasOf(cpu)(feature) === "no") }))
    .filter(({ lacks }) => lacks.length > 0);
  return rows
    .map(
      ({ cpu, lacks }) =>
        `The ${cpu.name} in the text has no ${listText(
          lacks.map(({ name }) => name),
          "or",
        )} (by the atlas), and no setting of the firmware brings ${lacks.length === 1 ? "it" : "them"}.`,
    )
    .join(" ");
}

/** What a CPU that the text names lacks of the features that it names. */
function lackedByNamed(text: string): string {
  const [cpu, ...others] = cpusNamed(text);
  if (cpu === undefined || others.length > 0) return "";
  const has = hasOf(cpu);
  const lacking = featuresNamed(text).filter((feature) => has(feature) === "no");
  if (lacking.length === 0) return "";
  return `The text names the ${cpu.name}, which has no ${lacking.map(({ id }) => id).join(", ")} (by the atlas): a control for that has to be 0.`;
}
