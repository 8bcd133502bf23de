/**
 * Compares the tables under src/spec, cell by cell, with a table of names in JSON that was gathered independently:
 *
 *     npx tsx tools/check-spec.ts NAMES.json
 *
 * `bits` of that file has one object per bit, `fields` one per multi-bit field, `observedUnnamed` one per unnamed bit.
 * Prints every difference and exits 1 when there is one. A row of ours whose `source` says that it comes from somewhere
 * else is named, but does not count as a difference.
 */
import { readFileSync } from "node:fs";
import type { BitRow } from "../src/registers/bit-row.js";
import { REGISTERS, type RegisterRow, registerOf } from "../src/registers/registers.js";

interface NamesFile {
  readonly bits: readonly Readonly<Record<string, string | number | null>>[];
  readonly fields: readonly { readonly msr: string; readonly bits: string; readonly sdm: string }[];
  readonly observedUnnamed: readonly { readonly msr: string; readonly bit: number; readonly seen: string }[];
}

/** Columns of the file, ours beside them. */
const COLUMNS: readonly (readonly [string, keyof BitRow])[] = [
  ["sdm", "sdm"],
  ["linuxDefine", "linux"],
  ["linuxFeature", "feature"],
  ["linuxCpuinfo", "cpuinfo"],
  ["qemu", "qemu"],
  ["qemuDefine", "qemuMacro"],
  ["libvirt", "libvirt"],
  ["xen", "xen"],
  ["xenBootLine", "xenBoot"],
  ["ia32doc", "ia32doc"],
  ["vmxcap", "vmxcap"],
];
/** Columns that say which bit a row is about, and columns that are compared in their own way or said elsewhere. */
const OTHER_COLUMNS = ["group", "msr", "bit", "trueMsr", "allowed1Bit", "sdmNote", "qemuSince", "libvirtQemuAlias"];

/** Every difference between our tables and the file, and rows of ours that the file need not have. */
export function compareSpec(file: NamesFile): { differences: string[]; additions: string[]; cells: number } {
  const differences: string[] = [];
  const additions: string[] = [];
  let cells = 0;
  // CR bits, and the TRUE registers that share a table with the plain ones, are not in the file.
  const ours = new Map<string, BitRow>();
  for (const register of REGISTERS as readonly RegisterRow[]) {
    if (register.isTrue || register.layout === "fixed0" || register.layout === "fixed1") continue;
    for (const row of register.bits) ours.set(place(register.index, row.bit), row);
  }
  for (const theirs of file.bits) {
    const where = place(Number(theirs.msr), Number(theirs.bit));
    const row = ours.get(where);
    ours.delete(where);
    for (const column of Object.keys(theirs)) {
      if (!OTHER_COLUMNS.includes(column) && !COLUMNS.some(([name]) => name === column)) {
        differences.push(`${where}: the file has a column "${column}" that is not compared`);
      }
    }
    if (row === undefined) {
      differences.push(`${where}: missing here, the file has "${theirs.sdm}"`);
      continue;
    }
    const register = registerOf(Number(theirs.msr)) as RegisterRow;
    cells += 3;
    const trueMsr = register.counterpart === undefined ? undefined : `0x${register.counterpart.toString(16)}`;
    if (trueMsr !== (theirs.trueMsr ?? undefined)) differences.push(`${where}: TRUE register ${quoted(trueMsr)} here`);
    const allowed1Bit = register.layout === "controls" ? row.bit + 32 : undefined;
    if (allowed1Bit !== (theirs.allowed1Bit ?? undefined)) {
      differences.push(
        `${where}: allowed-1 bit ${quoted(allowed1Bit)} here, ${quoted(theirs.allowed1Bit)} in the file`,
      );
    }
    if (typeof theirs.sdmNote === "string" && (row.source ?? register.source) === "sdm") {
      differences.push(`${where}: SDM claimed as the source here, the file has "${theirs.sdmNote}"`);
    }
    for (const [column, member] of COLUMNS) {
      cells += 1;
      const wanted = theirs[column] ?? undefined;
      const found = member === "feature" && row.feature ? `VMX_FEATURE_${row.feature}` : row[member];
      if (found !== wanted)
        differences.push(`${where} ${member}: ${quoted(found)} here, ${quoted(wanted)} in the file`);
    }
  }
  for (const [where, row] of ours) {
    if (row.source === undefined) differences.push(`${where}: "${row.sdm}" here, nothing in the file`);
    else additions.push(`${where}: "${row.sdm}" (source: ${row.source})`);
  }

  const fields = new Map<string, string>();
  const unnamed = new Map<string, string>();
  for (const register of REGISTERS as readonly RegisterRow[]) {
    if (register.isTrue) continue;
    for (const { high, low, sdm } of register.fields) fields.set(place(register.index, `${high}:${low}`), sdm);
    for (const { bit, seen } of register.unnamed) if (seen) unnamed.set(place(register.index, bit), seen);
  }
  cells += compareText(
    fields,
    file.fields.map(({ msr, bits, sdm }) => [place(Number(msr), bits), sdm]),
    differences,
  );
  cells += compareText(
    unnamed,
    file.observedUnnamed.map(({ msr, bit, seen }) => [place(Number(msr), bit), seen]),
    differences,
  );
  return { differences, additions, cells };
}

function compareText(ours: Map<string, string>, theirs: [string, string][], differences: string[]): number {
  for (const [where, text] of theirs) {
    const found = ours.get(where);
    ours.delete(where);
    if (found !== text) differences.push(`${where}: ${quoted(found)} here, ${quoted(text)} in the file`);
  }
  for (const [where, text] of ours) differences.push(`${where}: ${quoted(text)} here, nothing in the file`);
  return theirs.length;
}

function place(msr: number, bits: number | string): string {
  return `0x${msr.toString(16)} ${typeof bits === "number" ? `bit ${bits}` : `bits ${bits}`}`;
}

function quoted(text: unknown): string {
  return text === undefined ? "nothing" : JSON.stringify(text);
}

function main(path: string | undefined): number {
  if (path === undefined) {
    console.error("usage: npx tsx tools/check-spec.ts NAMES.json");
    return 2;
  }
  const { differences, additions, cells } = compareSpec(JSON.parse(readFileSync(path, "utf8")) as NamesFile);
  for (const line of additions) console.log(`only here, by its source: ${line}`);
  for (const line of differences) console.log(line);
  console.log(`${cells} cells compared, ${differences.length} differences`);
  return differences.length === 0 ? 0 : 1;
}

if (process.argv[1]?.endsWith("check-spec.ts")) process.exitCode = main(process.argv[2]);
