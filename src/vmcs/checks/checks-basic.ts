import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import { ALWAYS, fact, not } from "./expr.js";

/** What VMLAUNCH and VMRESUME demand before they look into the VMCS. */
const BASIC: readonly CheckSpec[] = [
  {
    id: "basic.mode",
    when: ALWAYS,
    rule: not(fact("v86OrCompatibility")),
    failure: { kind: "fault", fault: "#UD" },
    text: "VMLAUNCH and VMRESUME are undefined in virtual-8086 mode and in compatibility mode.",
    cause: "A 32-bit hypervisor on a 64-bit kernel executes the instruction from a compatibility-mode segment.",
  },
  {
    id: "basic.cpl",
    when: ALWAYS,
    rule: fact("cpl0"),
    failure: { kind: "fault", fault: "#GP(0)" },
    text: "The instruction must be executed at privilege level 0.",
  },
  {
    id: "basic.no_current_vmcs",
    when: ALWAYS,
    rule: fact("vmcsCurrent"),
    failure: { kind: "VMfailInvalid" },
    text: "The logical processor must have a current VMCS.",
    cause:
      "VMPTRLD failed or was skipped, or VMCLEAR of the current VMCS came in between (after a migration to another CPU, for instance).",
  },
  {
    id: "basic.current_is_shadow",
    when: ALWAYS,
    rule: not(fact("vmcsIsShadow")),
    failure: { kind: "VMfailInvalid" },
    text: "The current VMCS must not be a shadow VMCS.",
  },
  {
    id: "basic.movss_blocking",
    when: ALWAYS,
    rule: not(fact("movSsBlocking")),
    failure: { kind: "VMfailValid", error: 26 },
    text: "Events must not be blocked by MOV SS when the instruction executes.",
  },
  {
    id: "basic.vmlaunch_not_clear",
    when: fact("vmlaunch"),
    rule: fact("launchStateClear"),
    failure: { kind: "VMfailValid", error: 4 },
    text: "VMLAUNCH needs a VMCS whose launch state is clear.",
    cause: "The hypervisor executed VMLAUNCH a second time, where VMRESUME was due.",
  },
  {
    id: "basic.vmresume_not_launched",
    when: fact("vmresume"),
    rule: not(fact("launchStateClear")),
    failure: { kind: "VMfailValid", error: 5 },
    text: "VMRESUME needs a VMCS whose launch state is launched.",
    cause: "The VMCS was cleared (VMCLEAR, often when a vCPU moves to another CPU) and not launched again.",
  },
];

const RETURN_FROM_SMM = "Only an SMI-transfer monitor reaches this check; an ordinary dump cannot show it.";

/** Checks on the executive VMCS when a VM entry returns from SMM under the dual-monitor treatment. */
const SMM: readonly CheckSpec[] = [
  {
    id: "basic.smm.executive_pointer_invalid",
    when: fact("smmReturn"),
    rule: fact("executivePointerValid"),
    failure: { kind: "VMfailValid", error: 16 },
    text: "The executive-VMCS pointer must be page aligned and fit the physical-address width.",
    note: RETURN_FROM_SMM,
  },
  {
    id: "basic.smm.executive_not_launched",
    when: fact("smmReturn"),
    rule: fact("executiveLaunched"),
    failure: { kind: "VMfailValid", error: 17 },
    text: "The launch state of the executive VMCS must be launched.",
    note: RETURN_FROM_SMM,
  },
  {
    id: "basic.smm.executive_not_vmxon",
    when: fact("smmReturn"),
    rule: fact("executiveIsVmxon"),
    failure: { kind: "VMfailValid", error: 18 },
    text: "The executive-VMCS pointer must be the VMXON pointer.",
    note: RETURN_FROM_SMM,
  },
  {
    id: "basic.smm.executive_controls_invalid",
    when: fact("smmReturn"),
    rule: fact("executiveControlsValid"),
    failure: { kind: "VMfailValid", error: 25 },
    text: "The VM-execution controls of the executive VMCS must pass their own checks.",
    note: RETURN_FROM_SMM,
  },
];

export const BASIC_CHECKS: readonly Check[] = [
  ...checksOf("basic", "1", BASIC),
  ...checksOf("basic", "1", SMM).map((check) => ({ ...check, sdm: "34.15.4.1" })),
];
