import { checkNumber, checkText } from "../../bits/misuse.js";
import { once } from "../../bits/once.js";
import { editDistance, foldNames, nearestOf } from "../../registers/edit-distance.js";
import type { FieldRow } from "./field-row.js";
import { FIELDS, type FieldKey, fieldByEncoding, fieldName, fieldOf, splitEncoding } from "./fields.js";
import { HEADER_NAMES } from "./header-names.js";

/** What a name or an encoding means: a field, or bits 63:32 of one. */
export interface NamedField {
  readonly row: FieldRow;
  readonly high: boolean;
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
  // OpenBSD, ACRN, XMHF, HAXM, Intel's GitHub projects: what their headers say otherwise than the eight in the table.
  ["PROCBASED_CTLS", "ctl.proc"],
  ["PROCBASED2_CTLS", "ctl.proc2"],
  ["PROCBASED_CTLS2", "ctl.proc2"],
  ["PROC_VM_EXEC_CONTROLS2", "ctl.proc2"],
  ["CPU_BASED2_CONTROLS", "ctl.proc2"],
  ["SECCPU_BASED", "ctl.proc2"],
  ["CONTROLS_ON_ENTRY", "ctl.entry"],
  ["CONTROLS_ON_EXIT", "ctl.exit"],
  ["PI_NOTIFICATION_VECTOR", "ctl.posted_intr_nv"],
  ["VAPIC_PAGE", "ctl.virtual_apic"],
  ["APIC_ACCESS_PAGE_ADDR", "ctl.apic_access"],
  ["CR0_HOST_MASK", "ctl.cr0_mask"],
  ["CR4_HOST_MASK", "ctl.cr4_mask"],
  ["TSC_OFF", "ctl.tsc_offset"],
  ["VMS_LINK_PTR", "guest.link"],
  ["GUEST_PENDING_DBE", "guest.pending_dbg"],
  ["GUEST_PENDING_DEBUG_X", "guest.pending_dbg"],
  ["GUEST_INTERRUPTIBILITY_ST", "guest.interruptibility"],
  ["GUEST_INTABILITY_INFO", "guest.interruptibility"],
  ["GUEST_ACT_STATE", "guest.activity"],
  ["VMINSTR_ERROR", "info.instruction_error"],
  // What VirtualBox prints when it cannot start a guest, and bhyvectl.
  ["PROC_CTLS2", "ctl.proc2"],
  ["HCPHYS_MSR_BITMAP", "ctl.msr_bitmap"],
  ["HCPHYS_GUEST_MSR_LOAD", "ctl.entry_msr_load_addr"],
  ["HCPHYS_GUEST_MSR_STORE", "ctl.exit_msr_store_addr"],
  ["HCPHYS_HOST_MSR_LOAD", "ctl.exit_msr_load_addr"],
  ["VMCS_LINK", "guest.link"],
];

/** Letters and digits, in lower case: spellings differ in the rest. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]+/g, "");
}

/** What headers put before the name of the field. */
const PREFIX =
  /^(?:VMX_VMCS(?:16|32|64)?_(?:CTRL_|RO_)?|VMCS_(?:16|32|64)BIT_(?:CONTROL_)?|VMCS_(?:CTRL_|RO_)?|VMX_|k(?=[A-Z])|(?:control|ro)::)/;

type NameIndex = ReadonlyMap<string, FieldRow>;

function putName(index: Map<string, FieldRow>, name: string | undefined, row: FieldRow): void {
  if (name === undefined) return;
  const key = plain(name);
  if (!index.has(key)) index.set(key, row);
}

/** The names of the manual, Linux and Xen, the project's keys and the aliases. */
const ownNames = once((): NameIndex => {
  const index = new Map<string, FieldRow>();
  const put = (name: string | undefined, row: FieldRow) => putName(index, name, row);
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
  return index;
});

const nameIndex = once((): NameIndex => {
  const index = new Map(ownNames());
  const headers = headerNames();
  for (const [name, row] of headers) putName(index, name, row);
  // Without its prefix, where that leaves a name of no other field.
  for (const [name, row] of headers) if (PREFIX.test(name)) putName(index, name.replace(PREFIX, ""), row);
  return index;
});

/** The names of headers that are not found by the others, with their fields. */
function headerNames(): readonly (readonly [name: string, row: FieldRow])[] {
  return HEADER_NAMES.split("\n").flatMap((line) => {
    const [encoding, ...found] = line.split(" ");
    const row = fieldByEncoding(Number.parseInt(encoding as string, 16));
    return row === undefined ? [] : found.map((name) => [name, row] as const);
  });
}

/**
 * What a name means without the names of headers.
 *
 * @internal For tools/gen-vmcs-names.ts, which writes only those that this does not find.
 */
export function namedByRule(name: string): NamedField | undefined {
  return byPlainName(plain(name), ownNames());
}

/** `VMX_`, `VMCS_` and the like before a name that is known without them. */
const BEFORE =
  /^(?:l4vcpu|kvmx|vmx|vmcs12|vmcs02|vmcs01|vmcs|field|control|ctrl|info|rw|ro|(?:16|32|64)bit|(?:16|32|64)(?=ctrl|ro|guest|host)|k)/;
/** The two halves of a 64-bit field, as the manual names them; `_FULL` means the whole field, or its low half. */
const HALF = /(?:full|high|hi)$/;

function byPlainName(key: string, index: NameIndex = nameIndex()): NamedField | undefined {
  for (let rest = key; rest !== ""; ) {
    const row = index.get(rest);
    if (row !== undefined) return { row, high: false };
    const half = HALF.exec(rest)?.[0];
    const whole = half === undefined ? undefined : index.get(rest.slice(0, -half.length));
    const isWide = whole !== undefined && splitEncoding(whole.encoding)?.width === 64;
    // Some write it behind every name.
    if (whole !== undefined && (isWide || half === "full")) return { row: whole, high: half !== "full" };
    const shorter = rest.replace(BEFORE, "");
    if (shorter === rest) return undefined;
    rest = shorter;
  }
  return undefined;
}

/** Words that mean the same in names of fields, or several; an empty one says nothing. */
const SYNONYMS: { readonly [word: string]: string } = {
  access: "ar",
  rights: "ar",
  right: "ar",
  attr: "ar",
  attrs: "ar",
  attrib: "ar",
  attribs: "ar",
  attribute: "ar",
  attributes: "ar",
  bytes: "",
  byte: "",
  field: "",
  vmcs: "",
  vmx: "",
  vm: "",
  ia32: "",
  based: "",
  exec: "",
  execution: "",
  vmexec: "",
  state: "",
  addr: "",
  address: "",
  ptr: "",
  pointer: "",
  value: "",
  val: "",
  the: "",
  of: "",
  ctrl: "ctl",
  ctrls: "ctl",
  ctls: "ctl",
  control: "ctl",
  controls: "ctl",
  sel: "selector",
  lim: "limit",
  ent: "entry",
  vmentry: "entry",
  exi: "exit",
  vmexit: "exit",
  int: "intr",
  irq: "intr",
  interrupt: "intr",
  interruption: "intr",
  information: "info",
  exceptions: "exc",
  exception: "exc",
  xcpt: "exc",
  xcpts: "exc",
  except: "exc",
  err: "error",
  proc: "cpu",
  processor: "cpu",
  pinbased: "pin",
  procbased: "cpu",
  cpubased: "cpu",
  proc1: "cpu pri",
  proc2: "cpu secondary",
  procbased2: "cpu secondary",
  cpu2: "cpu secondary",
  primary: "pri",
  sec: "secondary",
  tert: "tertiary",
  cnt: "count",
  ld: "load",
  st: "store",
  actv: "activity",
  dbg: "debug",
  pend: "pending",
  phys: "physical",
  lin: "linear",
  gdt: "gdtr",
  idt: "idtr",
  ip: "rip",
  sp: "rsp",
  flags: "rflags",
  rflag: "rflags",
  eflags: "rflags",
  dbgctl: "debugctl",
  interruptability: "interruptibility",
  pfec: "page fault error code",
  pf: "page fault",
  ec: "error code",
  vapic: "virtual apic",
  ctl2: "ctl secondary",
  ctls2: "ctl secondary",
  ctrl2: "ctl secondary",
  ctrls2: "ctl secondary",
  control2: "ctl secondary",
  controls2: "ctl secondary",
  qual: "qualification",
  instr: "instruction",
  insn: "instruction",
  inst: "instruction",
  len: "length",
  virt: "virtual",
  vec: "vector",
  eptp: "ept",
  bitmaps: "bitmap",
  pdptr0: "pdpte0",
  pdptr1: "pdpte1",
  pdptr2: "pdpte2",
  pdptr3: "pdpte3",
};

/** What a name says: its words, with abbreviations written out, in no order. */
function meaningOf(name: string): readonly string[] {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  const said = new Set<string>();
  for (const word of words) {
    for (const meaning of (SYNONYMS[word] ?? word).split(" ")) if (meaning !== "") said.add(meaning);
  }
  return [...said].sort();
}

interface Meaning {
  readonly row: FieldRow;
  readonly words: ReadonlySet<string>;
}
let meanings: { readonly all: readonly Meaning[]; readonly exact: Map<string, FieldRow | undefined> } | undefined;

function meaningIndex() {
  if (meanings !== undefined) return meanings;
  const all: Meaning[] = [];
  const exact = new Map<string, FieldRow | undefined>();
  const put = (name: string | undefined, row: FieldRow) => {
    if (name === undefined) return;
    const words = meaningOf(name);
    const key = words.join(" ");
    if (exact.has(key)) {
      if (exact.get(key) !== row) exact.set(key, undefined);
      return;
    }
    exact.set(key, row);
    all.push({ row, words: new Set(words) });
  };
  for (const row of FIELDS) for (const name of [row.linux, row.xen, row.key, row.sdm.split(" (", 1)[0]]) put(name, row);
  for (const [alias, key] of ALIASES) put(alias, fieldOf(key));
  for (const [name, row] of headerNames()) put(name.replace(PREFIX, ""), row);
  meanings = { all, exact };
  return meanings;
}

/** A capability MSR, which has the words of the controls that it limits. */
const CAPABILITY_MSR = /ia32_?vmx|msr_vmx/i;

/** The field whose words a name all has, whatever their order and spelling; `undefined` when two have them. */
export function fieldByMeaning(name: string): FieldRow | undefined {
  if (CAPABILITY_MSR.test(name)) return undefined;
  const words = meaningOf(name);
  // One word alone is too little to go by.
  return words.length < 2 ? undefined : meaningIndex().exact.get(words.join(" "));
}

/** The words of a set of controls where nothing says that they are controls: `pin`, `proc-based`, `secondary`, `entry`. */
const CONTROLS: readonly (readonly [words: string, FieldKey])[] = [
  ["pin", "ctl.pin"],
  ["cpu", "ctl.proc"],
  ["pri", "ctl.proc"],
  ["cpu pri", "ctl.proc"],
  ["secondary", "ctl.proc2"],
  ["cpu secondary", "ctl.proc2"],
  ["tertiary", "ctl.proc3"],
  ["cpu tertiary", "ctl.proc3"],
  ["exit", "ctl.exit"],
  ["entry", "ctl.entry"],
];

const controlWords = once(() => new Map(CONTROLS.map(([words, key]) => [words, fieldOf(key)])));

/** Whether a field is one of the sets of controls. */
export function isControls(row: FieldRow): boolean {
  return CONTROLS.some(([, key]) => key === row.key);
}

/** The controls that a name of a word or two means beside the names of others. */
export function controlsInShort(name: string): FieldRow | undefined {
  const words = meaningOf(name).filter((word) => word !== "ctl");
  return controlWords().get(words.join(" "));
}

/** A field of the guest, where a name does not say "guest" and the host has none like it. */
function guestByMeaning(name: string): FieldRow | undefined {
  const words = meaningOf(name);
  const { exact } = meaningIndex();
  const of = (side: string) => exact.get([...words, side].sort().join(" "));
  return words.length < 2 || of("host") !== undefined ? undefined : of("guest");
}

/** The field that a name or an encoding means: as `findField`, and which half of it. */
export function namedField(name: string): NamedField | undefined {
  const text = name.trim();
  const hex = /^(?:0x([0-9a-f]{1,16})|([0-9a-f]{4})h?)$/i.exec(text);
  if (hex !== null) {
    const encoding = Number.parseInt((hex[1] ?? hex[2]) as string, 16);
    const row = fieldByEncoding(encoding);
    if (row !== undefined) return { row, high: encoding !== row.encoding };
  }
  return byPlainName(plain(text));
}

/**
 * Finds a field by encoding (a number, `0x6820`, `6820h`, or four bare hex digits) or by any of its names: SDM, Linux, Xen, the
 * headers of other hypervisors, or the project's key. Case and punctuation do not count; a leading `VMX_` or `VMCS_`
 * does not either, nor `_FULL` and `_HIGH` for the halves.
 */
export function findField(name: string | number): FieldRow | undefined {
  if (typeof name === "number") {
    checkNumber(name, "name", "the name or encoding of a field");
    return fieldByEncoding(name);
  }
  checkText(name, "name", "the name or encoding of a field");
  return namedField(name)?.row ?? fieldByMeaning(name) ?? guestByMeaning(name);
}

/** Fields that share at least this part of their words with a name are near to it in meaning. */
const NEAR = 0.5;

/** Letters by which a slip of the pen differs. */
const SLIP = 2;

/** Up to `limit` names that a misspelt one may have meant: those that share most words, and those a few letters away. */
export function nearFields(name: string, limit = 3): string[] {
  const wanted = meaningOf(name);
  const byWords: { readonly row: FieldRow; readonly score: number }[] = [];
  for (const { row, words } of meaningIndex().all) {
    const shared = wanted.filter((word) => words.has(word)).length;
    const score = shared / (wanted.length + words.size - shared);
    if (score >= NEAR) byWords.push({ row, score });
  }
  byWords.sort((a, b) => b.score - a.score);
  const index = nameIndex();
  const rows = new Set<FieldRow>();
  const key = plain(name);
  const alike = nearestOf(key, foldedFieldNames(), 3 * limit);
  // Where one is a slip away, the others only look alike.
  const nearness = alike.map((other) => editDistance(key, other, SLIP));
  const least = Math.min(...nearness);
  const slips = alike.filter((_, at) => least <= SLIP && nearness[at] === least);
  // A name that shares nearly all words is nearer than one that looks alike.
  for (const { row, score } of byWords) if (score > 0.6) rows.add(row);
  for (const other of slips.length > 0 ? slips : alike) rows.add(index.get(other) as FieldRow);
  if (slips.length === 0) for (const { row } of byWords) rows.add(row);
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
  const shown = FIELDS.filter((row) => plainDumpNames().get(row)?.has(wanted));
  if (shown.length > 0) return shown;
  return FIELDS.filter(({ key }) => key.split(".").some((part) => plain(part) === wanted));
}

const foldedFieldNames = once(() => foldNames(nameIndex().keys()));

const plainDumpNames = once(() => new Map(FIELDS.map((row) => [row, new Set(dumpNames(row).map(plain))] as const)));

/** What dumps print for a field, whole and without what is only said about it: `Error code (of the event)` is `Error code`, too. */
function dumpNames({ linuxDump, xenDump }: FieldRow): readonly string[] {
  return [linuxDump, xenDump].flatMap((text) => {
    if (text === undefined) return [];
    const bare = text.replace(/ ?\([^()]*\)/g, "");
    return [text, bare, ...bare.split(/[;|]/)].filter((one) => plain(one) !== "");
  });
}
