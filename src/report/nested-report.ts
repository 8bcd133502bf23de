import { checkNumber } from "../bits/misuse.js";
import { type LibvirtCpu, libvirtFeature } from "../compare/libvirt.js";
import { isMixed } from "../compare/qemu-features.js";
import { propertiesOf } from "../compare/qemu-models.js";
import type { QemuCpu } from "../compare/qemu-text.js";
import { hexIndex, registerOf } from "../registers/registers.js";
import { nested, nestedSplits } from "../situation/nested.js";
import { replays, splitText } from "../situation/replays.js";
import type { Situation } from "../situation/situation.js";
import { checkSituation } from "../situation/situation.js";
import { layers } from "../why/layers.js";
import { basisLines, subject } from "./basis.js";
import { someOf, table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

/** The capability MSRs that KVM offers a nested hypervisor. */
export function nestedReport(situation: Situation, width: number): Line[] {
  checkSituation(situation);
  checkNumber(width, "width", "a number of columns");
  const { msrs } = nested(situation);
  const rows = [...msrs.values()].map(({ index, text }): Inline[] => [
    styled("strong", hexIndex(index)),
    registerOf(index)?.sdm ?? "",
    text,
  ]);
  return [
    ...wrap([subject(situation), offerText(situation)], width),
    BLANK,
    ...table(rows, { width }),
    ...splitLines(situation, width),
    ...basisLines(situation, width),
  ];
}

/** Whether a guest gets VMX, and where it differs from the CPU's, without a subject. */
function offerText(situation: Situation): Inline {
  const { offered } = nested(situation);
  const { loads } = replays(situation);
  const rows = layers(situation).filter(({ feature }) => feature.nested !== undefined);
  const less = rows.filter(({ cells }) => cells.silicon === "yes" && cells.nested === "no");
  const more = rows.filter(({ cells }) => cells.silicon === "no" && cells.nested === "yes");
  const names = (some: typeof rows) => someOf(some.map(({ feature }) => feature.id));
  const parts = [
    ...(less.length === 0 ? [] : [`without ${names(less)}, which the CPU has`]),
    ...(more.length === 0 ? [] : [`with ${names(more)} emulated`]),
  ];
  const rest = parts.length === 0 ? "." : `, ${parts.join(", and ")}.`;
  if (loads === "yes" && offered === "yes") return [styled("yes", "KVM offers a guest VMX"), rest];
  const why = loads === "yes" ? "" : "; it is not known whether kvm_intel loads";
  return [styled("unknown", "KVM may offer a guest VMX"), `${rest.slice(0, -1)}${why}.`];
}

/** Registers whose values differ between the kernels, with the value under each. */
function splitLines(situation: Situation, width: number): Line[] {
  const rows = nestedSplits(situation).map(({ index, answers }): Inline[] => [hexIndex(index), splitText(answers)]);
  if (rows.length === 0) return [];
  return [BLANK, [styled("heading", "It depends on the kernel")], ...table(rows, { width, indent: 2 })];
}

/** What the `-cpu` text leaves open, and what to type for it. */
export function qemuNotes(cpu: QemuCpu): Inline[] {
  const { properties, features } = missingCpuid(cpu);
  const items = [...features, ...properties].map((name) => `,${name}=on`).join("");
  return [
    ...(properties.length === 0
      ? []
      : [[cpuidText(cpu), ": append ", styled("command", items), " where the guest may have it"]]),
    ...otherNotes(cpu),
  ];
}

export function libvirtNotes({ notes, unknownToLibvirt, libvirtVersion, qemu }: LibvirtCpu): Inline[] {
  const { properties, features } = missingCpuid(qemu);
  const names = properties.flatMap((name) => libvirtFeature(name, libvirtVersion) ?? []);
  const items = [...features, ...names].map((name) => `<feature policy='require' name='${name}'/>`);
  const remedy: Inline =
    names.length < properties.length
      ? ""
      : [": add ", styled("command", items.join("")), " where the guest may have it"];
  const byHand = "QEMU's command line can say what this libvirt has no name for: <qemu:commandline> with -cpu ";
  return [
    ...notes,
    ...(unknownToLibvirt.length === 0 ? [] : [[byHand, styled("command", qemu.text)]]),
    ...(properties.length === 0 ? [] : [[cpuidText(qemu), remedy]]),
    ...otherNotes(qemu),
  ];
}

function missingCpuid({ needsCpuid }: QemuCpu): { readonly properties: string[]; readonly features: string[] } {
  const features = new Set(needsCpuid.flatMap((row) => row.features));
  return { properties: needsCpuid.map((row) => row.property), features: [...features] };
}

/** `vmx-xsaves needs the CPUID feature xsaves, which Denverton-v1 lacks` */
function cpuidText(cpu: QemuCpu): string {
  const { properties, features } = missingCpuid(cpu);
  const [need, what] = [properties.length === 1 ? "needs" : "need", features.length === 1 ? "feature" : "features"];
  return `${properties.join(", ")} ${need} the CPUID ${what} ${features.join(", ")}, which ${cpu.model} lacks`;
}

function otherNotes({
  additions,
  features,
  tooNew,
  inexpressible,
  undecided,
  rivals,
  unchecked,
  doubts,
  qemuVersion,
  model,
}: QemuCpu): Inline[] {
  const notes: Inline[] = [...doubts, ...uncheckedNotes(model, unchecked)];
  if (rivals.length > 0) {
    const some = rivals.length > 3 ? `${rivals.length} other models` : rivals.join(", ");
    notes.push(`too little is known to say whether ${some} would be nearer than ${model}`);
  }
  if (tooNew.length > 0) {
    const names = tooNew.map(({ name }) => name).join(", ");
    // x86_cpu_get_supported_feature_word: only a CPU that can migrate leaves out what has no name.
    const anyway = [
      ": ",
      styled("command", "-cpu host,migratable=off"),
      " passes it on anyway, to a guest that cannot migrate",
    ];
    notes.push([`QEMU ${qemuVersion} is not known to have ${names}`, model === "host" ? anyway : []]);
  }
  for (const property of propertiesOf(qemuVersion)) {
    if (!additions.includes(property.name) || !isMixed(features, property)) continue;
    notes.push(
      `${property.name} is one name for two capabilities: QEMU warns that it drops the one that is not wanted`,
    );
  }
  notes.push(...inexpressible.map(({ property }) => `no choice of properties gives ${property} as requested`));
  if (undecided.length > 0) {
    const names = undecided.join(", ");
    notes.push(
      model === "host"
        ? `what decides whether the guest gets ${names} was not read`
        : `not known, so left as ${model} has it: ${names}; QEMU warns of each that KVM does not offer, and leaves it out`,
    );
  }
  return notes;
}

/** Most models have a few bits of IA32_ARCH_CAPABILITIES; where CPUID was not read, all of it is open. */
export const MOST_NAMED = 16;

function uncheckedNotes(model: string, unchecked: QemuCpu["unchecked"]): string[] {
  if (unchecked.length === 0) return [];
  const has =
    unchecked.length > MOST_NAMED ? `the ${unchecked.length} CPUID features of ${model}` : unchecked.join(", ");
  return [
    `not checked, because it was not read: whether the CPU has ${has}${unchecked.length > MOST_NAMED ? "" : ` of ${model}`}`,
  ];
}

export function noteLines(notes: readonly Inline[], width: number): Line[] {
  return notes.flatMap((note) => wrap(note, width, [styled("label", "note "), ""]));
}
