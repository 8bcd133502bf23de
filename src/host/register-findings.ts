import type { Tri } from "../bits/tri.js";
import { type RegisterRow, registerOf } from "../registers/registers.js";
import { effectiveMsr } from "./existence.js";
import { bitsWhere, type Finding, finding, list, nameOf, range } from "./finding.js";
import { ENTRY_EXIT_PAIRS, type FindingId } from "./finding-kinds.js";
import { type CoreGroup, msrOf } from "./host.js";
import { isThere, msrBit } from "./msr.js";

const EXIT = 0x483;
const ENTRY = 0x484;
const SECONDARY = 0x48b;
const EPT_VPID = 0x48c;

/** What one register, with its counterpart, says against itself. */
export function registerFindings(core: CoreGroup, register: RegisterRow): Finding[] {
  const { index, layout } = register;
  const msr = msrOf(core, index);
  const found: Finding[] = [];
  const add = (id: FindingId, bits: readonly number[], text: string) => {
    if (bits.length > 0) found.push(finding(id, `${register.sdm}: ${text}`, { msr: index, bits }));
  };
  if (layout === "controls") {
    const clash = bitsWhere(32, (bit) => msrBit(msr, bit) === "yes" && msrBit(msr, bit + 32) === "no");
    add("allowed0-outside-allowed1", clash, `${list(register, clash)} must be 1 and may not be 1`);
    if (index === SECONDARY) {
      const forced = bitsWhere(32, (bit) => msrBit(msr, bit) === "yes");
      add("secondary-allowed0", forced, `${list(register, forced)} must be 1, but these controls can always be 0`);
    }
    if (register.default1 !== undefined && register.isTrue !== true && isThere(msr)) {
      const clear = register.default1.filter((bit) => msrBit(msr, bit) === "no");
      add("default1-clear", clear, `${list(register, clear)} of the default1 class may be 0 by the plain register`);
    }
    if (register.isTrue === true) found.push(...trueFindings(core, register));
  }
  if (layout === "fixed1" && register.counterpart !== undefined) {
    const fixed0 = msrOf(core, register.counterpart);
    const clash = bitsWhere(64, (bit) => msrBit(fixed0, bit) === "yes" && isThere(msr) && msrBit(msr, bit) === "no");
    add("fixed0-outside-fixed1", clash, `${list(register, clash)} must be 1 by FIXED0 and 0 by FIXED1`);
  }
  return found;
}

function trueFindings(core: CoreGroup, register: RegisterRow): Finding[] {
  const plain = registerOf(register.counterpart ?? 0);
  const trueMsr = msrOf(core, register.index);
  const plainMsr = plain === undefined ? trueMsr : msrOf(core, plain.index);
  if (plain === undefined || !isThere(trueMsr) || !isThere(plainMsr)) return [];
  const found: Finding[] = [];
  const add = (id: FindingId, bits: readonly number[], text: string) => {
    if (bits.length > 0) found.push(finding(id, `${register.sdm}: ${text}`, { msr: register.index, bits }));
  };
  const differ = (bit: number, byTrue: Tri, byPlain: Tri) =>
    msrBit(trueMsr, bit) === byTrue && msrBit(plainMsr, bit) === byPlain;
  const stricter = bitsWhere(32, (bit) => differ(bit, "yes", "no"));
  add("true-stricter", stricter, `${list(register, stricter)} must be 1, though ${plain.sdm} lets them be 0`);
  const freed = bitsWhere(32, (bit) => differ(bit, "no", "yes") && !register.default1?.includes(bit));
  add("true-frees-other", freed, `${list(register, freed)} may be 0, though ${plain.sdm} says that they must be 1`);
  const other = bitsWhere(32, (bit) => differ(bit + 32, "yes", "no") || differ(bit + 32, "no", "yes"));
  add(
    "true-allowed1",
    other.map((bit) => bit + 32),
    `${list(register, other)} may be 1 by only one of this register and ${plain.sdm}`,
  );
  return found;
}

/** Capabilities of EPT or VPID on a processor that does not allow the control. */
export function capsWithoutControl(core: CoreGroup): Finding[] {
  const caps = msrOf(core, EPT_VPID);
  const secondary = effectiveMsr(core, SECONDARY);
  const check = (id: FindingId, control: number, name: string, low: number, high: number): Finding[] => {
    const bits = range(low, high).filter((bit) => msrBit(caps, bit) === "yes");
    if (bits.length === 0 || msrBit(secondary, control + 32) !== "no") return [];
    const text = `IA32_VMX_EPT_VPID_CAP has ${name} capabilities, but the control "enable ${name}" may not be 1`;
    return [finding(id, text, { msr: EPT_VPID, bits })];
  };
  return [
    ...check("ept-cap-without-ept", 1, "EPT", 0, 31),
    // Bits 53:48 are about HLAT, which is a tertiary control.
    ...check("vpid-cap-without-vpid", 5, "VPID", 32, 47),
  ];
}

export function pairs(core: CoreGroup): Finding[] {
  const entryMsr = msrOf(core, ENTRY);
  const exitMsr = msrOf(core, EXIT);
  if (!isThere(entryMsr) || !isThere(exitMsr)) return [];
  return ENTRY_EXIT_PAIRS.flatMap(({ entry, exit }) => {
    const mayEnter = msrBit(entryMsr, entry + 32);
    const mayExit = msrBit(exitMsr, exit + 32);
    if (mayEnter === "unknown" || mayExit === "unknown" || mayEnter === mayExit) return [];
    const name = (index: number, bit: number) => nameOf(registerOf(index), bit);
    const [has, lacks] = [
      `VM-entry control ${entry}${name(ENTRY, entry)}`,
      `VM-exit control ${exit}${name(EXIT, exit)}`,
    ];
    const text = mayEnter === "yes" ? `${has} may be 1, ${lacks} may not` : `${lacks} may be 1, ${has} may not`;
    const [msr, bit] = mayEnter === "yes" ? [ENTRY, entry + 32] : [EXIT, exit + 32];
    return [finding("entry-exit-pair", text, { msr, bits: [bit] })];
  });
}
