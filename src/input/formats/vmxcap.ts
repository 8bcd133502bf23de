import { parseHexU64 } from "../../bits/u64.js";
import { type Msr, msrValue } from "../../host/msr.js";
import { orAbsent, partialMsr } from "../../host/partial-msr.js";
import { REGISTERS, type RegisterRow, registerOf } from "../../registers/registers.js";
import type { FactSink } from "../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";
import type { Place } from "../text/diagnostic.js";
import { describeMsr } from "../text/msr-names.js";

/** Output of QEMU's scripts/kvm/vmxcap, with and without the "Hex:" lines, which came about 2018. */
export const vmxcap: FactReader = {
  kind: "facts",
  name: "vmxcap",
  knows:
    "QEMU's vmxcap: whether each control that it has a label for may and must be 1, and the capability MSRs, whole with " +
    "their Hex line; of CPU 0 only. Reserved bits, CR0, CR4 and VMCS_ENUM are not printed, and a register that cannot be " +
    "read is printed as all no.",
  mark: /^\s{0,16}(?:Basic VMX Information|(?:pin-based|primary processor-based|secondary processor-based|tertiary processor-based|secondary VM-Exit|VM-Exit|VM-Entry) controls|Miscellaneous data|VPID and EPT capabilities|VM Functions)\s*$|^\s{0,8}[A-Z0-9][\w ,/()'.+-]{2,58}\s{4,40}(?:yes|no|default|forced)\s*$/,
  open: openVmxcap,
};

/** Groups by title. `width`: every bit is an allowed-1 bit of the 64-bit register. */
const SECTIONS: { readonly [title: string]: { readonly index: number; readonly kind: "controls" | "bits" } } = {
  "Basic VMX Information": { index: 0x480, kind: "bits" },
  "pin-based controls": { index: 0x481, kind: "controls" },
  "primary processor-based controls": { index: 0x482, kind: "controls" },
  "secondary processor-based controls": { index: 0x48b, kind: "controls" },
  "tertiary processor-based controls": { index: 0x492, kind: "bits" },
  "VM-Exit controls": { index: 0x483, kind: "controls" },
  "secondary VM-Exit controls": { index: 0x493, kind: "bits" },
  "VM-Entry controls": { index: 0x484, kind: "controls" },
  "Miscellaneous data": { index: 0x485, kind: "bits" },
  "VPID and EPT capabilities": { index: 0x48c, kind: "bits" },
  "VM Functions": { index: 0x491, kind: "bits" },
};

interface Field {
  readonly index: number;
  readonly low: number;
  readonly high: number;
  /** The first versions print the number without its highest bit, so a cleared one says nothing about it. */
  readonly highestMayBeLeftOut?: true;
}

/** Numbers that the script prints, by label, and their bits. */
const FIELDS: { readonly [label: string]: Field } = {
  Revision: { index: 0x480, low: 0, high: 30 },
  "VMCS size": { index: 0x480, low: 32, high: 44 },
  "VMCS memory type": { index: 0x480, low: 50, high: 53 },
  "VMX-preemption timer scale (log2)": { index: 0x485, low: 0, high: 4 },
  "Number of CR3-target values": { index: 0x485, low: 16, high: 24 },
  "MSR-load/store count recommendation": { index: 0x485, low: 25, high: 27 },
  "MSEG revision identifier": { index: 0x485, low: 32, high: 63, highestMayBeLeftOut: true },
};

/** How versions before about 2015 wrote a label. */
const OLD_LABELS: { readonly [label: string]: string } = {
  "IA-64 mode guest": "IA-32e mode guest",
  "MSR-load/store count recommenation": "MSR-load/store count recommendation",
};

/** Registers that every CPU with VMX has, and that are never 0: printed as all 0, they could not be read. */
const NEVER_ZERO = new Set([0x480, 0x481, 0x482, 0x483, 0x484]);

/** The script reads /dev/cpu/0/msr. */
const CPU = 0;

const STATE = /^(.*\S)\s+(yes|no|default|forced|\?|\d{1,10})\s*$/;
const HEX = /^Hex: 0x([0-9a-fA-F]{1,16})\s*$/;

const ALL_LABELS: ReadonlySet<string> = new Set(
  (REGISTERS as readonly RegisterRow[]).flatMap(({ bits }) => bits.flatMap((row) => row.vmxcap ?? [])),
);

/** The register of each label that only one group has: it gives the group of a line whose title was not pasted. */
const REGISTER_OF_LABEL: ReadonlyMap<string, RegisterRow | undefined> = new Map(
  Object.values(SECTIONS)
    .flatMap(({ index }) =>
      (registerOf(index) as RegisterRow).bits.map((bit) => [bit.vmxcap, registerOf(index)] as const),
    )
    .filter(([label], _, all) => label !== undefined && all.filter(([other]) => other === label).length === 1)
    .map(([label, register]) => [label as string, register]),
);

/** As the script lays out a label: a sentence that ends in yes has one blank there. */
const QUOTED = /^(\S.*\S)\s{4,40}(?:yes|no|default|forced)$/;

interface Group {
  readonly register: RegisterRow;
  readonly kind: "controls" | "bits";
  readonly at: Place;
  /** Position of the last label; they are printed in this order, so that a lost title shows. */
  last: number;
  said: { readonly msr: Msr; readonly trueMsr?: Msr; readonly at: Place }[];
  nonZero: boolean;
  /** It has the lines that were pasted, no more: without a yes among them, its register may still have been read. */
  readonly quoted?: true;
}

function openVmxcap(sink: FactSink): FactRun {
  let group: Group | undefined;
  let unread = 0;
  /** Whether any register of this output was read: else the zeros of the others mean nothing. */
  let anyRead = false;
  /** Groups of zeros wait for that. */
  let zeros: Group[] = [];

  const settle = (): void => {
    if (group === undefined) return;
    const done = group;
    group = undefined;
    if (done.nonZero || done.quoted === true) {
      anyRead ||= done.nonZero;
      release(done);
    } else if (done.said.length > 0) zeros.push(done);
  };
  const release = (done: Group): void => {
    const { register, kind } = done;
    for (const { msr, trueMsr, at } of done.said) {
      sink.msr(CPU, register.index, done.nonZero ? msr : orAbsent(msr), at);
      if (trueMsr !== undefined && register.counterpart !== undefined) sink.msr(CPU, register.counterpart, trueMsr, at);
    }
    if (kind !== "controls" || register.default1 === undefined || !done.nonZero) return;
    // Without labels, and 1 in both words of the plain register of every CPU (SDM A.2).
    const reserved = register.default1.filter((bit) => !register.bits.some((row) => row.bit === bit));
    sink.msr(CPU, register.index, partialMsr(reserved.flatMap((bit) => [bit, bit + 32])), done.at);
  };
  const settleZeros = (): void => {
    for (const done of zeros) {
      const { index } = done.register;
      if (!anyRead || NEVER_ZERO.has(index)) {
        unread++;
        const message = `MSR ${describeMsr(index)} is printed as all 0, which a register that could not be read is too; it stays unknown`;
        sink.log.warning(done.at, message, "vmxcap run as root on a CPU with VMX");
      } else release(done);
    }
    zeros = [];
  };

  return {
    line(line) {
      const text = line.text.trim();
      const next = Object.hasOwn(SECTIONS, text) ? SECTIONS[text] : undefined;
      if (next !== undefined) {
        settle();
        // The first group again: another output, not read yet.
        if (next.index === 0x480) {
          settleZeros();
          anyRead = false;
        }
        const register = registerOf(next.index) as RegisterRow;
        group = { register, kind: next.kind, at: placeOf(line), last: -1, said: [], nonZero: false };
        return true;
      }
      if (text === "") return false;
      if (group !== undefined && takeLine(group, line, text)) return true;
      // A line of another text, or of a group whose title is lost.
      settle();
      group = quotedGroup(line, text);
      return group !== undefined && takeLine(group, line, text);
    },
    busy: () => group !== undefined,
    end() {
      settle();
      settleZeros();
      if (unread > 0 && !anyRead) sink.log.note({ line: 1, column: 1 }, "vmxcap could read none of the VMX MSRs");
    },
  };
}

/** The group of a line whose title was not pasted, by its label. */
function quotedGroup(line: TextLine, text: string): Group | undefined {
  const register = REGISTER_OF_LABEL.get(QUOTED.exec(text)?.[1]?.trim() ?? "");
  if (register === undefined) return undefined;
  const kind = register.layout === "controls" ? "controls" : "bits";
  return { register, kind, at: placeOf(line), last: -1, said: [], nonZero: false, quoted: true };
}

function takeLine(group: Group, line: TextLine, text: string): boolean {
  const at = placeOf(line, line.text.length - line.text.trimStart().length + 1);
  const { register } = group;
  const hex = HEX.exec(text);
  if (hex !== null) {
    if (group.kind !== "bits" || group.last >= 0 || line.cut) return false;
    const value = parseHexU64(hex[1] as string);
    if (value === undefined) return false;
    group.last = 0;
    group.said.push({ msr: msrValue(value), at });
    if (value.hi !== 0 || value.lo !== 0) group.nonZero = true;
    return true;
  }
  const found = STATE.exec(text);
  if (found === null) return false;
  // Quoted-printable that was not decoded.
  const printed = (found[1] as string).replace("=3D", "=");
  const label = (Object.hasOwn(OLD_LABELS, printed) && OLD_LABELS[printed]) || printed;
  const state = found[2] as string;
  if (/^\d/.test(state)) return takeField(group, label, state, line, at);
  const row = register.bits.find((bit) => bit.vmxcap === label);
  // A label of a later version is passed over; one of another group shows that a title is missing.
  if (row === undefined) return /^\s/.test(line.text) && !ALL_LABELS.has(label);
  if (row.bit + 1 <= group.last) return false;
  group.last = row.bit + 1;
  const claim = group.kind === "controls" ? controlState(row.bit, state, register) : bitState(row.bit, state);
  if (claim === undefined) return state === "?";
  if (state !== "no") group.nonZero = true;
  group.said.push({ ...claim, at });
  return true;
}

function takeField(group: Group, label: string, digits: string, line: TextLine, at: Place): boolean {
  const field = Object.hasOwn(FIELDS, label) ? FIELDS[label] : undefined;
  if (field === undefined || field.index !== group.register.index || field.low + 1 <= group.last) return false;
  const value = Number(digits);
  const width = field.high - field.low + 1;
  if (line.cut || value >= 2 ** width) return false;
  group.last = field.low + 1;
  if (value !== 0) group.nonZero = true;
  const ones: number[] = [];
  const zeros: number[] = [];
  for (let bit = 0; bit < width; bit++) {
    const isSet = Math.floor(value / 2 ** bit) % 2 === 1;
    if (isSet) ones.push(field.low + bit);
    else if (bit < width - 1 || field.highestMayBeLeftOut !== true) zeros.push(field.low + bit);
  }
  group.said.push({ msr: partialMsr(ones, zeros), at });
  return true;
}

function bitState(bit: number, state: string): { msr: Msr } | undefined {
  if (state === "yes") return { msr: partialMsr([bit]) };
  return state === "no" ? { msr: partialMsr([], [bit]) } : undefined;
}

/** What the plain and the TRUE register must hold for the script to print a state. */
function controlState(bit: number, state: string, register: RegisterRow): { msr: Msr; trueMsr?: Msr } | undefined {
  switch (state) {
    case "yes":
      return { msr: partialMsr([bit + 32], [bit]) };
    case "no":
      return { msr: partialMsr([], [bit, bit + 32]) };
    case "forced":
      return { msr: partialMsr([bit, bit + 32]) };
    case "default":
      if (register.counterpart === undefined) return undefined;
      return { msr: partialMsr([bit, bit + 32]), trueMsr: partialMsr([bit + 32], [bit]) };
    default:
      return undefined;
  }
}
