import { parseHexU64, type U64 } from "../../bits/u64.js";
import { UNKNOWN, word, ZERO } from "../../bits/word.js";
import { diagnosticLog } from "../../input/text/diagnostic.js";
import { type FieldKey, fieldOf, widthOf } from "../fields/fields.js";
import type { Reported } from "../state.js";
import type { Value64 } from "../value64.js";
import type { VmcsDump, VmcsFormat } from "./dump.js";
import { reportedFromCode } from "./ended.js";
import { readSregs, rightsOf } from "./kvm-view.js";

/**
 * Register dumps of QEMU, VirtualBox and KVM's ioctls: what the guest sees, not what the VMCS holds. They give part of the guest
 * state: bits that a hypervisor changes behind the guest's back stay unknown.
 */
export interface GuestView {
  readonly format: Extract<VmcsFormat, "qemu" | "virtualbox" | "kvm">;
  readonly lines: readonly { readonly text: string; readonly number: number }[];
  readonly code?: number;
}

/** CR0: MP, TS, NE, WP, NW and CD are set or hidden by hypervisors; PE and PG too while the guest is in real mode. */
const CR0_HIDDEN = [1, 3, 5, 16, 29, 30];
/** CR4: VMXE always, PAE and PSE without EPT, PCIDE, MCE, SMEP, SMAP, PKE and the feature bits that may be masked. */
const CR4_HIDDEN = [4, 5, 6, 13, 17, 20, 21, 22];
const PCIDE = 17;

const SEGMENTS = { ES: "es", CS: "cs", SS: "ss", DS: "ds", FS: "fs", GS: "gs", LDT: "ldtr", TR: "tr" } as const;

const PRINTED = {
  qemu: "QEMU prints them",
  virtualbox: "VirtualBox prints them",
  kvm: "KVM_GET_SREGS gives them",
} as const;

type Put = (key: FieldKey, value: Value64) => void;

/** A value as wide as its digits: eight digits are the low half of something longer. */
function shown(text: string): Value64 | undefined {
  const value = parseHexU64(text);
  if (value === undefined) return undefined;
  return { lo: word(value.lo), hi: text.length > 8 ? word(value.hi) : UNKNOWN };
}

function withUnknown(value: Value64, bits: readonly number[]): Value64 {
  let mask = 0;
  for (const bit of bits) mask |= 1 << bit;
  return { lo: word(value.lo.value, value.lo.unknown | mask), hi: value.hi };
}

export function readGuestView(view: GuestView, ended: Reported | undefined, file: string | undefined): VmcsDump {
  const log = diagnosticLog(file);
  const fields = new Map<number, Value64>();
  const put: Put = (key, value) => {
    const row = fieldOf(key);
    fields.set(row.encoding, widthOf(row) === 64 ? value : { lo: value.lo, hi: ZERO });
  };
  const first = view.lines[0]?.number ?? 1;
  const text = view.lines.map((line) => line.text).join("\n");
  const realMode =
    view.format === "qemu"
      ? readQemu(text, put)
      : view.format === "kvm"
        ? readKvm(view, put)
        : readVirtualBox(text, put);
  log.note(
    { line: first, column: 1 },
    `registers of the guest as ${PRINTED[view.format]}: no controls, no host state, and only what the guest sees of CR0 and CR4`,
  );
  if (realMode) {
    // Without unrestricted guest real mode is virtual-8086 mode behind the guest's back, with other segments.
    log.note(
      { line: first, column: 1 },
      "the guest is in real mode: without unrestricted guest the VMCS holds other segments and flags, so they are not judged",
    );
    for (const key of Object.values(SEGMENTS)) {
      if (key === "ldtr") continue;
      for (const part of ["ar", "limit", "base"] as const) fields.delete(fieldOf(`guest.${key}.${part}`).encoding);
    }
    const flags = fields.get(fieldOf("guest.rflags").encoding);
    if (flags !== undefined) put("guest.rflags", withUnknown(flags, [12, 13, 17]));
  }
  const reported: Reported | undefined =
    view.code === undefined ? ended : (reportedFromCode(view.code) ?? { kind: "other" });
  const asides: { [name: string]: string } = {};
  for (const name of ["SMM", "II", "HLT", "CPL"]) {
    const value = new RegExp(`\\b${name}=(\\d)`).exec(text)?.[1];
    if (value !== undefined) asides[name] = value;
  }
  return {
    vmcs: { fields, ...(reported === undefined ? {} : { reported }), asides },
    format: view.format,
    lines: [first, view.lines.at(-1)?.number ?? first],
    diagnostics: log.list(),
  };
}

function readKvm({ lines }: GuestView, put: Put): boolean {
  const read = readSregs(lines.map((line) => line.text));
  if (read === undefined) return false;
  const { segments, registers } = read;
  const whole = ({ lo, hi }: U64): Value64 => ({ lo: word(lo), hi: word(hi) });
  for (const [name, parts] of segments) {
    const segment = name === "ldt" || name === "gdt" || name === "idt" ? (`${name}r` as const) : name;
    const base = parts.get("base");
    const limit = parts.get("limit");
    if (base !== undefined) put(`guest.${segment}.base`, whole(base));
    if (limit !== undefined) put(`guest.${segment}.limit`, whole(limit));
    if (segment === "gdtr" || segment === "idtr") continue;
    const selector = parts.get("selector");
    const rights = rightsOf(parts);
    if (selector !== undefined) put(`guest.${segment}.sel`, whole(selector));
    if (rights !== undefined) put(`guest.${segment}.ar`, { lo: word(rights), hi: ZERO });
  }
  const flags = registers.get("rflags") ?? registers.get("flags");
  const register = (name: string) => {
    const value = name === "RFL" || name === "EFL" ? flags : registers.get(name.toLowerCase());
    return value === undefined ? undefined : whole(value);
  };
  putKvm(register, put);
  return putRegisters(register, put, true);
}

function readQemu(text: string, put: Put): boolean {
  for (const [name, seg] of Object.entries(SEGMENTS)) {
    const match = new RegExp(
      `(?:^|\\s)${name} ?= ?([0-9a-f]{4}) ([0-9a-f]{8}|[0-9a-f]{16}) ([0-9a-f]{8}) ([0-9a-f]{8})(?![0-9a-f])`,
      "i",
    ).exec(text);
    if (match === null) continue;
    const [, selector, base, limit, flags] = match as unknown as [string, string, string, string, string];
    const high = Number.parseInt(flags, 16);
    let rights = (high >>> 8) & 0xf0ff;
    // A row that is not present means an unusable register; KVM distinguishes nothing else.
    if (((rights >>> 7) & 1) === 0) rights |= 0x1_0000;
    put(`guest.${seg}.sel`, shown(`0000${selector}`) as Value64);
    put(`guest.${seg}.limit`, { lo: word(Number.parseInt(limit, 16)), hi: ZERO });
    put(`guest.${seg}.ar`, { lo: word(rights), hi: ZERO });
    put(`guest.${seg}.base`, shown(base) as Value64);
  }
  for (const [name, table] of [
    ["GDT", "gdtr"],
    ["IDT", "idtr"],
  ] as const) {
    const match = new RegExp(`${name} ?=\\s*([0-9a-f]{8,16}) ([0-9a-f]{8})(?![0-9a-f])`, "i").exec(text);
    if (match === null) continue;
    put(`guest.${table}.base`, shown(match[1] as string) as Value64);
    put(`guest.${table}.limit`, { lo: word(Number.parseInt(match[2] as string, 16)), hi: ZERO });
  }
  const register = (name: string): Value64 | undefined => {
    const match = new RegExp(`(?<![\\w])${name} ?= ?([0-9a-f]{8,16})(?![0-9a-f])`, "i").exec(text);
    return match === null ? undefined : shown(match[1] as string);
  };
  putKvm(register, put);
  return putRegisters(register, put, true);
}

/** KVM has the entry control `IA-32e mode guest` follow EFER.LMA. */
function putKvm(register: (name: string) => Value64 | undefined, put: Put): void {
  const efer = register("EFER");
  if (efer === undefined) return;
  put("ctl.entry", { lo: word(((efer.lo.value >>> 10) & 1) << 9, ~(1 << 9)), hi: ZERO });
}

function readVirtualBox(text: string, put: Put): boolean {
  for (const [name, seg] of [
    ["cs", "cs"],
    ["ds", "ds"],
    ["es", "es"],
    ["fs", "fs"],
    ["gs", "gs"],
    ["ss", "ss"],
    ["ldtr", "ldtr"],
    ["tr", "tr"],
  ] as const) {
    const match = new RegExp(
      `(?<![\\w])${name} *= ?\\{([0-9a-f]{4}) base=([0-9a-f]{8,16}) limit=([0-9a-f]{8}) flags=([0-9a-f]{8})\\}`,
      "i",
    ).exec(text);
    if (match === null) continue;
    put(`guest.${seg}.sel`, shown(`0000${match[1]}`) as Value64);
    put(`guest.${seg}.base`, shown(match[2] as string) as Value64);
    put(`guest.${seg}.limit`, { lo: word(Number.parseInt(match[3] as string, 16)), hi: ZERO });
    const rights = Number.parseInt(match[4] as string, 16);
    put(`guest.${seg}.ar`, { lo: word(((rights >>> 7) & 1) === 0 ? rights | 0x1_0000 : rights), hi: ZERO });
  }
  for (const table of ["gdtr", "idtr"] as const) {
    const match = new RegExp(`${table} ?= ?([0-9a-f]{8,16}):([0-9a-f]{4})(?![0-9a-f])`, "i").exec(text);
    if (match === null) continue;
    put(`guest.${table}.base`, shown(match[1] as string) as Value64);
    put(`guest.${table}.limit`, { lo: word(Number.parseInt(match[2] as string, 16)), hi: ZERO });
  }
  const register = (name: string): Value64 | undefined => {
    const match = new RegExp(`(?<![\\w])${name} *= ?([0-9a-f]{8,16})(?![0-9a-f])`, "i").exec(text);
    return match === null ? undefined : shown(match[1] as string);
  };
  const flags = register("eflags") ?? register("efl");
  return putRegisters((name) => (name === "RFL" || name === "EFL" ? flags : register(name)), put, false);
}

/** True when the guest is in real mode. */
function putRegisters(register: (name: string) => Value64 | undefined, put: Put, ofKvm: boolean): boolean {
  const first = (...names: readonly string[]): Value64 | undefined => {
    for (const name of names) {
      const value = register(name);
      if (value !== undefined) return value;
    }
    return undefined;
  };
  const rip = first("RIP", "EIP");
  if (rip !== undefined) put("guest.rip", rip);
  const rsp = first("RSP", "ESP");
  if (rsp !== undefined) put("guest.rsp", rsp);
  const flags = first("RFL", "EFL");
  if (flags !== undefined) put("guest.rflags", { lo: flags.lo, hi: ZERO });
  const dr7 = first("DR7");
  if (dr7 !== undefined) put("guest.dr7", dr7);
  const efer = first("EFER");
  // Whether VM entry loads the field is not known; the audit asks the control for it.
  if (efer !== undefined) put("guest.efer", efer);
  const cr0 = first("CR0");
  const realMode = cr0 !== undefined && (cr0.lo.value & 1) === 0;
  const paging = cr0 !== undefined && cr0.lo.value >>> 31 === 1;
  if (cr0 !== undefined)
    put(
      "guest.cr0",
      withUnknown({ lo: cr0.lo, hi: ZERO }, [...CR0_HIDDEN, ...(realMode ? [0] : []), ...(paging ? [] : [31])]),
    );
  const cr4 = first("CR4");
  if (cr4 !== undefined) {
    // KVM loads PCIDE as the guest has it.
    const isKnown = (bit: number) => bit === PCIDE && ofKvm && (cr4.lo.value & (1 << PCIDE)) !== 0;
    put(
      "guest.cr4",
      withUnknown(
        { lo: cr4.lo, hi: UNKNOWN },
        CR4_HIDDEN.filter((bit) => !isKnown(bit)),
      ),
    );
  }
  const cr3 = first("CR3");
  // Without EPT the VMCS holds the hypervisor's own table; only what the guest wrote is shown.
  if (cr3 !== undefined && paging) put("guest.cr3", { lo: UNKNOWN, hi: cr3.hi });
  return realMode;
}
