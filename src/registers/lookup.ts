import { checkNumber, checkText } from "../bits/misuse.js";
import { once } from "../bits/once.js";
import type { BitRow } from "./bit-row.js";
import { type FoldedName, foldName, foldNames, nearest, nearestOf } from "./edit-distance.js";
import { REGISTERS, type RegisterRow, registerOf } from "./registers.js";
import { VOCABULARIES, type Vocabulary } from "./sources.js";

const VOCABULARY_NAMES = Object.keys(VOCABULARIES) as Vocabulary[];

/** A bit that bears a name. Controls are found once, in their plain register, CR bits in FIXED1. */
export interface BitMatch {
  readonly register: RegisterRow;
  readonly row: BitRow;
  /** The vocabularies in which the bit bears the name. */
  readonly vocabularies: readonly Vocabulary[];
}

/** What `findBits` makes of a name. */
export interface BitLookup {
  /** Every bit with that name. More than one: the name alone does not say which bit is meant. */
  readonly matches: readonly BitMatch[];
  /** Names like a misspelt one; empty when something matched. */
  readonly near: readonly string[];
  /** Why the name is ambiguous or misleading, where that is known. */
  readonly note?: string;
}

/** What is odd about a name. */
export interface NameNote {
  readonly name: string;
  readonly vocabulary: string;
  readonly note: string;
  /** The name says the opposite of what the bit does. */
  readonly isNegated?: true;
}

const NEGATED = {
  note: "A negated name on the bit of the control itself: it is meant to say that the TRUE register lets the control be 0.",
  isNegated: true,
} as const;

/** Names that do not match what their bit does, or that two bits share (`vocabulary` says whose name it is). */
export const NAME_NOTES: readonly NameNote[] = [
  {
    name: "vmx-invept-single-context",
    vocabulary: "QEMU",
    note: "QEMU gives this name to two bits of 0x48c, 25 (INVEPT) and 41 (INVVPID): a QMP reply does not distinguish them. libvirt calls bit 41 vmx-invvpid-single-context.",
  },
  {
    name: "vmx-invept-single-context-noglobals",
    vocabulary: "QEMU, libvirt alias",
    note: "The bit is an INVVPID type (0x48c bit 43). libvirt's name is vmx-invvpid-single-context-noglobals, with QEMU's as an alias.",
  },
  {
    name: "vmx-exit-save-cet",
    vocabulary: "QEMU, libvirt",
    note: 'The SDM calls exit control 28 "load CET state".',
  },
  {
    name: "vmx-rdtscp-exit",
    vocabulary: "QEMU, libvirt",
    note: 'The control is "enable RDTSCP": it makes the instruction usable, it does not make it exit.',
  },
  {
    name: "vmx-invpcid-exit",
    vocabulary: "QEMU, libvirt",
    note: 'The control is "enable INVPCID": it makes the instruction usable, it does not make it exit.',
  },
  { name: "vmx-cr3-load-noexit", vocabulary: "QEMU, libvirt", ...NEGATED },
  { name: "vmx-cr3-store-noexit", vocabulary: "QEMU, libvirt", ...NEGATED },
  { name: "vmx-exit-nosave-debugctl", vocabulary: "QEMU, libvirt", ...NEGATED },
  { name: "vmx-entry-noload-debugctl", vocabulary: "QEMU, libvirt", ...NEGATED },
  { name: "vmx-vintr-pending", vocabulary: "QEMU, libvirt", note: 'The control is "interrupt-window exiting".' },
  { name: "vmx-vnmi-pending", vocabulary: "QEMU, libvirt", note: 'The control is "NMI-window exiting".' },
  {
    name: "vmx-flexpriority",
    vocabulary: "QEMU, libvirt",
    note: "QEMU means primary control 21 (TPR shadow) alone; flexpriority of Linux also needs secondary control 0.",
  },
  {
    name: "vmx-apicv-xapic",
    vocabulary: "QEMU, libvirt",
    note: "Secondary control 0, virtualize APIC accesses; apicv of Linux is four other bits.",
  },
  {
    name: "IA32_VMX_MISC_ACTIVITY_STATES",
    vocabulary: "ia32-doc",
    note: "One field for three bits, 8:6 of IA32_VMX_MISC.",
  },
];

/** Registers in which names are looked up: each table of bits once. */
function* lookupRegisters(): Iterable<RegisterRow> {
  for (const register of REGISTERS as readonly RegisterRow[]) {
    if (register.isTrue !== true && register.layout !== "fixed0") yield register;
  }
}

/** Every name of a bit by vocabulary. `feature` comes with and without `VMX_FEATURE_`. */
export function* namesOf(row: BitRow): Iterable<readonly [Vocabulary, string]> {
  for (const vocabulary of VOCABULARY_NAMES) {
    const name = row[vocabulary];
    if (name === undefined) continue;
    yield [vocabulary, name];
    if (vocabulary === "feature") yield [vocabulary, `VMX_FEATURE_${name}`];
  }
}

/**
 * Finds the bits that bear a name in any vocabulary. Upper and lower case, dashes, underscores and blanks do not
 * matter; QEMU's and libvirt's `vmx-` and a CR bit's `CR4.` may be there or not.
 */
export function findBits(name: string): BitLookup {
  checkText(name, "name", "the name of a bit");
  const wanted = foldName(name);
  const matches = bitsNamed(name);
  if (wanted === "") return { matches, near: [] };
  if (matches.length > 0) {
    const note = NAME_NOTES.find((row) => foldName(row.name) === wanted || foldName(row.name) === `vmx_${wanted}`);
    return note === undefined ? { matches, near: [] } : { matches, near: [], note: note.note };
  }
  return { matches, near: nearestOf(name, foldedNames()) };
}

/** The bits that bear a name, as `findBits` finds them, without a search for names like it: a long log can be full of them. */
export function bitsNamed(name: string): readonly BitMatch[] {
  const wanted = foldName(name);
  if (wanted === "") return [];
  const index = nameIndex();
  return index.get(wanted) ?? index.get(`vmx_${wanted}`) ?? [];
}

let byName: ReadonlyMap<string, readonly BitMatch[]> | undefined;

/** Every name in the form in which names are compared, with its bits in the order of the table. */
function nameIndex(): ReadonlyMap<string, readonly BitMatch[]> {
  if (byName !== undefined) return byName;
  const index = new Map<string, BitMatch[]>();
  for (const register of lookupRegisters()) {
    for (const row of register.bits) {
      const own = new Map<string, Set<Vocabulary>>();
      const add = (name: string, vocabulary: Vocabulary) => {
        const folded = foldName(name);
        own.set(folded, (own.get(folded) ?? new Set()).add(vocabulary));
      };
      for (const [vocabulary, name] of namesOf(row)) add(name, vocabulary);
      const cr = crName(register, row);
      if (cr !== undefined) add(cr, "sdm");
      for (const [name, vocabularies] of own) {
        index.set(name, [...(index.get(name) ?? []), { register, row, vocabularies: [...vocabularies] }]);
      }
    }
  }
  byName = index;
  return index;
}

/** `CR4.SMXE` for a bit of a control register. */
function crName(register: RegisterRow, row: BitRow): string | undefined {
  return register.layout === "fixed1" ? `${register.sdm.slice(9, 12)}.${row.key}` : undefined;
}

let folded: readonly FoldedName[] | undefined;

function foldedNames(): readonly FoldedName[] {
  folded ??= foldNames(allNames());
  return folded;
}

function* allNames(): Iterable<string> {
  for (const register of lookupRegisters()) {
    for (const row of register.bits) for (const [, name] of namesOf(row)) yield name;
  }
}

/**
 * The register that a name or number means: any spelling of the table, with or without `MSR_`, `IA32_` or `BX_MSR_`,
 * or an MSR index as a number, `0x48b`, `48b`, `48Bh` or `0000048B`. `undefined` when it is none of them.
 */
export function findRegister(name: string | number): RegisterRow | undefined {
  if (typeof name === "number") {
    checkNumber(name, "name", "the name or number of a register");
    return registerOf(name);
  }
  checkText(name, "name", "the name or number of a register");
  const number = /^(?:0x)?0*([0-9a-f]{2,3})h?$/i.exec(name.trim());
  if (number !== null) {
    const index = Number.parseInt(number[1] as string, 16);
    return (REGISTERS as readonly RegisterRow[]).find((row) => row.index === index);
  }
  return registersByName().get(bareRegisterName(name));
}

/** The first register that has a name, by the form in which names are compared. */
const registersByName = once(() => {
  const names = (REGISTERS as readonly RegisterRow[]).flatMap((row) =>
    [row.sdm, row.linux ?? row.sdm, ...row.aliases].map((own) => [bareRegisterName(own), row] as const),
  );
  return new Map(names.reverse());
});

/** Spellings of registers like a misspelt one. */
export function nearRegisters(name: string): string[] {
  return nearest(
    name,
    REGISTERS.map((row) => row.sdm),
  );
}

/** The form in which names of registers are compared. */
export function bareRegisterName(name: string): string {
  return foldName(name)
    .replace(/^(?:bx_)?(?:msr_)?(?:ia32_)?/, "")
    .replace(/_msr$/, "");
}
