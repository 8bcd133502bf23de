import { checkNumber, checkOptions } from "../bits/misuse.js";
import type { DecodedBit, DecodedRegister, Setting } from "../host/decode.js";
import { decodeCore } from "../host/decode.js";
import { existenceText } from "../host/existence.js";
import { findings } from "../host/findings.js";
import { type CoreGroup, isSvmVendor, msrOf } from "../host/host.js";
import { formatMsr, msrBit } from "../host/msr.js";
import type { BitRow } from "../registers/bit-row.js";
import { hexIndex } from "../registers/registers.js";
import { VOCABULARIES, type Vocabulary } from "../registers/sources.js";
import { coreText } from "../situation/pick-cpu.js";
import type { Situation } from "../situation/situation.js";
import { checkSituation } from "../situation/situation.js";
import { basisLines, subject } from "./basis.js";
import { findingLines } from "./findings-report.js";
import { table, wrap } from "./layout.js";
import { BLANK, type Inline, type Line, type Style, styled } from "./text.js";
import { readCommand } from "./wording/read-command.js";

/** A situation, and what of its registers to show. */
export interface ShowInput {
  readonly situation: Situation;
  /** MSR indices; all registers when empty. */
  readonly registers: readonly number[];
  /** Vocabularies whose names are shown beside the SDM's. */
  readonly names: readonly Vocabulary[];
}

/** Every register decoded, or those asked for, with the findings about them. */
export function showReport(
  situation: Situation,
  width: number,
  options: Partial<Omit<ShowInput, "situation">> = {},
): Line[] {
  checkSituation(situation, "situation");
  checkNumber(width, "width", "a number of columns");
  checkOptions(options);
  const { registers = [], names = [] } = options;
  const input: ShowInput = { situation, registers, names };
  const asked = (index: number) => registers.length === 0 || registers.includes(index);
  const [first] = situation.host.cores;
  const lines: Line[] = [...verdictLines(input, width)];
  if (isSvmVendor(situation.host.vendor) && registers.length === 0)
    return [...lines, ...basisLines(situation, width, false)];
  for (const [position, core] of situation.host.cores.entries()) {
    if (situation.host.cores.length > 1) lines.push(BLANK, [styled("title", coreText(core, position))]);
    const shown = decodeCore(core, situation.host.vendor, situation.asRead).filter(
      ({ register }) => asked(register.index) && (core === first || differs(core, first, register.index)),
    );
    for (const decoded of shown) lines.push(BLANK, ...registerLines(decoded, input, width));
    if (shown.length === 0) lines.push(...wrap("no register that differs from the first", width, "  "));
  }
  const found = findings(situation.read).filter(
    ({ msr }) => registers.length === 0 || (msr !== undefined && asked(msr)),
  );
  if (found.length > 0) {
    lines.push(BLANK, [styled("heading", "Findings")], ...findingLines(found, width, { sources: true }));
  }
  return [...lines, ...basisLines(situation, width, false)];
}

/** How much of it was read, the firmware's switch, and how to read the rest. */
function verdictLines({ situation, registers }: ShowInput, width: number): Line[] {
  const { vendor, cores } = situation.host;
  const all = decodeCore(cores[0], vendor, situation.asRead).filter(
    ({ register }) => registers.length === 0 || registers.includes(register.index),
  );
  const count = (state: string) => all.filter(({ msr }) => msr.state === state).length;
  const open = all.filter(({ msr, exists }) => msr.state === "unknown" && exists !== "no");
  const counts = [
    `${count("value")} of ${all.length} ${all.length === 1 ? "register is" : "registers are"} known`,
    ...(count("absent") === 0 ? [] : [`${count("absent")} absent`]),
    ...(open.length === 0 ? [] : [`${open.length} not read`]),
  ];
  // What something else in the text contradicts is not said.
  const firmware = situation.contradictions.length > 0 ? "" : firmwareText(situation.read.cores[0]);
  if (isSvmVendor(vendor)) {
    const says = "it has SVM instead of VMX, and so none of the registers of VMX";
    return wrap([subject(situation, false), `${says}.`], width);
  }
  const lines = wrap([subject(situation, false), `${counts.join(", ")}. ${firmware}`.trim()], width);
  if (open.length === 0) return lines;
  const command = readCommand(open.map(({ register }) => register.index));
  return [...lines, ...wrap(["to read the rest: ", styled("command", command)], width, "  ")];
}

/** What IA32_FEAT_CTL says about VMX outside SMX; empty where it does not say. */
function firmwareText(core: CoreGroup): string {
  const [locked, vmx] = [msrBit(msrOf(core, 0x3a), 0), msrBit(msrOf(core, 0x3a), 2)];
  if (locked === "no") return "The firmware left IA32_FEAT_CTL unlocked, so Linux switches VMX on.";
  if (locked !== "yes" || vmx === "unknown") return "";
  return vmx === "yes"
    ? "The firmware has VMX switched on and locked."
    : "The firmware has VMX switched off and locked.";
}

function differs(a: CoreGroup, b: CoreGroup, index: number): boolean {
  const [one, other] = [a.msrs.get(index), b.msrs.get(index)];
  return (one === undefined ? "unknown" : formatMsr(one)) !== (other === undefined ? "unknown" : formatMsr(other));
}

/** One register: its value, then its bits and fields; the whole table when it was asked for by name. */
function registerLines(decoded: DecodedRegister, input: ShowInput, width: number): Line[] {
  const { register, msr, exists } = decoded;
  const read = input.situation.read.cores.some(
    (core) => (core.msrs.get(register.index)?.state ?? "unknown") !== "unknown",
  );
  const assumed = read ? "" : styled("unknown", " (assumed)");
  const value: Inline =
    msr.state === "value"
      ? [" = ", styled("strong", formatMsr(msr)), assumed]
      : [": ", stateText(decoded, input.situation.host.vendor)];
  const sections = register.definedIn === undefined ? register.section : `${register.section}, ${register.definedIn}`;
  const lines: Line[] = [
    ...wrap([styled("title", `${hexIndex(register.index)} ${register.sdm}`), value], width, "", 2),
    ...wrap(styled("dim", `${register.title} (SDM ${sections})`), width, "  "),
  ];
  if (msr.state === "absent") return lines;
  if (msr.state === "unknown" && exists === "no") return lines;
  const whole = input.registers.includes(register.index);
  if (register.isTrue === true && !whole) return [...lines, ...trueLines(decoded, width)];
  if ((register.layout === "fixed0" || register.layout === "fixed1") && !whole) {
    return [...lines, ...fixedLines(decoded, width)];
  }
  if (msr.state === "unknown") return lines;
  return [...lines, ...fieldLines(decoded, width), ...bitLines(decoded, input.names, width)];
}

function stateText({ register, msr, exists }: DecodedRegister, vendor: string | undefined): Inline {
  if (msr.state === "absent") {
    const why =
      exists !== "no"
        ? ""
        : isSvmVendor(vendor)
          ? ", as the CPU has SVM instead of VMX"
          : `, as ${existenceText(register)} says`;
    return [styled("no", "absent"), why];
  }
  const hint = exists === "no" ? `; ${existenceText(register)} says that there is none` : "";
  return styled("unknown", `not read${hint}`);
}

function fieldLines({ fields }: DecodedRegister, width: number): Line[] {
  const rows = fields.map(({ row, text }): Inline[] => [
    styled("label", row.high === row.low ? String(row.low) : `${row.high}:${row.low}`),
    [row.sdm, ": ", text === "unknown" ? styled("unknown", text) : styled("strong", text)],
  ]);
  return table(rows, { width, indent: 2, right: [0] });
}

const SETTING_STYLES: { readonly [S in Setting]: Style } = {
  "must be 1": "strong",
  "must be 0": "dim",
  free: "yes",
  default1: "unknown",
  invalid: "error",
  set: "yes",
  clear: "dim",
  unknown: "unknown",
};

function bitLines(decoded: DecodedRegister, names: readonly Vocabulary[], width: number): Line[] {
  const rows = runsOf(decoded.bits).map(({ first, last }): Inline[] => [
    styled("label", first === last ? String(first.bit) : `${last.bit}:${first.bit}`),
    styled(SETTING_STYLES[first.setting], first.setting),
    ...names.slice(0, 1).map((vocabulary) => nameIn(first.row, vocabulary)),
    [bitName(first, decoded), ...otherNames(first, names.slice(1))],
  ]);
  return table(rows, { width, indent: 2, right: [0] });
}

/** Neighbours without a name are one row if the same is known about them. */
function runsOf(bits: readonly DecodedBit[]): readonly { readonly first: DecodedBit; readonly last: DecodedBit }[] {
  const runs: { first: DecodedBit; last: DecodedBit }[] = [];
  for (const bit of bits) {
    const open = runs.at(-1);
    const alike =
      open !== undefined &&
      bit.row === undefined &&
      open.last.row === undefined &&
      bit.bit === open.last.bit + 1 &&
      bit.setting === open.last.setting &&
      bit.note === open.last.note;
    if (open !== undefined && alike) open.last = bit;
    else runs.push({ first: bit, last: bit });
  }
  return runs;
}

function nameIn(row: BitRow | undefined, vocabulary: Vocabulary): Inline {
  return row?.[vocabulary] ?? styled("dim", "-");
}

function bitName({ row, note, bit }: DecodedBit, { register }: DecodedRegister): Inline {
  if (row === undefined) return styled("dim", note ?? `bit ${bit}`);
  return register.layout === "fixed0" || register.layout === "fixed1" ? `${row.key}: ${row.sdm}` : row.sdm;
}

function otherNames({ row }: DecodedBit, names: readonly Vocabulary[]): readonly Inline[] {
  const texts = names.flatMap((vocabulary) => {
    const name = row?.[vocabulary];
    return name === undefined ? [] : [`${VOCABULARIES[vocabulary].label} ${name}`];
  });
  return texts.length === 0 ? [] : [styled("dim", `; ${texts.join(", ")}`)];
}

/** What a TRUE register says beyond its plain one. */
function trueLines({ register, bits, msr }: DecodedRegister, width: number): Line[] {
  if (msr.state === "unknown") return [];
  const plain = hexIndex(register.counterpart ?? 0);
  const freed = bits.filter(({ setting }) => setting === "default1");
  const other = bits.filter(({ setting, plain: byPlain }) => setting !== "default1" && setting !== byPlain);
  const list = (some: readonly DecodedBit[]) =>
    some.map(({ bit, row }) => (row === undefined ? String(bit) : `${bit} ${row.sdm}`)).join(", ");
  const text: Inline =
    freed.length === 0
      ? `as ${plain}: nothing beyond it`
      : [`as ${plain}, and these may be 0, which Linux does not look at: `, styled("unknown", list(freed))];
  const lines = wrap(text, width, "  ");
  return other.length === 0 ? lines : [...lines, ...wrap(`differs from ${plain} in ${list(other)}`, width, "  ")];
}

/** A FIXED register as lists of names: what must be 1, what may be 1, what must be 0. */
function fixedLines({ register, bits, msr }: DecodedRegister, width: number): Line[] {
  if (msr.state === "unknown") return [];
  const settings: readonly Setting[] =
    register.layout === "fixed0" ? ["must be 1"] : ["free", "must be 0", "invalid", "unknown"];
  return settings.flatMap((setting) => {
    const some = bits.filter((bit) => bit.setting === setting);
    if (some.length === 0) return [];
    const names = some.map(({ bit, row }) => row?.key ?? String(bit)).join(" ");
    return wrap(names, width, [styled(SETTING_STYLES[setting], `  ${setting}`), ": "], 4);
  });
}
