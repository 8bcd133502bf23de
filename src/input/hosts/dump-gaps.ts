import { formatCpuRanges } from "../text/cpu-ranges.js";
import type { DiagnosticSink, Place } from "../text/diagnostic.js";
import type { HostBuilder } from "./host-builder.js";

/*
 * What a dump of AIDA64 lacks.
 */

export function hasNamedSection(msrSections: ReadonlyMap<number | undefined, Place>): boolean {
  return [...msrSections.keys()].some((cpu) => cpu !== undefined);
}

export function tellWhatIsMissing(
  builder: HostBuilder,
  /** In ascending order. */
  cpuids: readonly number[],
  msrSections: ReadonlyMap<number | undefined, Place>,
  svm: boolean,
  log: DiagnosticSink,
  at: Place,
): void {
  if (msrSections.size === 0 && builder.msrsOf("unnamed").size === 0) {
    log.error(
      at,
      "the dump has no MSR section",
      '"------[ MSR Registers ]------" or "------[ MSR Registers / Logical CPU #0 ]------"',
    );
    return;
  }
  const counts = [...msrSections].map(([cpu, place]) => ({ cpu, place, msrs: builder.msrsOf(cpu ?? "unnamed") }));
  const most = counts.reduce((a, b) => (b.msrs.size > a.msrs.size ? b : a), counts[0] ?? NO_SECTION);
  if (most.msrs.size === 0 && counts.length > 0) {
    const first = builder.cpu(counts[0]?.cpu ?? "unnamed").facts?.features;
    log.error(
      at,
      "no VMX MSR in the dump" +
        (svm
          ? ": the CPU has SVM instead of VMX"
          : first?.hypervisor === true && first.vmx !== true
            ? ": it was taken under a hypervisor that hides VMX"
            : first?.vmx === false
              ? ": the CPU does not have VMX (CPUID.1:ECX bit 5 is 0)"
              : ""),
      "MSR lines from 00000480",
    );
    return;
  }
  for (const { cpu, place, msrs } of counts) {
    if (msrs === most.msrs) continue;
    const missing = [...most.msrs.keys()].filter((index) => !msrs.has(index)).map((index) => `0x${index.toString(16)}`);
    if (missing.length === 0) continue;
    log.warning(
      place,
      `the MSR section of CPU ${cpu ?? "?"} lacks ${missing.join(", ")}, which CPU ${most.cpu ?? "?"} has`,
    );
  }
  const withoutMsrs = cpuids.filter((cpu) => !msrSections.has(cpu));
  if (hasNamedSection(msrSections) && withoutMsrs.length > 0) {
    log.warning(
      at,
      `no MSR section for logical CPU ${formatCpuRanges(withoutMsrs)}: their MSRs are unknown`,
      `"------[ MSR Registers / Logical CPU #${withoutMsrs[0]} ]------"`,
    );
  }
}

const NO_SECTION = { cpu: undefined, place: { line: 1, column: 1 }, msrs: new Map<number, unknown>() };
