import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import {
  ALWAYS,
  all,
  any,
  atMost,
  type Bool,
  bit,
  canonical,
  constant,
  control,
  equal,
  fact,
  field,
  type Num,
  not,
  oneOf,
  shiftLeft,
  slice,
  zero,
} from "./expr.js";

/** Segment registers in the order of the manual's lists. */
type Seg = "cs" | "ss" | "ds" | "es" | "fs" | "gs" | "tr" | "ldtr";
const CODE_AND_DATA = ["cs", "ss", "ds", "es", "fs", "gs"] as const;
const DATA = ["ds", "es", "fs", "gs"] as const;

const sel = (seg: Seg): Num => field(`guest.${seg}.sel`);
const ar = (seg: Seg): Num => field(`guest.${seg}.ar`);
const limit = (seg: Seg): Num => field(`guest.${seg}.limit`);
const base = (seg: Seg): Num => field(`guest.${seg}.base`);
const type = (seg: Seg): Num => slice(ar(seg), 3, 0);
const dpl = (seg: Seg): Num => slice(ar(seg), 6, 5);
const rpl = (seg: Seg): Num => slice(sel(seg), 1, 0);
const usable = (seg: Seg): Bool => not(bit(ar(seg), 16));
const name = (seg: Seg): string => seg.toUpperCase();

const virtual8086 = bit(field("guest.rflags"), 17);
const outside8086 = not(virtual8086);
const unrestricted = control("proc2.UNRESTRICTED_GUEST");
const guest64 = control("entry.IA32E_MODE");
const intel64 = fact("intel64");
const fredGuest = bit(field("guest.cr4"), 32);
const ssUser = equal(dpl("ss"), constant(3));
const ssKernel = equal(dpl("ss"), constant(0));

/** CS is always checked; the other registers while they are usable. */
const inUse = (seg: Seg): Bool => (seg === "cs" ? outside8086 : all(outside8086, usable(seg)));

const LOADED_BY_HAND =
  "Userspace or firmware code put together a descriptor cache that no segment load produces (a real-mode value kept in protected mode, a state restored from elsewhere).";
const REAL_MODE =
  "Without unrestricted guest the guest's real mode runs in virtual-8086 mode, and the segment must have exactly the real-mode form.";

const real8086: readonly CheckSpec[] = CODE_AND_DATA.flatMap((seg): CheckSpec[] => [
  {
    id: `guest.v86.${seg}.base`,
    when: virtual8086,
    rule: equal(base(seg), shiftLeft(sel(seg), 4)),
    text: `In virtual-8086 mode the ${name(seg)} base must be the selector times 16.`,
    cause: REAL_MODE,
  },
  {
    id: `guest.v86.${seg}.limit`,
    when: virtual8086,
    rule: equal(limit(seg), constant(0xffff)),
    text: `In virtual-8086 mode the ${name(seg)} limit must be FFFFH.`,
    cause: REAL_MODE,
  },
  {
    id: `guest.v86.${seg}.ar`,
    when: virtual8086,
    rule: equal(ar(seg), constant(0xf3)),
    text: `In virtual-8086 mode the ${name(seg)} access rights must be F3H.`,
    cause: REAL_MODE,
  },
]);

const dataTypes: readonly CheckSpec[] = DATA.flatMap((seg): CheckSpec[] => [
  {
    id: `guest.${seg}.type.accessed`,
    when: inUse(seg),
    rule: bit(type(seg), 0),
    text: `A usable ${name(seg)} must have the accessed bit of its type set.`,
    cause:
      "The access rights were taken from a descriptor in memory whose accessed bit was never set (hypercall or task-switch emulation, modify_ldt, a loader that writes descriptor caches); a real segment load sets the bit.",
  },
  {
    id: `guest.${seg}.type.readable`,
    when: all(inUse(seg), bit(type(seg), 3)),
    rule: bit(type(seg), 1),
    text: `A usable ${name(seg)} that holds a code segment must be readable.`,
    cause: LOADED_BY_HAND,
  },
]);

const systemBits: readonly CheckSpec[] = CODE_AND_DATA.map((seg) => ({
  id: `guest.${seg}.s`,
  when: inUse(seg),
  rule: bit(ar(seg), 4),
  text: `${seg === "cs" ? "CS" : `A usable ${name(seg)}`} must hold a code or data segment (S = 1).`,
  cause: LOADED_BY_HAND,
}));

const dataPrivilege: readonly CheckSpec[] = DATA.map((seg) => ({
  id: `guest.${seg}.dpl`,
  when: all(outside8086, not(unrestricted), usable(seg), atMost(type(seg), constant(11))),
  rule: atMost(rpl(seg), dpl(seg)),
  text: `DPL of a usable ${name(seg)} must not be below the RPL of its selector, for data and non-conforming code without unrestricted guest.`,
  cause: LOADED_BY_HAND,
}));

const PRESENT_CAUSE =
  "A null or freed segment should be marked unusable (bit 16); access rights 0 mean a usable segment that is not present.";

/** Present, reserved and granularity bits of one register. */
function commonBits(seg: Seg, when: Bool): readonly CheckSpec[] {
  const who = seg === "cs" || seg === "tr" ? name(seg) : `A usable ${name(seg)}`;
  return [
    {
      id: `guest.${seg}.p`,
      when,
      rule: bit(ar(seg), 7),
      text: `${who} must be present (P = 1).`,
      cause: PRESENT_CAUSE,
    },
    {
      id: `guest.${seg}.ar.reserved_low`,
      when,
      rule: zero(slice(ar(seg), 11, 8)),
      text: `${who} must have bits 11:8 of its access rights 0.`,
      cause: "The high half of the descriptor was stored without masking limit bits 19:16.",
      note: "Some CPUs drop these bits at VMWRITE; there the field always reads 0.",
    },
    {
      id: `guest.${seg}.ar.reserved_high`,
      when,
      rule: zero(slice(ar(seg), 31, 17)),
      text: `${who} must have bits 31:17 of its access rights 0.`,
      cause: LOADED_BY_HAND,
    },
    {
      id: `guest.${seg}.g.low`,
      when,
      rule: any(equal(slice(limit(seg), 11, 0), constant(0xfff)), not(bit(ar(seg), 15))),
      text: `${who} must have G = 0 unless bits 11:0 of its limit are all 1.`,
      cause: "The limit of a page-granular descriptor was stored unscaled.",
    },
    {
      id: `guest.${seg}.g.high`,
      when,
      rule: any(zero(slice(limit(seg), 31, 20)), bit(ar(seg), 15)),
      text: `${who} must have G = 1 when a bit of 31:20 of its limit is 1.`,
      cause: "A limit of 4 GiB was set with byte granularity.",
    },
  ];
}

const SEGMENTS: readonly CheckSpec[] = [
  {
    id: "guest.tr.sel.ti",
    when: ALWAYS,
    rule: not(bit(sel("tr"), 2)),
    text: "The TR selector must refer to the GDT (TI = 0).",
  },
  {
    id: "guest.ldtr.sel.ti",
    when: usable("ldtr"),
    rule: not(bit(sel("ldtr"), 2)),
    text: "The selector of a usable LDTR must refer to the GDT (TI = 0).",
  },
  {
    id: "guest.ss.sel.rpl_eq_cs",
    when: all(outside8086, not(unrestricted)),
    rule: equal(rpl("ss"), rpl("cs")),
    text: "RPL of SS must equal RPL of CS without unrestricted guest.",
    cause:
      "The guest is between real and protected mode, where selectors hold anything; without unrestricted guest the hypervisor must emulate that stretch.",
  },
  ...real8086,
  {
    id: "guest.tr.base.canonical",
    when: intel64,
    rule: canonical(base("tr")),
    text: "The TR base must be canonical.",
    cause: LOADED_BY_HAND,
  },
  {
    id: "guest.fs.base.canonical",
    when: intel64,
    rule: canonical(base("fs")),
    text: "The FS base must be canonical, usable or not.",
    cause: "The guest's or userspace's FS base was not checked.",
  },
  {
    id: "guest.gs.base.canonical",
    when: intel64,
    rule: canonical(base("gs")),
    text: "The GS base must be canonical, usable or not.",
    cause: "The guest's or userspace's GS base was not checked.",
  },
  {
    id: "guest.ldtr.base.canonical",
    when: all(intel64, usable("ldtr")),
    rule: canonical(base("ldtr")),
    text: "The base of a usable LDTR must be canonical.",
    cause: LOADED_BY_HAND,
  },
  {
    id: "guest.cs.base.hi32",
    when: intel64,
    rule: zero(slice(base("cs"), 63, 32)),
    text: "Bits 63:32 of the CS base must be 0.",
    cause: LOADED_BY_HAND,
  },
  ...(["ss", "ds", "es"] as const).map(
    (seg): CheckSpec => ({
      id: `guest.${seg}.base.hi32`,
      when: all(intel64, usable(seg)),
      rule: zero(slice(base(seg), 63, 32)),
      text: `Bits 63:32 of the base of a usable ${name(seg)} must be 0.`,
      cause: LOADED_BY_HAND,
    }),
  ),
  {
    id: "guest.cs.type",
    when: outside8086,
    rule: any(oneOf(type("cs"), 9, 11, 13, 15), all(unrestricted, equal(type("cs"), constant(3)))),
    text: "CS must be an accessed code segment (type 9, 11, 13 or 15); type 3 (data) is allowed with unrestricted guest.",
    cause: LOADED_BY_HAND,
  },
  {
    id: "guest.ss.type",
    when: inUse("ss"),
    rule: oneOf(type("ss"), 3, 7),
    text: "A usable SS must be an accessed writable data segment (type 3 or 7).",
    cause: LOADED_BY_HAND,
  },
  ...dataTypes,
  ...systemBits,
  {
    id: "guest.cs.dpl.type3",
    when: all(outside8086, equal(type("cs"), constant(3))),
    rule: equal(dpl("cs"), constant(0)),
    text: "CS of type 3 must have DPL 0.",
  },
  {
    id: "guest.cs.dpl.nonconforming",
    when: all(outside8086, oneOf(type("cs"), 9, 11)),
    rule: equal(dpl("cs"), dpl("ss")),
    text: "DPL of a non-conforming CS must equal DPL of SS.",
    cause: "CS and SS were loaded from different privilege levels.",
    note: "DPL of SS counts even when SS is unusable.",
  },
  {
    id: "guest.cs.dpl.conforming",
    when: all(outside8086, oneOf(type("cs"), 13, 15)),
    rule: atMost(dpl("cs"), dpl("ss")),
    text: "DPL of a conforming CS must not be above DPL of SS.",
  },
  {
    id: "guest.ss.dpl.rpl",
    when: all(outside8086, not(unrestricted)),
    rule: equal(dpl("ss"), rpl("ss")),
    text: "DPL of SS must equal the RPL of its selector without unrestricted guest.",
    cause: "SS was set by hand, or the guest is between real and protected mode.",
    note: "Not limited to a usable SS.",
  },
  {
    id: "guest.ss.dpl.zero",
    when: all(outside8086, any(equal(type("cs"), constant(3)), not(bit(field("guest.cr0"), 0)))),
    rule: equal(dpl("ss"), constant(0)),
    text: "SS must have DPL 0 in real mode and while CS has type 3.",
    cause: "The guest cleared CR0.PE at privilege level above 0, or the privilege was left from before.",
  },
  {
    id: "guest.ss.fred.dpl",
    when: fredGuest,
    rule: oneOf(dpl("ss"), 0, 3),
    text: "A guest with CR4.FRED must have SS.DPL 0 or 3.",
  },
  {
    id: "guest.ss.fred.cs_l",
    when: all(fredGuest, ssKernel),
    rule: bit(ar("cs"), 13),
    text: "A guest with CR4.FRED and SS.DPL 0 must have CS.L.",
  },
  {
    id: "guest.ss.fred.iopl",
    when: all(fredGuest, ssUser),
    rule: zero(slice(field("guest.rflags"), 13, 12)),
    text: "A guest with CR4.FRED and SS.DPL 3 must have IOPL 0.",
  },
  {
    id: "guest.ss.fred.sti",
    when: all(fredGuest, ssUser),
    rule: not(bit(field("guest.interruptibility"), 0)),
    text: "A guest with CR4.FRED and SS.DPL 3 must not have blocking by STI.",
  },
  ...dataPrivilege,
  ...CODE_AND_DATA.flatMap((seg) => commonBits(seg, inUse(seg))),
  {
    id: "guest.cs.db_l",
    when: all(outside8086, guest64, bit(ar("cs"), 13)),
    rule: not(bit(ar("cs"), 14)),
    text: "CS cannot have L and D/B both set in a 64-bit guest.",
    cause: LOADED_BY_HAND,
  },
  {
    id: "guest.tr.type.legacy",
    when: not(guest64),
    rule: oneOf(type("tr"), 3, 11),
    text: "TR must be a busy TSS (type 3 or 11).",
    cause:
      "The guest's TR was never loaded (reset gives type 2 or an available TSS), or the busy bit was not set: LTR sets it in the descriptor.",
  },
  {
    id: "guest.tr.type.ia32e",
    when: guest64,
    rule: equal(type("tr"), constant(11)),
    text: "TR of a 64-bit guest must be a busy 64-bit TSS (type 11).",
    cause: "The guest entered IA-32e mode with a 16-bit or available TSS loaded before; hypervisors usually repair it.",
  },
  {
    id: "guest.tr.s",
    when: ALWAYS,
    rule: not(bit(ar("tr"), 4)),
    text: "TR must be a system segment (S = 0).",
    cause: LOADED_BY_HAND,
  },
  ...commonBits("tr", ALWAYS),
  {
    id: "guest.tr.usable",
    when: ALWAYS,
    rule: not(bit(ar("tr"), 16)),
    text: "TR must be usable.",
    cause:
      "The guest never loaded TR and its access rights were marked unusable; VM entry needs a TSS (a busy 32-bit one, 8BH, at reset).",
  },
  {
    id: "guest.ldtr.type",
    when: usable("ldtr"),
    rule: equal(type("ldtr"), constant(2)),
    text: "A usable LDTR must have type 2 (LDT).",
    cause: LOADED_BY_HAND,
  },
  {
    id: "guest.ldtr.s",
    when: usable("ldtr"),
    rule: not(bit(ar("ldtr"), 4)),
    text: "A usable LDTR must be a system segment (S = 0).",
    cause: LOADED_BY_HAND,
  },
  ...commonBits("ldtr", usable("ldtr")),
];

export const GUEST_SEGMENT_CHECKS: readonly Check[] = checksOf("guest.seg", "3.1.2", SEGMENTS);
