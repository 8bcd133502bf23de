import { type Msr, msrValue, parseHexU64, type U64 } from "../../src/index.js";
import { auditVmcs, readVmcs } from "../../src/vmcs/index.js";

/** What a hypervisor's test run wrote: one VMCS a line, and the capability MSRs of the CPU it ran on. */
export function auditTestRun(vmcsLines: string, capabilities: { readonly [msr: string]: string }): string[] {
  const msrs = new Map<number, Msr>();
  for (const [index, text] of Object.entries(capabilities)) {
    msrs.set(Number(index), msrValue(parseHexU64(text) as U64));
  }
  const cpu = { coreTypes: [], msrs, cpuid: { features: {}, physAddrBits: 46, linAddrBits: 48 } };
  const problems: string[] = [];
  for (const { name, vmcs } of readVmcs(vmcsLines).dumps) {
    for (const { check, paragraph } of auditVmcs(vmcs, cpu).findings) {
      problems.push(`${name}: ${check.id}: ${paragraph}`);
    }
  }
  return problems;
}
