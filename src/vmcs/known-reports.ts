import { NOT_REPLAYED } from "../kvm/not-replayed.js";
import { releaseOf } from "../rules/held.js";
/** A public report of a failed VM entry whose cause was found. */
export interface KnownReport {
  /** Where it was reported. */
  readonly where: string;
  /** What cured it. */
  readonly cured: string;
  readonly checks: readonly string[];
}

/** Reports that people can read up, by the check that failed. */
const KNOWN_REPORTS: readonly KnownReport[] = [
  {
    checks: ["guest.interruptibility.sti_requires_if"],
    where: "Windows guests on Proxmox hosts (2022)",
    cured: `KVM clears the interrupt shadow when it enters SMM (Linux ${releaseOf(NOT_REPLAYED.smmKeepsShadow.held.since)}, and stable kernels).`,
  },
  {
    checks: ["guest.interruptibility.sti_requires_if"],
    where: "intel/haxm#233",
    cured: "HAXM clears the blocking bits when the emulated flags have IF = 0.",
  },
  {
    checks: ["guest.ia32e.pg", "guest.cr0.pg_pe"],
    where: "moby/hyperkit#226",
    cured: "pull request 239 clears IA-32e mode guest and EFER.LMA when the guest clears CR0.PG.",
  },
  {
    checks: ["guest.pending_dbg.bs_required"],
    where: "XSA-308 (Xen, 2019)",
    cured: "Xen sets BS in the pending debug exceptions when it injects the trap of a single-stepping guest.",
  },
  {
    checks: ["msrload.wrmsr_fault"],
    where: "Xen on Haswell and Broadwell without TSX (2017)",
    cured: "Xen sign-extends the branch records in the MSR-load area before the entry.",
  },
];

export function knownReports(check: string): readonly KnownReport[] {
  return KNOWN_REPORTS.filter(({ checks }) => checks.includes(check));
}
