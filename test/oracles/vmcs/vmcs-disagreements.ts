/**
 * Where Bochs 2.7 and the checks differ, and which text of the SDM decides. A disagreement counts as explained when it
 * goes away with the row taken into account; any other is an error in one of the two.
 */
import { type Case, kindOf, type OracleRun, predict } from "./vmcs-cases.js";

export interface Disagreement {
  readonly id: string;
  /** Checks that Bochs does not make, or makes in another form. */
  readonly without?: readonly string[];
  /** What Bochs reports although no check asks for it. */
  readonly extra?: {
    readonly outcome: string;
    readonly when: (field: (encoding: number) => { readonly lo: number; readonly hi: number }) => boolean;
  };
  /** What Bochs does. */
  readonly bochs: string;
  /** Section of the SDM, volume 3, that decides, and what it says. */
  readonly decides: string;
}

type Field = Parameters<NonNullable<Disagreement["extra"]>["when"]>[0];
const GUEST = "X80000021/0";
const bit = (value: { readonly lo: number; readonly hi: number }, n: number): boolean =>
  (((n < 32 ? value.lo : value.hi) >>> (n & 31)) & 1) === 1;
const outside8086 = (field: Field): boolean => !bit(field(0x6820), 17);

export const DISAGREEMENTS: readonly Disagreement[] = [
  {
    id: "cs-rpl",
    extra: {
      outcome: GUEST,
      when: (field) => {
        const rights = field(0x4816).lo;
        const type = rights & 15;
        const rpl = field(0x802).lo & 3;
        const dpl = (rights >>> 5) & 3;
        return (
          outside8086(field) && ((type & 9) === 9 && (type & 4) === 0 ? rpl !== dpl : (type & 13) === 13 && rpl < dpl)
        );
      },
    },
    bochs: "Compares DPL of CS with the RPL of its selector, with unrestricted guest too.",
    decides:
      "29.3.1.2: DPL of CS is compared with DPL of SS; RPL of CS counts only in SS.RPL = CS.RPL, and only without unrestricted guest.",
  },
  {
    id: "dpl-type-11",
    extra: {
      outcome: "enter",
      when: (field) =>
        [0x4814, 0x481a, 0x481c, 0x481e].some((encoding) => {
          const rights = field(encoding).lo;
          const rpl = field(0x800 + (encoding - 0x4814)).lo & 3;
          return outside8086(field) && !bit(field(encoding), 16) && (rights & 15) === 11 && ((rights >>> 5) & 3) < rpl;
        }),
    },
    bochs: "Compares DPL with RPL for the types below 11 and leaves type 11 (readable code, not conforming) out.",
    decides: "29.3.1.2: the comparison holds for the types 0 to 11.",
  },
  {
    id: "nmi-sti-qualification",
    extra: {
      outcome: GUEST,
      when: (field) => (field(0x4016).lo & 0x8000_0700) >>> 0 === 0x8000_0200 && bit(field(0x4824), 0),
    },
    bochs: "Reports qualification 0 when an NMI is injected under blocking by STI.",
    decides: "29.8: qualification 3 stands for it.",
  },
  {
    id: "error-code-with-cet",
    without: ["ctl.entry.event.errcode.forbidden_type", "ctl.entry.event.errcode.forbidden_real_mode"],
    bochs: "Drops every check of error-code delivery on a CPU with CET.",
    decides: "29.2.1.3: IA32_VMX_BASIC bit 56 lifts the checks by vector only; the type and real mode still count.",
  },
  {
    id: "perf-global-ctrl",
    without: ["host.perf_global_ctrl.reserved", "guest.perf_global_ctrl.reserved"],
    bochs: "Has no performance counters and does not look at the fields.",
    decides: "29.2.2 and 29.3.1.1: bits reserved in IA32_PERF_GLOBAL_CTRL must be 0 in the fields.",
  },
  {
    id: "smm-entry",
    without: ["ctl.entry.smm.outside_smm"],
    bochs:
      "Does not check the control entry to SMM outside SMM; it goes on to the guest state, where blocking by SMI is demanded.",
    decides: "29.2.1.3: entry to SMM must be 0 when the processor is not in SMM.",
  },
  {
    id: "pending-single-step",
    without: ["guest.pending_dbg.bs_required", "guest.pending_dbg.bs_forbidden"],
    bochs: "Does not relate BS to TF, BTF, blocking and HLT.",
    decides:
      "29.3.1.5: BS must be 1 exactly when TF is 1 and BTF is 0, under blocking by STI or MOV SS or in HLT. Hardware enforces it (XSA-308).",
  },
  {
    id: "debugctl",
    without: ["guest.debugctl.reserved"],
    bochs: "Keeps 32 bits of the field and takes some reserved bits.",
    decides: "29.3.1.1: bits reserved in IA32_DEBUGCTL must be 0 when load debug controls is 1.",
  },
  {
    id: "ia32e-paging",
    without: ["guest.ia32e.pg"],
    bochs: "Does not check CR0.PG for a 64-bit guest.",
    decides: "29.3.1.1: CR0.PG and CR4.PAE must be 1 when IA-32e mode guest is 1.",
  },
  {
    id: "rip-width",
    without: ["guest.rip.linear_width"],
    bochs: "Does not check RIP of a 64-bit guest.",
    decides: "29.3.1.4: bits 63:N of RIP must be equal in 64-bit mode.",
  },
  {
    id: "virtual-8086-real-mode",
    without: ["guest.rflags.vm"],
    bochs: "Refuses RFLAGS.VM for a 64-bit guest only.",
    decides: "29.3.1.4: RFLAGS.VM must be 0 when CR0.PE is 0, too.",
  },
  {
    id: "event-in-hlt",
    without: ["guest.activity.inject_hlt"],
    bochs: "Takes any event for a halted guest.",
    decides: "29.3.1.5 lists the events that may be injected in HLT.",
  },
  {
    id: "host-cet-wp",
    without: ["host.cr4.cet_requires_wp"],
    bochs: "Relates host CR4.CET to CR0.WP only while the exit loads CET state.",
    decides: "29.2.2: CR4.CET needs CR0.WP, without a condition.",
  },
  {
    id: "pending-debug",
    without: ["guest.pending_dbg.reserved"],
    bochs: "Keeps 32 bits of the field, so that bits 63:32 are never checked.",
    decides: "29.3.1.5: bits 63:17 must be 0 on processors with Intel 64.",
  },
];

/** The row that accounts for a case, if one does. */
export function explain(run: Pick<OracleRun, "core" | "leaf7" | "bases">, item: Case): Disagreement | undefined {
  const base = run.bases[item.base];
  const field = (encoding: number) =>
    item.changes.find(([changed]) => changed === encoding)?.[1] ?? base?.get(encoding) ?? { lo: 0, hi: 0 };
  for (const row of DISAGREEMENTS) {
    if (row.without !== undefined) {
      const { outcomes } = predict(run, item, new Set(row.without));
      if (outcomes?.includes(kindOf(item.outcome))) return row;
    }
    if (row.extra !== undefined && kindOf(item.outcome) === row.extra.outcome && row.extra.when(field)) return row;
  }
  // Several omissions at once.
  const all = new Set(DISAGREEMENTS.flatMap((row) => row.without ?? []));
  const { failing, outcomes } = predict(run, item, all);
  if (!outcomes?.includes(kindOf(item.outcome))) return undefined;
  const left = new Set(failing.map((check) => check.id));
  return DISAGREEMENTS.find((row) => row.without?.some((id) => !left.has(id)));
}
