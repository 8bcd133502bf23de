import { checkNumber, checkText } from "../../bits/misuse.js";
import { nearest } from "../../registers/edit-distance.js";
import type { FieldRow } from "./field-row.js";
import { CONTROL_FIELDS } from "./fields-control.js";
import { GUEST_FIELDS } from "./fields-guest.js";
import { HOST_FIELDS } from "./fields-host.js";
import { INFO_FIELDS } from "./fields-info.js";

/** Key of a VMCS field, as in `"guest.cs.ar"`. A misspelt one does not compile. */
export type FieldKey =
  | (typeof CONTROL_FIELDS)[number]["key"]
  | (typeof INFO_FIELDS)[number]["key"]
  | (typeof GUEST_FIELDS)[number]["key"]
  | (typeof HOST_FIELDS)[number]["key"];

/** All 206 components, by type (control, exit information, guest, host) and encoding. */
export const FIELDS: readonly FieldRow[] = [...CONTROL_FIELDS, ...INFO_FIELDS, ...GUEST_FIELDS, ...HOST_FIELDS];

/** Bits of a field. `natural`: 64 on a CPU with Intel 64 architecture, 32 on another. */
export type FieldWidth = 16 | 32 | 64 | "natural";

/** Which part of the VMCS a field is in; `read-only` is the VM-exit information. */
export type FieldType = "control" | "read-only" | "guest" | "host";

/** What the encoding itself says (SDM volume 3, 26.11.2): bits 14:13 width, 11:10 type, 9:1 index, 0 high half. */
export interface EncodingParts {
  readonly width: FieldWidth;
  readonly type: FieldType;
  readonly index: number;
  readonly high: boolean;
}

const WIDTHS: readonly FieldWidth[] = [16, 64, 32, "natural"];
const TYPES: readonly FieldType[] = ["control", "read-only", "guest", "host"];

/** Takes an encoding apart; `undefined` when a reserved bit (12, 31:15) is set or bit 0 on a field without halves. */
export function splitEncoding(encoding: number): EncodingParts | undefined {
  if (!Number.isInteger(encoding) || encoding < 0 || encoding > 0x7fff || (encoding >>> 12) & 1) return undefined;
  const width = WIDTHS[(encoding >>> 13) & 3] as FieldWidth;
  const high = (encoding & 1) === 1;
  if (high && width !== 64) return undefined;
  return { width, type: TYPES[(encoding >>> 10) & 3] as FieldType, index: (encoding >>> 1) & 0x1ff, high };
}

/** Bits that the field holds; a natural-width field is taken as 64 bits. */
export function widthOf(row: FieldRow): 16 | 32 | 64 {
  const width = WIDTHS[(row.encoding >>> 13) & 3] as FieldWidth;
  return width === "natural" ? 64 : width;
}

const byEncoding = new Map<number, FieldRow>(FIELDS.map((row) => [row.encoding, row]));
const byKey = new Map<string, FieldRow>(FIELDS.map((row) => [row.key, row]));

/** The field with this encoding; the encoding of a high half finds the whole field. */
export function fieldByEncoding(encoding: number): FieldRow | undefined {
  checkNumber(encoding, "encoding", "the encoding of a field");
  return byEncoding.get(encoding) ?? (splitEncoding(encoding)?.high ? byEncoding.get(encoding & ~1) : undefined);
}

/** The field with this key. Throws `RangeError` for a key that does not exist. */
export function fieldOf(key: FieldKey): FieldRow {
  const row = byKey.get(key);
  if (row === undefined) throw new RangeError(`no VMCS field has the key ${key}`);
  return row;
}

/** Name to show: the Linux one, else Xen's, else the SDM's. */
export function fieldName(row: FieldRow): string {
  return row.linux ?? row.xen ?? row.sdm;
}

function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

let names: Map<string, FieldRow> | undefined;

function nameIndex(): Map<string, FieldRow> {
  if (names !== undefined) return names;
  const index = new Map<string, FieldRow>();
  const put = (name: string | undefined, row: FieldRow) => {
    if (name === undefined) return;
    const key = plain(name);
    if (!index.has(key)) index.set(key, row);
  };
  for (const row of FIELDS) put(row.linux, row);
  for (const row of FIELDS) {
    put(row.xen, row);
    put(row.key, row);
    put(row.sdm, row);
    put(row.sdm.split(" (", 1)[0], row);
    // The manual of 2026 renamed six components; both names stay in use.
    put(/\(formerly ([^()]{1,80})\)$/.exec(row.sdm)?.[1], row);
  }
  for (const [alias, key] of ALIASES) put(alias, fieldOf(key));
  names = index;
  return index;
}

/** Spellings of other programs that none of the name columns holds. */
const ALIASES: readonly (readonly [string, FieldKey])[] = [
  ["GUEST_CS_ACCESS_RIGHTS", "guest.cs.ar"],
  ["GUEST_SS_ACCESS_RIGHTS", "guest.ss.ar"],
  ["GUEST_DS_ACCESS_RIGHTS", "guest.ds.ar"],
  ["GUEST_ES_ACCESS_RIGHTS", "guest.es.ar"],
  ["GUEST_FS_ACCESS_RIGHTS", "guest.fs.ar"],
  ["GUEST_GS_ACCESS_RIGHTS", "guest.gs.ar"],
  ["GUEST_LDTR_ACCESS_RIGHTS", "guest.ldtr.ar"],
  ["GUEST_TR_ACCESS_RIGHTS", "guest.tr.ar"],
  ["GUEST_INTERRUPTIBILITY", "guest.interruptibility"],
  ["GUEST_INTERRUPTIBILITY_STATE", "guest.interruptibility"],
  ["GUEST_PENDING_DEBUG_EXCEPTIONS", "guest.pending_dbg"],
  ["GUEST_PENDING_DEBUG_EXCEPT", "guest.pending_dbg"],
  ["VM_ENTRY_INTERRUPTION_INFORMATION", "ctl.ev"],
  ["VM_ENTRY_INTERRUPTION_INFO", "ctl.ev"],
  ["VM_ENTRY_INTR_INFORMATION", "ctl.ev"],
  ["GUEST_PDPTR_0", "guest.pdpte0"],
  ["VMCS_LINK_PTR", "guest.link"],
  ["EPTP", "ctl.eptp"],
  ["VPID", "ctl.vpid"],
  ["EXIT_REASON", "info.exit_reason"],
  ["VM_EXIT_QUALIFICATION", "info.qualification"],
  ["CR3_TARGET_VAL_BASE", "ctl.cr3_target0"],
  ["PRIMARY_PROCESSOR_BASED_VM_EXEC_CONTROL", "ctl.proc"],
  ["PROC_BASED_VM_EXEC_CONTROL", "ctl.proc"],
  ["PRIMARY_VM_EXEC_CONTROL", "ctl.proc"],
  ["SECONDARY_PROC_BASED_VM_EXEC_CONTROL", "ctl.proc2"],
  ["GUEST_DR_7", "guest.dr7"],
  ["GUEST_EFLAGS", "guest.rflags"],
  ["GUEST_EIP", "guest.rip"],
  ["GUEST_ESP", "guest.rsp"],
  ["HOST_EIP", "host.rip"],
  ["HOST_ESP", "host.rsp"],
];

/**
 * Finds a field by encoding (`0x6820`, `6820h`, or four bare hex digits) or by any of its names: SDM, Linux, Xen, or
 * the project's key. Case and punctuation do not count; a leading `VMX_`, `VMCS_` or `kVmx` does not either.
 */
export function findField(name: string): FieldRow | undefined {
  checkText(name, "name", "the name or encoding of a field");
  const text = name.trim();
  const hex = /^(?:0x([0-9a-f]{1,8})|([0-9a-f]{4})h?)$/i.exec(text);
  if (hex !== null) {
    const row = fieldByEncoding(Number.parseInt((hex[1] ?? hex[2]) as string, 16));
    if (row !== undefined) return row;
  }
  const index = nameIndex();
  const key = plain(text);
  return index.get(key) ?? index.get(key.replace(/^(?:vmx|vmcs|kvmx|rw|ro)/, ""));
}

/** Up to `limit` names that a misspelt one may have meant, nearest first. */
export function nearFields(name: string, limit = 3): string[] {
  const index = nameIndex();
  const rows = new Set<FieldRow>();
  for (const folded of nearest(plain(name), index.keys(), 3 * limit)) {
    const row = index.get(folded);
    if (row !== undefined) rows.add(row);
  }
  return [...rows].slice(0, limit).map(fieldName);
}

/**
 * The fields that a name means: the one that `findField` finds, else all that a dump shows under that name (`RFLAGS`,
 * `CR0: gh_mask`) or whose key has the name as a part of it (`cs`: selector, base, limit and access rights of guest and
 * host). Guest fields come first.
 */
export function findFields(name: string): readonly FieldRow[] {
  const only = findField(name);
  if (only !== undefined) return [only];
  const wanted = plain(name);
  if (wanted === "") return [];
  const shown = FIELDS.filter((row) => dumpNames(row).some((own) => plain(own) === wanted));
  if (shown.length > 0) return shown;
  return FIELDS.filter(({ key }) => key.split(".").some((part) => plain(part) === wanted));
}

/** What dumps print for a field, whole and without what is only said about it: `SSP (6.18+)` is `SSP`, too. */
function dumpNames({ linuxDump, xenDump }: FieldRow): readonly string[] {
  return [linuxDump, xenDump].flatMap((text) => {
    if (text === undefined) return [];
    const bare = text.replace(/ ?\([^()]*\)/g, "");
    return [text, bare, ...bare.split(/[;|]/)].filter((one) => plain(one) !== "");
  });
}
