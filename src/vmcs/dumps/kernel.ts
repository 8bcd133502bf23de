import type { U64 } from "../../bits/u64.js";
import { parseHexU64 } from "../../bits/u64.js";
import { type Diagnostic, type DiagnosticLog, diagnosticLog } from "../../input/text/diagnostic.js";
import { type ControlName, controlBit } from "../fields/control-bits.js";
import { fieldName, fieldOf, widthOf } from "../fields/fields.js";
import type { MsrLoadEntry, Reported, Vmcs } from "../state.js";
import { exact, known64, type Value64 } from "../value64.js";
import type { VmcsDump } from "./dump.js";
import { reportedFromCode } from "./ended.js";
import { type DumpRow, LINUX_ROWS, type Section, XEN_ROWS } from "./rows.js";
import { numbered, placesOf, type WordPlaces, wordPlaces } from "./word-places.js";

/** A line of a dump without its envelope. */
export interface DumpLine {
  readonly text: string;
  readonly number: number;
  readonly soft: boolean;
}

/** The lines of one dump of Linux or Xen, as the section heads divide them. */
export interface RawDump {
  readonly xen: boolean;
  readonly sections: { readonly [S in Section]?: RawSection };
  readonly first: number;
  readonly last: number;
  readonly name?: string;
  /** A number that the log reports for the failure, from a line outside the dump. */
  readonly code?: number;
  /** Xen's words, as in `Invalid guest state (0)`. */
  readonly xenFailure?: { readonly reason: number; readonly qualification?: U64; readonly entry?: Vmcs["msrEntry"] };
  readonly asides: { readonly [name: string]: string };
}

export interface RawSection {
  /** Line of the section head; of the first line when the head is missing. */
  readonly head: number;
  readonly headless: boolean;
  readonly lines: readonly DumpLine[];
}

/** One joined text per section, so that a value on a wrapped line is found behind its label. */
interface Joined {
  readonly text: string;
  /** Where the words are with which a row can begin. */
  readonly words: WordPlaces;
  readonly starts: readonly number[];
  readonly lines: readonly DumpLine[];
}

/** Blanks that are not one each. */
const UNEVEN = /\s\s|[^\S ]/;

function join(section: RawSection): Joined {
  let text = "";
  const starts: number[] = [];
  for (const line of section.lines) {
    starts.push(text.length);
    const trimmed = line.text.trim();
    const plain = UNEVEN.test(trimmed) ? trimmed.replace(/\s+/g, " ") : trimmed;
    text += line.soft ? plain : `${plain} `;
  }
  return { text, words: wordPlaces(text), starts, lines: section.lines };
}

function placeOf(joined: Joined, offset: number): { line: number; column: number } {
  let low = 0;
  let high = joined.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((joined.starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: joined.lines[low]?.number ?? 1, column: 1 };
}

const ROWS = { linux: numbered(LINUX_ROWS), xen: numbered(XEN_ROWS) };

const SECTION_NAMES = { guest: "Guest State", host: "Host State", control: "Control State" } as const;

/** Reads the fields of one dump. Never throws; what cannot be read is left unknown and said. */
export function readKernelDump(raw: RawDump, file: string | undefined): VmcsDump {
  const log = diagnosticLog(file);
  const fields = new Map<number, Value64>();
  const unusable = new Set<number>();
  const missing: DumpRow[] = [];
  const joined = new Map<Section, Joined>();
  for (const section of ["guest", "host", "control"] as const) {
    const found = raw.sections[section];
    if (found === undefined) {
      log.warning(
        { line: raw.first, column: 1 },
        `the section ${SECTION_NAMES[section]} is missing: none of its fields is known`,
        `*** ${SECTION_NAMES[section]} ***`,
      );
      continue;
    }
    if (found.headless)
      log.warning(
        { line: found.head, column: 1 },
        `the head line of the section ${SECTION_NAMES[section]} is missing`,
        `*** ${SECTION_NAMES[section]} ***`,
      );
    joined.set(section, join(found));
  }
  for (const numberedRow of raw.xen ? ROWS.xen : ROWS.linux) {
    const { row } = numberedRow;
    const text = joined.get(row.section);
    if (text === undefined) continue;
    const places = placesOf(numberedRow, text.words);
    if (!readRow(row, places, text, fields, unusable, log)) missing.push(row);
  }
  for (const section of ["guest", "host", "control"] as const) {
    const lines = missing.filter(
      (row) =>
        row.section === section && row.printed !== undefined && (row.printed === true || isOn(row.printed, fields)),
    );
    const found = raw.sections[section];
    if (lines.length === 0 || found === undefined) continue;
    const labels = lines.map(({ label }) => `"${label}"`);
    const [only] = labels;
    log.warning(
      { line: found.head, column: 1 },
      lines.length === 1
        ? `the line ${only} is missing from the section ${SECTION_NAMES[section]}: its fields are unknown`
        : `${lines.length} lines are missing from the section ${SECTION_NAMES[section]}: their fields are unknown`,
      lines.length === 1 ? undefined : labels.join(", "),
    );
  }
  const control = joined.get("control");
  if (control !== undefined) readInterruptStatus(control, fields, log);
  const guest = joined.get("guest");
  const msrLoad = guest === undefined ? undefined : readMsrList(guest, log);
  if (msrLoad !== undefined)
    fields.set(fieldOf("ctl.entry_msr_load_count").encoding, known64({ lo: msrLoad.length, hi: 0 }));
  const host = joined.get("host");
  const hostList = host === undefined ? undefined : countList(host, /MSR host autoload:/i);
  if (hostList !== undefined) fields.set(fieldOf("ctl.exit_msr_load_count").encoding, known64({ lo: hostList, hi: 0 }));
  const storeList = guest === undefined ? undefined : countList(guest, /MSR (?:guest )?autostore:/i);
  if (storeList !== undefined)
    fields.set(fieldOf("ctl.exit_msr_store_count").encoding, known64({ lo: storeList, hi: 0 }));

  const vmcs: Vmcs = {
    fields,
    ...(msrLoad === undefined ? {} : { msrLoad }),
    ...(raw.xenFailure?.entry === undefined ? {} : { msrEntry: raw.xenFailure.entry }),
    reported: reportedOf(raw, fields),
    ...(Object.keys(raw.asides).length === 0 ? {} : { asides: raw.asides }),
  };
  return {
    vmcs,
    format: raw.xen ? "xen" : "linux",
    lines: [raw.first, raw.last],
    ...(raw.name === undefined ? {} : { name: raw.name }),
    diagnostics: log.list() as readonly Diagnostic[],
  };
}

function isOn(name: ControlName, fields: ReadonlyMap<number, Value64>): boolean {
  const control = controlBit(name);
  const activator = control.word.activatedBy;
  if (activator !== undefined && !isOn(activator, fields)) return false;
  const value = fields.get(control.word.encoding);
  return value !== undefined && ((value.lo.value >>> control.bit) & 1) === 1;
}

/** True when the label was there, readable or not. */
function readRow(
  row: DumpRow,
  places: readonly number[],
  joined: Joined,
  fields: Map<number, Value64>,
  unusable: Set<number>,
  log: DiagnosticLog,
): boolean {
  let seen = false;
  let end = 0;
  for (const place of places) {
    if (place < end) continue;
    const found = row.match.at(joined.text, place);
    if (found === undefined) continue;
    end = found.end;
    seen = true;
    for (let index = 0; index < row.fields.length; index++) {
      const { field, digits } = row.fields[index] as DumpRow["fields"][number];
      const at = found.at[index] as number;
      if (at < 0) {
        // The rest of the line is cut off; the last value of VMEntry and IDTVectoring exists in one series only.
        if (digits === 16 && field.key.endsWith("ev_data")) continue;
        log.warning(placeOf(joined, place), `${fieldName(field)} is missing from the line "${row.label}"`);
        continue;
      }
      const length = found.length[index] as number;
      const lo = found.lo[index] as number;
      const hi = found.hi[index] as number;
      const width = widthOf(field);
      if (length > 16 || (4 * length > width && exceeds(lo, hi, width))) {
        log.error(
          placeOf(joined, place),
          `${joined.text.slice(at, at + length)} is too wide for ${fieldName(field)}, which has ${width} bits; the field stays unknown`,
          `${digits} hex digits`,
        );
        unusable.add(field.encoding);
        fields.delete(field.encoding);
      } else if (length < digits) {
        log.warning(
          placeOf(joined, place),
          `${fieldName(field)} has ${length} hex digits where the format prints ${digits}: the line is cut, the field stays unknown`,
          `${digits} hex digits`,
        );
      } else if (unusable.size === 0 || !unusable.has(field.encoding)) {
        const known = fields.get(field.encoding);
        if (known === undefined) fields.set(field.encoding, known64({ lo, hi }));
        else if (known.lo.value !== lo || known.hi.value !== hi) {
          log.error(
            placeOf(joined, place),
            `${fieldName(field)} has two different values in one dump (the other one is earlier); the field stays unknown`,
          );
          unusable.add(field.encoding);
          fields.delete(field.encoding);
        }
      }
    }
  }
  return seen;
}

/** Whether a value has a bit at or above a width of 16, 32 or 64 bits. */
function exceeds(lo: number, hi: number, width: number): boolean {
  return width === 16 ? lo > 0xffff || hi !== 0 : width === 32 && hi !== 0;
}

/** `SVI|RVI = hh|hh` repeats the guest interrupt status. */
function readInterruptStatus(joined: Joined, fields: Map<number, Value64>, log: DiagnosticLog): void {
  const match = /SVI\|RVI ?= ?([0-9a-f]{2})\|([0-9a-f]{2})\b/i.exec(joined.text);
  if (match === null) return;
  const value = Number.parseInt(`${match[1]}${match[2]}`, 16);
  const encoding = fieldOf("guest.intr_status").encoding;
  const known = fields.get(encoding);
  if (known === undefined) fields.set(encoding, known64({ lo: value, hi: 0 }));
  else if (known.lo.value !== value) {
    log.error(placeOf(joined, match.index), "SVI|RVI and InterruptStatus differ; GUEST_INTR_STATUS stays unknown");
    fields.delete(encoding);
  }
}

const ENTRY = /\s*(\d+): ?msr ?= ?0x([0-9a-f]{1,8}) value ?= ?0x([0-9a-f]{1,16})/giy;

function readMsrList(joined: Joined, log: DiagnosticLog): MsrLoadEntry[] | undefined {
  const head = /MSR guest autoload:/i.exec(joined.text);
  if (head === null) return undefined;
  const entries: MsrLoadEntry[] = [];
  ENTRY.lastIndex = head.index + head[0].length;
  for (let match = ENTRY.exec(joined.text); match !== null; match = ENTRY.exec(joined.text)) {
    const value = parseHexU64(match[3] as string);
    if (value === undefined) break;
    if (Number(match[1]) !== entries.length)
      log.warning(placeOf(joined, match.index), `entry ${entries.length} of the MSR-load list is missing`);
    entries.push({ index: Number.parseInt(match[2] as string, 16), value });
  }
  return entries;
}

function countList(joined: Joined, head: RegExp): number | undefined {
  const found = head.exec(joined.text);
  if (found === null) return undefined;
  let count = 0;
  ENTRY.lastIndex = found.index + found[0].length;
  while (ENTRY.exec(joined.text) !== null) count++;
  return count;
}

/** The exit reason in the VMCS is the hardware's word; without bit 31 it is left from an earlier exit. */
function reportedOf(raw: RawDump, fields: ReadonlyMap<number, Value64>): Reported {
  const reasonField = fields.get(fieldOf("info.exit_reason").encoding);
  const reason = reasonField === undefined ? undefined : exact(reasonField)?.lo;
  const qualificationField = fields.get(fieldOf("info.qualification").encoding);
  const qualification = qualificationField === undefined ? undefined : exact(qualificationField);
  if (reason !== undefined && reason >>> 31 === 1) {
    return {
      kind: "entry-failure",
      reason: reason & 0xffff,
      ...(qualification === undefined ? {} : { qualification }),
    };
  }
  if (raw.code !== undefined) {
    const said = reportedFromCode(raw.code);
    if (said !== undefined && (said.kind === "vmfail" || reason === undefined)) return said;
  }
  if (raw.xenFailure !== undefined && reason === undefined) {
    const { qualification: q } = raw.xenFailure;
    return {
      kind: "entry-failure",
      reason: raw.xenFailure.reason & 0xffff,
      ...(q === undefined ? {} : { qualification: q }),
    };
  }
  return reason === undefined ? { kind: "unknown" } : { kind: "other", reason };
}
