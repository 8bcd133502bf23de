import type { ControlName } from "../fields/control-bits.js";
import type { FieldRow } from "../fields/field-row.js";
import { type FieldKey, fieldOf } from "../fields/fields.js";
import { type LineMatch, lineMatch } from "./line-match.js";

export type Section = "guest" | "host" | "control";

/** A labelled group of values in a dump. */
export interface DumpRow {
  readonly section: Section;
  readonly match: LineMatch;
  /** The words with which a match can begin, in lower case; a copy may have lost the blanks between them. */
  readonly words: readonly string[];
  /** Field and the number of hex digits that the format prints, in the order of the values that `match` reads. */
  readonly fields: readonly { readonly field: FieldRow; readonly digits: number }[];
  /** The label, for complaints. */
  readonly label: string;
  /** The format always prints it (`true`), or exactly when this control is 1. */
  readonly printed?: true | ControlName;
}

function row(
  section: Section,
  label: string,
  pattern: string,
  fields: readonly (readonly [key: FieldKey, digits: number])[],
  printed?: DumpRow["printed"],
): DumpRow {
  const match = lineMatch(pattern);
  return {
    section,
    label,
    match,
    words: [...new Set(match.labels.flatMap(beginnings))],
    fields: fields.map(([key, digits]) => ({ field: fieldOf(key), digits })),
    ...(printed === undefined ? {} : { printed }),
  };
}

/** Of `virtual processor id = `: `virtual`, `virtualprocessor` and `virtualprocessorid`. */
function beginnings(text: string): readonly string[] {
  const [first = ""] = text.split(/[-=:(|]/);
  const words = first.trim().split(" ");
  return words.map((_, at) => words.slice(0, at + 1).join(""));
}

/** One value behind one label. */
function single(section: Section, label: string, key: FieldKey, digits: number, printed?: DumpRow["printed"]): DumpRow {
  return row(section, label, `${label.replace(/[|()]/g, "\\$&")} = X`, [[key, digits]], printed);
}

const SEGMENTS = ["cs", "ds", "ss", "es", "fs", "gs", "ldtr", "tr"] as const;

/** Labels that Linux and Xen share. Blanks in the patterns are optional; copies through HTML lose or gain them. */
const SHARED: readonly DumpRow[] = [
  ...(["cr0", "cr4"] as const).map((cr) =>
    row(
      "guest",
      `${cr.toUpperCase()}:`,
      `${cr}: actual = X(?: , shadow = X)?(?: , gh_mask = X)?`,
      [
        [`guest.${cr}`, 16],
        [`ctl.${cr}_shadow`, 16],
        [`ctl.${cr}_mask`, 16],
      ],
      true,
    ),
  ),
  single("guest", "CR3", "guest.cr3", 16, true),
  ...([0, 1, 2, 3] as const).map((n) => row("guest", `PDPTR${n}`, `PDPT[RE]${n} = X`, [[`guest.pdpte${n}`, 16]])),
  row("guest", "RSP", "(?<!Sysenter )RSP = X", [["guest.rsp", 16]], true),
  row("guest", "RIP", "(?<!CS:)RIP = X", [["guest.rip", 16]], true),
  single("guest", "RFLAGS", "guest.rflags", 8, true),
  single("guest", "DR7", "guest.dr7", 16, true),
  row(
    "guest",
    "Sysenter RSP",
    "Sysenter RSP = X(?: CS:RIP = X:X)?",
    [
      ["guest.sysenter_esp", 16],
      ["guest.sysenter_cs", 4],
      ["guest.sysenter_eip", 16],
    ],
    true,
  ),
  single("guest", "DebugCtl", "guest.debugctl", 16, true),
  single("guest", "DebugExceptions", "guest.pending_dbg", 16, true),
  single("guest", "PerfGlobCtl", "guest.perf_global_ctrl", 16),
  single("guest", "BndCfgS", "guest.bndcfgs", 16),
  single("guest", "Interruptibility", "guest.interruptibility", 8, true),
  single("guest", "ActivityState", "guest.activity", 8, true),
  single("guest", "InterruptStatus", "guest.intr_status", 4),
  row("host", "RIP", "(?<!CS:)RIP = X", [["host.rip", 16]], true),
  row("host", "RSP", "(?<!Sysenter )RSP = X", [["host.rsp", 16]], true),
  ...(["cs", "ss", "ds", "es", "fs", "gs", "tr"] as const).map((seg) =>
    single("host", seg.toUpperCase(), `host.${seg}.sel`, 4, true),
  ),
  single("host", "FSBase", "host.fs.base", 16, true),
  single("host", "GSBase", "host.gs.base", 16, true),
  single("host", "TRBase", "host.tr.base", 16, true),
  single("host", "GDTBase", "host.gdtr.base", 16, true),
  single("host", "IDTBase", "host.idtr.base", 16, true),
  single("host", "CR0", "host.cr0", 16, true),
  single("host", "CR3", "host.cr3", 16, true),
  single("host", "CR4", "host.cr4", 16, true),
  row(
    "host",
    "Sysenter RSP",
    "Sysenter RSP = X(?: CS:RIP = X:X)?",
    [
      ["host.sysenter_esp", 16],
      ["host.sysenter_cs", 4],
      ["host.sysenter_eip", 16],
    ],
    true,
  ),
  single("host", "PAT", "host.pat", 16, "exit.LOAD_IA32_PAT"),
  single("host", "PerfGlobCtl", "host.perf_global_ctrl", 16),
  single("control", "PinBased", "ctl.pin", 8, true),
  single("control", "CPUBased", "ctl.proc", 8, true),
  single("control", "SecondaryExec", "ctl.proc2", 8, true),
  single("control", "TertiaryExec", "ctl.proc3", 16),
  single("control", "EntryControls", "ctl.entry", 8, true),
  single("control", "ExitControls", "ctl.exit", 8, true),
  single("control", "ExceptionBitmap", "ctl.exception_bitmap", 8, true),
  single("control", "PFECmask", "ctl.pfec_mask", 8, true),
  single("control", "PFECmatch", "ctl.pfec_match", 8, true),
  row(
    "control",
    "VMEntry:",
    "VMEntry: intr_info = X(?: errcode = X)?(?: ilen = X)?(?: event_data = X)?",
    [
      ["ctl.ev", 8],
      ["ctl.ev_errcode", 8],
      ["ctl.ev_ilen", 8],
      ["ctl.ev_data", 16],
    ],
    true,
  ),
  row(
    "control",
    "VMExit:",
    "VMExit: intr_info = X(?: errcode = X)?(?: ilen = X)?",
    [
      ["info.exit_ev", 8],
      ["info.exit_ev_errcode", 8],
      ["info.instruction_length", 8],
    ],
    true,
  ),
  row(
    "control",
    "reason",
    "reason = X(?: qualification = X)?",
    [
      ["info.exit_reason", 8],
      ["info.qualification", 16],
    ],
    true,
  ),
  row(
    "control",
    "IDTVectoring:",
    "IDTVectoring: info = X(?: errcode = X)?(?: event_data = X)?",
    [
      ["info.orig_ev", 8],
      ["info.orig_ev_errcode", 8],
      ["info.orig_ev_data", 16],
    ],
    true,
  ),
  single("control", "TSC Offset", "ctl.tsc_offset", 16, true),
  single("control", "TSC Multiplier", "ctl.tsc_multiplier", 16, "proc2.TSC_SCALING"),
  row("control", "TPR Threshold", "TPR Threshold = X", [["ctl.tpr_threshold", 2]], "proc.VIRTUAL_TPR"),
  single("control", "PostedIntrVec", "ctl.posted_intr_nv", 2, "pin.POSTED_INTR"),
  single("control", "EPT pointer", "ctl.eptp", 16, "proc2.EPT"),
  ...([0, 1, 2, 3] as const).map((n) =>
    row("control", `CR3 target${n}`, `(?:CR3 )?target${n} = X`, [[`ctl.cr3_target${n}`, 16]]),
  ),
  row(
    "control",
    "PLE",
    "PLE Gap = X(?: Window = X)?",
    [
      ["ctl.ple_gap", 8],
      ["ctl.ple_window", 8],
    ],
    "proc2.PAUSE_LOOP_EXITING",
  ),
  single("control", "Virtual processor ID", "ctl.vpid", 4, "proc2.VPID"),
];

/** Lines of dump_vmcs() in arch/x86/kvm/vmx/vmx.c, releases 4.4 to 7.x and the FRED and APIC-timer series. */
export const LINUX_ROWS: readonly DumpRow[] = [
  ...SHARED,
  ...SEGMENTS.map((seg) =>
    row(
      "guest",
      `${seg.toUpperCase()}:`,
      `${seg}: sel = X(?: , attr = X)?(?: , limit = X)?(?: , base = X)?`,
      [
        [`guest.${seg}.sel`, 4],
        [`guest.${seg}.ar`, 5],
        [`guest.${seg}.limit`, 8],
        [`guest.${seg}.base`, 16],
      ],
      true,
    ),
  ),
  ...(["gdtr", "idtr"] as const).map((table) =>
    row(
      "guest",
      `${table.toUpperCase()}:`,
      `${table}: limit = X(?: , base = X)?`,
      [
        [`guest.${table}.limit`, 8],
        [`guest.${table}.base`, 16],
      ],
      true,
    ),
  ),
  // A suffix in brackets says that the value is not the field's.
  row("guest", "EFER", "EFER = X(?! \\(autoload| \\(effective)", [["guest.efer", 16]]),
  single("guest", "PAT", "guest.pat", 16, "entry.LOAD_IA32_PAT"),
  single("guest", "S_CET", "guest.s_cet", 16, "entry.LOAD_CET_STATE"),
  single("guest", "SSP", "guest.ssp", 16, "entry.LOAD_CET_STATE"),
  row("guest", "SSP TABLE", "(?:INTR_)?SSP[ _]TABLE = X", [["guest.ssp_table", 16]], "entry.LOAD_CET_STATE"),
  row("guest", "FRED guest:", "FRED guest: config = X(?: , stack levels = X)?", [
    ["guest.fred_config", 16],
    ["guest.fred_stklvls", 16],
  ]),
  row("guest", "RSP1", "RSP1 = X", [["guest.fred_rsp1", 16]]),
  row("guest", "RSP2", "RSP2 = X(?: , RSP3 = X)?", [
    ["guest.fred_rsp2", 16],
    ["guest.fred_rsp3", 16],
  ]),
  single("guest", "DeadlinePhy", "guest.deadline", 16),
  single("guest", "DeadlineVir", "ctl.deadline_shadow", 16),
  single("guest", "GuestApicTimerVector", "ctl.virtual_timer_vector", 4),
  single("host", "EFER", "host.efer", 16, "exit.LOAD_IA32_EFER"),
  ...(["host", "control"] as const).flatMap((section) => [
    single(section, "S_CET", "host.s_cet", 16),
    single(section, "SSP", "host.ssp", 16),
    row(section, "SSP TABLE", "(?:INTR_)?SSP[ _]TABLE = X", [["host.ssp_table", 16]]),
  ]),
  single("control", "SecondaryExitControls", "ctl.exit2", 16),
  single("control", "APIC-access addr", "ctl.apic_access", 16, "proc2.VIRT_APIC_ACCESSES"),
  single("control", "virt-APIC addr", "ctl.virtual_apic", 16, "proc.VIRTUAL_TPR"),
  single("control", "VE info address", "ctl.ve_info", 16),
];

/** Lines of vmcs_dump_vcpu() in xen/arch/x86/hvm/vmx/vmcs.c, 4.5 and later. */
export const XEN_ROWS: readonly DumpRow[] = [
  ...SHARED,
  ...SEGMENTS.map((seg) =>
    row(
      "guest",
      `${seg.toUpperCase()}:`,
      `${seg}: X X X X`,
      [
        [`guest.${seg}.sel`, 4],
        [`guest.${seg}.ar`, 5],
        [`guest.${seg}.limit`, 8],
        [`guest.${seg}.base`, 16],
      ],
      true,
    ),
  ),
  ...(["gdtr", "idtr"] as const).map((table) =>
    row(
      "guest",
      `${table.toUpperCase()}:`,
      `${table}: X X`,
      [
        [`guest.${table}.limit`, 8],
        [`guest.${table}.base`, 16],
      ],
      true,
    ),
  ),
  // "EFER(MSR LL)" is a value of the MSR-load list, not of the field.
  row("guest", "EFER", "EFER(?:\\(VMCS\\))? = X", [["guest.efer", 16]]),
  single("guest", "PAT", "guest.pat", 16),
  single("guest", "PreemptionTimer", "guest.preemption_timer", 8),
  single("guest", "SM Base", "guest.smbase", 8),
  row("guest", "SPEC_CTRL mask", "SPEC_CTRL mask = X(?: shadow = X)?", [
    ["ctl.spec_ctrl_mask", 16],
    ["ctl.spec_ctrl_shadow", 16],
  ]),
  single("host", "EFER", "host.efer", 16, "exit.LOAD_IA32_EFER"),
  single("control", "EPTP index", "ctl.eptp_index", 4),
  single("control", "VMfunc controls", "ctl.vmfunc", 16),
];
