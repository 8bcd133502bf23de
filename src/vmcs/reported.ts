import type { Tri } from "../bits/tri.js";
import type { Failure } from "./checks/check-row.js";
import { ENTRY_FAILURE_QUALIFICATIONS, EXIT_REASONS, INSTRUCTION_ERRORS } from "./fields/decode-tables.js";
import type { Reported } from "./state.js";

/** Whether a failing check would give this report. */
export function fits(failure: Failure, reported: Reported): Tri {
  if (failure.kind === "undefined") return "unknown";
  switch (reported.kind) {
    case "unknown":
    case "other":
    case "no-number":
    case "vmrun":
      return "unknown";
    case "vmfail":
      return failure.kind === "VMfailValid" && failure.error === reported.error ? "yes" : "no";
    case "entry-failure": {
      if (failure.kind !== "entry-failure" || failure.reason !== reported.reason) return "no";
      const q = reported.qualification;
      // Entry numbers are compared with the entry itself, not here.
      if (q === undefined || failure.qualification === "entry") return "yes";
      return q.hi === 0 && q.lo === failure.qualification ? "yes" : "no";
    }
  }
}

/** The stage at which the report says that VM entry stopped; `undefined` if it does not say. */
export function stageOf(reported: Reported): "instruction" | "controls" | "host" | "guest" | "msr-load" | undefined {
  if (reported.kind === "vmfail")
    return reported.error === 7 ? "controls" : reported.error === 8 ? "host" : "instruction";
  if (reported.kind === "entry-failure")
    return reported.reason === 33 ? "guest" : reported.reason === 34 ? "msr-load" : undefined;
  return undefined;
}

/** What was reported, as one sentence. */
export function describeReported(reported: Reported): string {
  switch (reported.kind) {
    case "unknown":
      return "Nothing says how the VM entry ended.";
    case "vmfail":
      return `VM entry failed with VM-instruction error ${reported.error} (${INSTRUCTION_ERRORS[reported.error] ?? "unknown"}).`;
    case "entry-failure": {
      const q = reported.qualification;
      const words = EXIT_REASONS[reported.reason] ?? "unknown";
      if (q === undefined) return `VM entry failed with exit reason ${reported.reason} (${words}).`;
      const meaning =
        reported.reason === 33
          ? (ENTRY_FAILURE_QUALIFICATIONS[q.lo] ?? "undefined")
          : reported.reason === 34
            ? `entry ${q.lo}`
            : "";
      return `VM entry failed with exit reason ${reported.reason} (${words}), qualification ${q.lo}${meaning === "" ? "" : ` (${meaning})`}.`;
    }
    case "no-number":
      return "VM entry failed and no number says why: VMLAUNCH or VMRESUME failed with VM-instruction error 0, as under an outer hypervisor that refuses an entry.";
    case "vmrun":
      return "VMRUN failed with VMEXIT_INVALID: this is an AMD CPU, which has no VMCS.";
    case "other":
      return reported.reason === undefined
        ? "The dump was not printed for a failed VM entry."
        : `The exit reason is ${reported.reason & 0xffff} (${EXIT_REASONS[reported.reason & 0xffff] ?? "unknown"}), which is not a failed VM entry; it is left from an earlier exit if VMLAUNCH or VMRESUME itself failed.`;
  }
}
