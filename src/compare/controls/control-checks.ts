import type { Check } from "../../vmcs/checks/check-row.js";
import { CHECKS } from "../../vmcs/checks/checks.js";
import { all, type Bool, bit, control, type FactName, msr, not } from "../../vmcs/checks/expr.js";
import type { ControlName } from "../../vmcs/fields/control-bits.js";

/** Facts about the hypervisor that a choice of controls is checked with. */
const CHOICE_FACTS = ["longMode", "intel64", "inSmm", "inSeam"] as const satisfies readonly FactName[];

/** The checks of a VM entry that the choice of controls alone decides. */
export const CHOICE_CHECKS: readonly Check[] = CHECKS.filter(
  ({ when, rule }) => (hasControl(when) || hasControl(rule)) && isChoice(when) && isChoice(rule),
);

function isChoice(bool: Bool): boolean {
  switch (bool.op) {
    case "const":
    case "control":
    case "may1":
      return true;
    case "fact":
      return (CHOICE_FACTS as readonly FactName[]).includes(bool.name);
    case "all":
    case "any":
      return bool.of.every(isChoice);
    case "not":
      return isChoice(bool.of);
    default:
      return false;
  }
}

function hasControl(bool: Bool): boolean {
  return controlsOf(bool).length > 0;
}

/** Every control that a condition mentions. */
export function controlsOf(bool: Bool): readonly ControlName[] {
  if (bool.op === "control") return [bool.bit.name];
  if (bool.op === "all" || bool.op === "any") return bool.of.flatMap(controlsOf);
  return bool.op === "not" ? controlsOf(bool.of) : [];
}

/** Something that a VM entry accepts and that is seldom meant. */
export interface Advice {
  readonly id: string;
  readonly when: Bool;
  readonly text: string;
  /** `danger`: the guest can reach what it should not; `idle`: a control does nothing; `loss`: something is lost. */
  readonly kind: "danger" | "idle" | "loss";
}

const EPT_VPID_CAP = msr(0x48c);
const ept = control("proc2.EPT");

/** A VM entry loads the register for the guest, and the VM exit leaves the guest's value in it. */
function stays(what: string, entry: ControlName, exit: ControlName): Advice {
  return {
    id: `advice.stays.${what.toLowerCase()}`,
    when: all(control(entry), not(control(exit))),
    text: `VM entry loads ${what}, and no exit control removes the guest's value again.`,
    kind: "danger",
  };
}

/** Source: SDM volume 3, the chapters on VMCS fields, on VMX non-root operation and on VM exits. */
export const ADVICE: readonly Advice[] = [
  {
    id: "advice.shadow_paging.cr3",
    when: all(not(ept), not(control("proc.CR3_LOAD_EXITING"))),
    text: "Without EPT and CR3-load exiting a guest chooses its own page tables, which name host-physical addresses.",
    kind: "danger",
  },
  {
    id: "advice.shadow_paging.invlpg",
    when: all(not(ept), not(control("proc.INVLPG_EXITING"))),
    text: "Without EPT the shadow page tables do not learn of INVLPG unless it exits.",
    kind: "loss",
  },
  {
    id: "advice.cr8",
    when: all(
      control("exit.HOST_ADDR_SPACE_SIZE"),
      not(control("proc.VIRTUAL_TPR")),
      not(control("proc.CR8_LOAD_EXITING")),
    ),
    text: "Without the TPR shadow and CR8-load exiting a guest changes the task priority of the host.",
    kind: "danger",
  },
  {
    id: "advice.interrupts",
    when: not(control("pin.INTR_EXITING")),
    text: "Without external-interrupt exiting, host interrupts are delivered to the guest.",
    kind: "danger",
  },
  {
    id: "advice.nmis",
    when: not(control("pin.NMI_EXITING")),
    text: "Without NMI exiting, host NMIs are delivered to the guest.",
    kind: "danger",
  },
  stays("IA32_PERF_GLOBAL_CTRL", "entry.LOAD_IA32_PERF_GLOBAL_CTRL", "exit.LOAD_IA32_PERF_GLOBAL_CTRL"),
  stays("IA32_PAT", "entry.LOAD_IA32_PAT", "exit.LOAD_IA32_PAT"),
  stays("IA32_EFER", "entry.LOAD_IA32_EFER", "exit.LOAD_IA32_EFER"),
  stays("IA32_BNDCFGS", "entry.LOAD_BNDCFGS", "exit.CLEAR_BNDCFGS"),
  stays("IA32_RTIT_CTL", "entry.LOAD_IA32_RTIT_CTL", "exit.CLEAR_IA32_RTIT_CTL"),
  stays("IA32_LBR_CTL", "entry.LOAD_IA32_LBR_CTL", "exit.CLEAR_IA32_LBR_CTL"),
  stays("UINV", "entry.LOAD_UINV", "exit.CLEAR_UINV"),
  stays("CET_state", "entry.LOAD_CET_STATE", "exit.LOAD_CET_STATE"),
  stays("IA32_PKRS", "entry.LOAD_PKRS", "exit.LOAD_PKRS"),
  stays("IA32_FRED", "entry.LOAD_IA32_FRED", "exit2.LOAD_IA32_FRED"),
  stays("IA32_SPEC_CTRL", "entry.LOAD_IA32_SPEC_CTRL", "exit2.LOAD_IA32_SPEC_CTRL"),
  {
    id: "advice.ack_without_exiting",
    when: all(control("exit.ACK_INTR_ON_EXIT"), not(control("pin.INTR_EXITING"))),
    text: "Acknowledge interrupt on exit does nothing without external-interrupt exiting.",
    kind: "idle",
  },
  {
    id: "advice.tsc_scaling",
    when: all(control("proc2.TSC_SCALING"), not(control("proc.USE_TSC_OFFSETTING"))),
    text: "TSC scaling does nothing without TSC offsetting.",
    kind: "idle",
  },
  {
    id: "advice.ple",
    when: all(control("proc2.PAUSE_LOOP_EXITING"), control("proc.PAUSE_EXITING")),
    text: "With PAUSE exiting every PAUSE exits: PAUSE-loop exiting does nothing.",
    kind: "idle",
  },
  {
    id: "advice.io",
    when: all(control("proc.USE_IO_BITMAPS"), control("proc.UNCOND_IO_EXITING")),
    text: "With I/O bitmaps unconditional I/O exiting does nothing.",
    kind: "idle",
  },
  {
    id: "advice.ve",
    when: all(control("proc2.EPT_VIOLATION_VE"), not(ept)),
    text: "EPT-violation #VE does nothing without EPT.",
    kind: "idle",
  },
  {
    id: "advice.pml",
    when: all(control("proc2.PAGE_MOD_LOGGING"), not(bit(EPT_VPID_CAP, 21))),
    text: "The log of modified pages stays empty without accessed and dirty flags for EPT, which this CPU lacks.",
    kind: "idle",
  },
  {
    id: "advice.invept",
    when: all(ept, not(bit(EPT_VPID_CAP, 20))),
    text: "This CPU has EPT and no INVEPT.",
    kind: "loss",
  },
  {
    id: "advice.invvpid",
    when: all(control("proc2.VPID"), not(bit(EPT_VPID_CAP, 32))),
    text: "This CPU has VPIDs and no INVVPID.",
    kind: "loss",
  },
  {
    id: "advice.cr3_with_ept",
    when: all(ept, control("proc.CR3_LOAD_EXITING")),
    text: "With EPT, loads of CR3 need not exit once the guest has paging on, or runs as an unrestricted guest.",
    kind: "loss",
  },
];
