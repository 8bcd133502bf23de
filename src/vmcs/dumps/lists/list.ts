import { type DiagnosticLog, diagnosticLog } from "../../../input/text/diagnostic.js";
import { namedField } from "../../fields/field-names.js";
import type { FieldRow } from "../../fields/field-row.js";
import { fieldByEncoding, fieldName, splitEncoding, widthOf } from "../../fields/fields.js";
import type { Reported } from "../../state.js";
import { compareU64, exact, lowMask, type Value64 } from "../../value64.js";
import type { VmcsDump } from "../dump.js";
import { reportedFromReason } from "../ended.js";
import { type DocumentBase, documentBase, type Written, writtenValue } from "./base.js";
import { isWrite, LIST_MOST, type ListItem } from "./list-collector.js";
import { type NearNames, nearNamesOnce } from "./near-names.js";
import { decimalEncoding } from "./pair-name.js";

function writtenOf({ line, digits, base, field }: ListItem): Written {
  return { line, digits, base, row: field?.row, high: field?.high === true };
}

/** Where one encoding of a text is in decimal, all bare ones are: `2052` is 0x804 then. */
function isDecimalKey({ name }: ListItem): boolean {
  return decimalEncoding(name) !== undefined;
}

function withDecimalKey(item: ListItem): ListItem {
  if (!/^\d{1,5}$/.test(item.name)) return item;
  const encoding = Number(item.name);
  const row = fieldByEncoding(encoding);
  const { field: _, ...rest } = item;
  const name = `0x${encoding.toString(16)}`;
  return { ...rest, name, encoding, ...(row === undefined ? {} : { field: { row, high: encoding !== row.encoding } }) };
}

/** The lists of one text: one program printed them, so that they have one base. */
export function readLists(
  found: readonly (readonly ListItem[])[],
  ended: Reported | undefined,
  file: string | undefined,
): readonly VmcsDump[] {
  const lists = found.some((list) => list.some(isDecimalKey)) ? found.map((list) => list.map(withDecimalKey)) : found;
  const document = documentBase(lists.flatMap((list) => list.map(writtenOf)));
  const near = nearNamesOnce();
  return lists.map((list) => readList(list, { document, near, file }, ended));
}

/** One 64-bit field as it comes in: whole, or the two halves. */
interface Halves {
  readonly row: FieldRow;
  whole?: { readonly lo: number; readonly hi: number };
  high?: number;
  line: number;
  broken?: true;
}

/** The text that a list is in. */
interface Source {
  readonly document: DocumentBase;
  readonly near: NearNames;
  readonly file: string | undefined;
}

function readList(items: readonly ListItem[], { document, near, file }: Source, ended: Reported | undefined): VmcsDump {
  const log = diagnosticLog(file);
  const read = new Map<number, Halves>();
  const strange: ListItem[] = [];
  if (document.base !== undefined && items.some(({ base, digits }) => base === "bare" && digits.length > 1)) {
    const base = document.base === "hex" ? "hexadecimal" : "decimal";
    log.note(
      { line: items[0]?.line ?? 1, column: 1 },
      `values without 0x are read as ${base}: ${document.because}${document.because.endsWith(" is") || document.because.endsWith(" are") ? ` ${base}` : ""}`,
    );
  }
  // `RFLAGS` beside `GUEST_RFLAGS` is another value: the flags after VMREAD, the registers of the host.
  const named = new Set(
    items.flatMap(({ field, plain }) => (plain === true || field === undefined ? [] : [field.row])),
  );
  for (const item of items) {
    const { field, line, digits } = item;
    const at = { line, column: 1 };
    if (item.plain === true && field !== undefined && named.has(field.row)) {
      strange.push(item);
      continue;
    }
    if (field === undefined) {
      if (!complain(item, log, near)) strange.push(item);
      continue;
    }
    const { row, high } = field;
    if (item.encoding !== undefined && !/^0x/i.test(item.name) && item.haxm !== true) {
      const named = namedField(item.name);
      if (named !== undefined && named.row !== row)
        log.warning(at, `0x${item.encoding.toString(16)} is ${fieldName(row)}, not ${item.name}; the encoding counts`);
    }
    if (item.byMeaning === true) log.note(at, `${item.name} is read as ${fieldName(row)}, which has the same words`);
    const value = writtenValue(digits, item.base, document.base);
    if (value === "open") {
      log.error(at, `${digits} could be decimal or hexadecimal; ${fieldName(row)} stays unknown`, `0x${digits}`);
      continue;
    }
    let known = read.get(row.encoding);
    if (known === undefined) {
      known = { row, line };
      read.set(row.encoding, known);
    }
    const bits = high ? 32 : widthOf(row);
    // Some programs print the reason with a sign; what it says is read with the lines around the list.
    if (row.key === "info.exit_reason" && value !== "wide" && value.hi === 0xffff_ffff) continue;
    if (value === "wide" || compareU64(value, lowMask(bits)) > 0) {
      log.error(
        at,
        `${item.base === "decimal" || document.base === "decimal" ? "" : "0x"}${digits} is too wide for ${fieldName(row)}, which has ${bits} bits; the field stays unknown`,
      );
      known.broken = true;
      continue;
    }
    const before = high ? known.high : known.whole;
    const same =
      before === undefined || (typeof before === "number" ? before === value.lo : compareU64(before, value) === 0);
    if (!same && !isWrite(item)) {
      log.error(at, `${fieldName(row)} has another value in line ${known.line}; the field stays unknown`);
      known.broken = true;
      continue;
    }
    if (high) known.high = value.lo;
    else known.whole = value;
    known.line = line;
  }
  summary(strange, log);
  if (items.length >= LIST_MOST)
    log.warning({ line: items.at(-1)?.line ?? 1, column: 1 }, `the list is cut after ${LIST_MOST} lines`);
  const fields = new Map<number, Value64>();
  for (const halves of read.values()) {
    const value = joined(halves, log);
    if (value !== undefined) fields.set(halves.row.encoding, value);
  }
  const first = items[0]?.line ?? 1;
  return {
    vmcs: { fields, reported: reportedOf(fields, ended) },
    format: items.some(({ haxm }) => haxm === true) ? "haxm" : "list",
    lines: [first, items.at(-1)?.line ?? first],
    diagnostics: log.list(),
  };
}

/** The fields of the list are the CPU's own word; what the lines around it say counts where they are silent. */
function reportedOf(fields: ReadonlyMap<number, Value64>, ended: Reported | undefined): Reported {
  const own = reportedIn(fields);
  return ended !== undefined && (own.kind === "unknown" || own.kind === "other") ? ended : own;
}

/** A field from its halves: VMREAD of a whole field gives 64 bits on a 64-bit processor, the low half on another. */
function joined({ row, whole, high, line, broken }: Halves, log: DiagnosticLog): Value64 | undefined {
  if (broken === true || (whole === undefined && high === undefined)) return undefined;
  if (whole === undefined) return { lo: { value: 0, unknown: 0xffff_ffff }, hi: { value: high ?? 0, unknown: 0 } };
  if (high !== undefined && whole.hi !== 0 && whole.hi !== high) {
    log.error(
      { line, column: 1 },
      `the high half of ${fieldName(row)} is another one than in the whole field; the field stays unknown`,
    );
    return undefined;
  }
  return { lo: { value: whole.lo, unknown: 0 }, hi: { value: high ?? whole.hi, unknown: 0 } };
}

/** Complains about a name or an encoding that is not a field's; false where it does not look like one. */
function complain({ line, name, encoding }: ListItem, log: DiagnosticLog, near: NearNames): boolean {
  const at = { line, column: 1 };
  if (encoding !== undefined) {
    const parts = splitEncoding(encoding);
    const shape =
      parts === undefined
        ? "is not a VMCS encoding (a reserved bit is set)"
        : `would be a ${parts.width === "natural" ? "natural-width" : `${parts.width}-bit`} ${parts.type} field that no manual lists`;
    log.warning(at, `0x${encoding.toString(16)} ${shape}`);
    return true;
  }
  if (!/^[A-Za-z]+_[A-Za-z0-9_]+$/.test(name) && !/guest|host|vmcs|ctrl|control|vm_?e(?:ntry|xit)/i.test(name))
    return false;
  log.warning(at, `no VMCS field is called ${name}`, () => near(name));
  return true;
}

const NAMES_SHOWN = 8;

/** One note for the lines of the list that name something else: general registers, a time, a vCPU. */
function summary(strange: readonly ListItem[], log: DiagnosticLog): void {
  const names = [...new Set(strange.map(({ name }) => name))];
  const [first] = strange;
  if (first === undefined) return;
  const more = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  log.note(
    { line: first.line, column: 1 },
    `of the list ${names.length === 1 ? "one name is" : `${names.length} names are`} not a field of a VMCS: ${names.slice(0, NAMES_SHOWN).join(", ")}${more}`,
  );
}

/** What the exit-information fields of a complete list say. */
export function reportedIn(fields: ReadonlyMap<number, Value64>): Reported {
  const get = (encoding: number) => {
    const value = fields.get(encoding);
    return value === undefined ? undefined : exact(value);
  };
  const reason = get(0x4402)?.lo;
  const qualification = get(0x6400);
  const said = reason === undefined ? undefined : reportedFromReason(reason, qualification);
  if (said?.kind === "entry-failure") return said;
  const error = get(0x4400)?.lo;
  if (error !== undefined && error > 0 && error <= 28) return { kind: "vmfail", error };
  return said ?? { kind: "unknown" };
}
