import type { LibvirtCpu } from "../compare/libvirt.js";
import type { QemuCpu } from "../compare/qemu.js";
import { formatMsr, type Msr } from "../model/msr.js";
import { registerOf } from "../spec/registers.js";
import { hexIndex } from "./bit-text.js";
import { table, wrap } from "./layout.js";
import { type Subject, subjectLines } from "./subject.js";
import { BLANK, type Inline, type Line, styled } from "./text.js";

/** The capability MSRs that KVM offers a nested hypervisor. */
export function nestedReport(subject: Subject, msrs: ReadonlyMap<number, Msr>, width: number): Line[] {
  const rows = [...msrs].map(([index, msr]): Inline[] => [
    styled("strong", hexIndex(index)),
    registerOf(index)?.sdm ?? "",
    formatMsr(msr),
  ]);
  return [...subjectLines(subject, width), BLANK, ...table(rows, { width })];
}

/** What the `-cpu` text leaves open. */
export function qemuNotes({ needsCpuid, tooNew, inexpressible, undecided, qemuVersion }: QemuCpu): string[] {
  return [
    ...needsCpuid.map(
      ({ property, features }) => `${property} needs the CPUID feature ${features.join(", ")} in the model`,
    ),
    ...tooNew.map(({ name }) => `QEMU ${qemuVersion} is not known to have ${name}`),
    ...inexpressible.map(({ property }) => `no choice of properties gives ${property} as wanted`),
    ...(undecided.length === 0 ? [] : [`not known, so left as the model has it: ${undecided.join(", ")}`]),
  ];
}

export function libvirtNotes({ notes, unknownToLibvirt, qemu }: LibvirtCpu): string[] {
  return [
    ...notes,
    ...(unknownToLibvirt.length === 0 ? [] : [`this libvirt has no name for ${unknownToLibvirt.join(", ")}`]),
    ...qemuNotes(qemu),
  ];
}

export function noteLines(notes: readonly string[], width: number): Line[] {
  return notes.flatMap((note) => wrap(note, width, [styled("label", "note "), ""]));
}
