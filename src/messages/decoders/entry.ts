import type { Decoded, NamedValue } from "../../answers/answer.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { releaseOf } from "../../rules/held.js";
import type { VmcsDump } from "../../vmcs/dumps/dump.js";
import type { WholeSign } from "../../vmcs/dumps/kept-text.js";
import { EXIT_REASONS, INSTRUCTION_ERRORS } from "../../vmcs/fields/decode-tables.js";
import { fieldByEncoding, fieldName } from "../../vmcs/fields/fields.js";
import { fieldHint } from "../../why/cpus/field-hint.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import {
  entrySteps,
  isOutOfSmm,
  notEmulated,
  ofAmd,
  REAL_MODE,
  SMM_TIMING,
  SMM_UPDATE,
  zeroError,
} from "../rows/linux/entry-advice.js";
import { INSTRUCTION_ERROR_ADVICE } from "../rows/linux/vmx-instructions.js";
import { auditOf, withPart } from "./audit.js";
import { failedIn } from "./internal-error/failed-in.js";
import { withSregs } from "./internal-error/guest-sregs.js";
import { TAKEN, zeroErrorBy } from "./internal-error/zero-error.js";
import { eventText, exitText } from "./suberror.js";

const SDM = "Intel SDM volume 3C";

/** A number as logs print it; AMD's -1 comes as all ones. */
export function codeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const digits = text.replace(/h$/i, "");
  const hex =
    /^0x([0-9a-f]{1,16})$/i.exec(text)?.[1] ??
    (/[a-fh]/i.test(text) || /^8000|^0{3}\d{5}(?:\d{8})?$/.test(text) ? digits : undefined);
  if (hex !== undefined) return Number.parseInt(hex.slice(-8), 16);
  const number = Number(text);
  return Number.isSafeInteger(number) ? number >>> 0 : undefined;
}

// ---- KVM: entry failed, hardware error ----

export function decodeHardwareError([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const code = codeOf(match.groups.code);
  if (code === undefined) return auditOf(context, undefined, {});
  const isOfQemu = match.row.id === "qemu-entry-failed";
  if (code === 0xffff_ffff) return ofAmd(context);
  const byDump = code === 0 ? zeroErrorBy(context.dumps().dumps) : undefined;
  if (byDump !== undefined) return { ...byDump, isOfInstruction: true };
  if (code === 0 && context.circumstances.has("rival beside KVM")) return { ...TAKEN, isOfInstruction: true };
  if (code >>> 31 === 1)
    return withPart(auditOf(context, code, pointedTo(entryFailure(code & 0xffff), context), isOfQemu), context);
  const failed =
    code === 0
      ? pointedTo(zeroError(), context)
      : INSTRUCTION_ERRORS[code] === undefined
        ? undefined
        : ofKvm(instructionError(code), code, context.circumstances.has("in a cloud"));
  if (failed !== undefined)
    return { ...auditOf(context, code, sinceUpdate(failed, context), isOfQemu), isOfInstruction: true };
  return auditOf(context, code, {
    what: `The number ${code} is not a VM-instruction error and lacks bit 31 of a failed entry; as an exit reason it would be ${EXIT_REASONS[code & 0xffff] ?? "unknown"}.`,
  });
}

/** A host that failed after an update has the kernel that did not, as a rule. */
const sinceUpdate = (failed: Decoded, { anywhere }: ExplainContext): Decoded =>
  anywhere.has("host-updated")
    ? {
        ...failed,
        steps: [
          { text: "Start the kernel from before the update: where it works, the new one is at fault." },
          ...(failed.steps ?? []),
        ],
      }
    : failed;

/** Signs that make one of the causes likely, and words of the cause that they point to. */
const SIGNS: readonly { readonly sign: WholeSign; readonly cause: string; readonly says?: string }[] = [
  { sign: "smm", cause: "SMM=1", says: "The register block shows SMM=1: it happened in system-management mode." },
  {
    sign: "guest-reset",
    cause: "After a reset of the guest",
    says: "The text speaks of a reset: if the guest had used VMX itself, QEMU or KVM left nested state behind; update both, or give the guest no vmx.",
  },
  { sign: "own-halt", cause: "HLT exiting is switched off" },
  {
    sign: "blocking",
    cause: "Interruptibility does not fit",
    says: "The dump shows blocking by STI or MOV SS; with single-stepping (RFLAGS.TF) an entry then needs BS among the pending debug exceptions.",
  },
  {
    sign: "no-unrestricted-guest",
    cause: "Without unrestricted guest",
    says: "This host has no unrestricted guest, so real mode is held to the rules of virtual-8086 mode.",
  },
];

/** A register block that shows the CPU out of SMM rules out what happens in it. */
function withoutSmm(decoded: Decoded): Decoded {
  const other = ({ text }: { readonly text: string }) => !text.includes("SMM=1");
  return {
    ...decoded,
    ...(decoded.causes === undefined ? {} : { causes: decoded.causes.filter(other) }),
    ...(decoded.steps === undefined ? {} : { steps: decoded.steps.filter(other) }),
  };
}

/** With the causes first that the text has signs of, and without those that it rules out. */
export function pointedTo(first: Decoded, context: ExplainContext): Decoded {
  const refused = notEmulated(first, context);
  if (refused !== undefined) return refused;
  const given = withSregs(first, context);
  const { anywhere } = context;
  const open = given.steps === undefined ? given : { ...given, steps: entrySteps(given.steps, context) };
  const decoded = isOutOfSmm(anywhere) ? withoutSmm(open) : open;
  const seen = SIGNS.filter(({ sign }) => anywhere.has(sign));
  const pointed = ({ text }: { readonly text: string }) => seen.some(({ cause }) => text.includes(cause));
  if (!decoded.causes?.some(pointed)) return decoded;
  const says = seen.flatMap(({ cause, says }) =>
    says !== undefined && decoded.causes?.some(({ text }) => text.includes(cause)) ? [says] : [],
  );
  return {
    ...decoded,
    ...(decoded.what === undefined ? {} : { what: [decoded.what, ...says].join(" ") }),
    ...(decoded.steps === undefined
      ? {}
      : { steps: [...decoded.steps.filter(pointed), ...decoded.steps.filter((step) => !pointed(step))] }),
    causes: [
      ...decoded.causes.filter(pointed).map((cause) => ({ ...cause, certainty: "likely" as const })),
      // A dump that shows one rules the others out.
      ...(anywhere.has("blocking") ? [] : decoded.causes.filter((cause) => !pointed(cause))),
    ],
  };
}

export function entryFailure(reason: number): Decoded {
  const words = EXIT_REASONS[reason] ?? "unknown";
  const values: NamedValue[] = [{ name: "exit reason", value: `${reason} (0x${reason.toString(16)}): ${words}` }];
  const base = {
    values,
    rule: {
      fn: "VM entry",
      says: "Bit 31 of the exit reason says that the entry failed after the checks on controls and host state had passed.",
      since: `${SDM}, VM-entry failures`,
    },
  };
  if (reason === 33) {
    return {
      ...base,
      what: "Exit reason 33 with bit 31 (0x80000021): the controls and the host state were good, and a check on the guest state failed. The exit qualification and the VMCS show which.",
      causes: [
        {
          text: "Without unrestricted guest: the guest is in real mode, big real mode or between modes, and a segment does not look as virtual-8086 mode demands.",
          certainty: "possible",
        },
        {
          text: `In or after SMM (SMM=1 in the register block): interrupt blocking or segments that no entry allows. On Intel hosts of 2022, before Linux ${releaseOf(NOT_REPLAYED.smmKeepsShadow.held.since)}, many Windows guests hit this.`,
          certainty: "possible",
        },
        {
          text: "After a reset of the guest that had used VMX itself: QEMU or KVM of that age left nested state behind.",
          certainty: "possible",
        },
        {
          text: "Interruptibility does not fit: blocking by STI needs RFLAGS.IF, blocking by MOV SS allows no pending interrupt, and with either, single-stepping (RFLAGS.TF) needs BS among the pending debug exceptions. KVM or an outer KVM carried it over wrongly.",
          certainty: "possible",
        },
        {
          text: "User space set registers that contradict each other: CR0.PG without PE, a TSS that is not busy, RFLAGS reserved bits.",
          certainty: "possible",
        },
      ],
      steps: [REAL_MODE, SMM_UPDATE, SMM_TIMING],
    };
  }
  if (reason === 34) {
    return {
      ...base,
      what: "Exit reason 34 with bit 31 (0x80000022): the guest state was good, and loading an MSR of the VM-entry MSR-load list failed. The exit qualification is the number of the entry, counted from 1.",
      causes: [
        {
          text: "The list holds an MSR that may not be in it (FS_BASE, GS_BASE, x2APIC registers, microcode), or a value that WRMSR would refuse, often in an MSR that the CPU or the outer hypervisor does not have.",
          certainty: "likely",
        },
      ],
    };
  }
  if (reason === 41) {
    return {
      ...base,
      what: "Exit reason 41 with bit 31 (0x80000029): a machine check during VM entry.",
      causes: [{ text: "The hardware reported an error; look for machine-check messages.", certainty: "likely" }],
      steps: [
        {
          text: "Read the machine-check log.",
          commands: ["sudo dmesg | grep -iE 'mce|machine check'; sudo ras-mc-ctl --summary"],
        },
      ],
    };
  }
  return { ...base, what: `Exit reason ${reason} (${words}) with bit 31: no entry failure of this number is defined.` };
}

/** The same under a hypervisor other than KVM, whose parameters mean nothing there. */
export function ofOthers(reason: number): Decoded {
  const { steps: _ofKvm, ...decoded } = entryFailure(reason);
  if (reason !== 33) return decoded;
  return {
    ...decoded,
    steps: [
      {
        text: "Dump the guest-state fields of the VMCS, with the controls and the exit qualification, right after the failed entry, and have them checked field by field.",
        commands: ["vmxlens audit DUMP.txt"],
      },
    ],
  };
}

export function instructionError(error: number): Decoded {
  const words = INSTRUCTION_ERRORS[error] ?? "reserved";
  const advice = INSTRUCTION_ERROR_ADVICE[error];
  return {
    what: `VM-instruction error ${error}: ${words}.`,
    ...(error === 7 ? { outcome: "invalid controls" as const } : {}),
    values: [{ name: "VM-instruction error", value: `${error}: ${words}` }],
    causes: [
      ...(advice === undefined ? [] : [{ text: advice.cause, certainty: "certain" as const }]),
      ...(error === 7
        ? [
            {
              text: "In a virtual machine (VMware and ESXi are on record, with unrestricted guest): the outer hypervisor does not implement a control that it lists, or the guest's KVM is newer or older than it expects; on one range of kernels a dropped `load IA32_PERF_GLOBAL_CTRL` on Westmere gave this.",
              certainty: "possible" as const,
            },
          ]
        : []),
    ],
    steps: advice === undefined ? [] : [{ text: advice.check }],
    rule: { fn: "VMX instructions", says: words, since: `${SDM}, VM-instruction error numbers` },
  };
}

/** KVM sets the controls itself and its user cannot: what he can do is to leave the doubtful ones out. */
function ofKvm(decoded: Decoded, error: number, inCloud: boolean): Decoded {
  if (error !== 7) {
    return {
      ...decoded,
      what: `${decoded.what} KVM itself makes and enters the VMCS: on hardware that is a fault of this kernel${error === 5 ? " (or of the CPU, where one of several like machines has it alone: kernel bugzilla 197813)" : ""}, in a virtual machine it can be one of the hypervisor below.`,
      steps: [{ text: "Update the host's kernel, and the hypervisor below where there is one." }],
    };
  }
  return {
    ...decoded,
    what: `${decoded.what} KVM asks only for controls that the CPU lists: in a virtual machine, the hypervisor below lists one that it does not implement; on hardware it is a fault of this kernel.`,
    steps: [
      {
        text: `${inCloud ? "Let" : "In a virtual machine, above all under VMware: let"} KVM do without the features that outer hypervisors list and do not implement; the first one helps most often.`,
        commands: [
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel unrestricted_guest=0",
          "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel preemption_timer=0",
          "echo 'options kvm_intel unrestricted_guest=0' | sudo tee /etc/modprobe.d/kvm-nested.conf",
        ],
      },
    ],
  };
}

const OF_KVM = /kvm|qemu|firecracker|uhyve|hypervisor_fw/i;
const NUMBERS = "(they go from 1 to 28, without 14, 21 and 27)";

// ---- Instruction error = n ----

export function decodeInstructionError([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { groups, row } = match;
  const { words } = groups;
  const error =
    words === undefined ? codeOf(groups.error ?? groups.error2 ?? groups.error3) : /control/i.test(words) ? 7 : 8;
  if (error === undefined) return {};
  const field = groups.field === undefined ? undefined : fieldByEncoding(Number.parseInt(groups.field, 16));
  const instruction = failedIn(match);
  if (field !== undefined && INSTRUCTION_ERRORS[error] === undefined && error !== 0) {
    return {
      what: `KVM accessed ${fieldName(field)} (0x${groups.field}) and the CPU refused. ${error} is not a VM-instruction error number ${NUMBERS}: no VMCS was current (VMfailInvalid), and the error number itself is meaningless.`,
      values: [{ name: "field", value: fieldName(field) }],
    };
  }
  if (INSTRUCTION_ERRORS[error] === undefined && error !== 0) {
    const none = `${instruction}${error >>> 31 === 1 ? `0x${error.toString(16)}` : error} is not a VM-instruction error number ${NUMBERS}`;
    if (error >>> 31 === 1) {
      const decoded = entryFailure(error & 0xffff);
      return auditOf(context, error, { ...decoded, what: `${none}: it is an exit reason. ${decoded.what ?? ""}` });
    }
    return {
      what: `${none}: it is an exit reason, an errno, or uninitialised memory.`,
      values: [{ name: "as an exit reason", value: EXIT_REASONS[error & 0xffff] ?? "none" }],
    };
  }
  const base =
    error === 0 ? zeroError(context.lines(1, 99).every((one) => !OF_KVM.test(one))) : instructionError(error);
  const audited = auditOf(context, error, base);
  return {
    ...audited,
    what:
      field === undefined
        ? `${instruction}${audited.what ?? ""}${error === 12 ? fieldHint(context.lines(1, 99).join("\n")) : ""}`
        : `KVM accessed ${fieldName(field)} (0x${groups.field}) and the CPU refused: VM-instruction error ${error}, ${INSTRUCTION_ERRORS[error] ?? "none"}.`,
    ...(row.id === "kvm-vmwrite-error" ? { gravity: "degrades" as const } : {}),
  };
}

// ---- The VMCS in the same text ----

/** The exit that a dump ends with, where it is none of those that a refused entry has. */
function lastExit({ vmcs: { fields, reported } }: VmcsDump): string | undefined {
  if (reported?.kind !== "other" || reported.reason === undefined) return undefined;
  const during = eventText(BigInt(fields.get(0x4408)?.lo.value ?? 0));
  const event = (reported.reason & 0xffff) === 0 ? eventText(BigInt(fields.get(0x4404)?.lo.value ?? 0)) : undefined;
  return `It ends with ${exitText(BigInt(reported.reason))}${event === undefined ? "" : ` (${event})`}${during === undefined ? "" : `, while an event was being delivered (${during})`}: such an exit is none of a refused VM entry.`;
}

export function decodeVmcsDump(_matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const [dump] = context.dumps().dumps;
  const decoded = auditOf(context, undefined, {});
  const conclusion = decoded.values?.[0]?.value;
  if (dump === undefined || conclusion === undefined) return decoded;
  const lines = `lines ${dump.lines[0]} to ${dump.lines[1]}`;
  const what = `A dump of the VMCS (${lines}). ${conclusion.split(/(?<=\.) /, 1).join("")}`;
  const last = decoded.causes?.length === 0 ? lastExit(dump) : undefined;
  if (last === undefined) return { ...decoded, what };
  return { ...decoded, what: `${what} ${last}`, steps: [], onlySteps: true, depends: [] };
}
