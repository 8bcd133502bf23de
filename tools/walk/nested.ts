import { effectiveMsr } from "../../src/host/existence.js";
import { formatMsr } from "../../src/host/msr.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { REGISTERS } from "../../src/registers/registers.js";
import type { WordName } from "../../src/rules/words.js";
import { type Block, code, hexPair, msrNumber, pick, table } from "./markdown.js";
import { HOST, WALK } from "./scenario.js";
import { bitList, stepTable } from "./steps.js";

export const nestedSteps: Block = (language) => stepTable(language, ["nested_vmx_setup_ctls_msrs"]);

/** The CPU's registers beside those that a nested hypervisor reads. */
export const nestedRegisters: Block = (language) => {
  const seen = nestedMsrs(WALK.cpu);
  const absent = pick(language, "absent", "不存在");
  return table(
    ["MSR", pick(language, "Name", "名称"), "CPU", "L1"],
    REGISTERS.filter(({ index }) => index >= 0x480 && index <= 0x492).map(({ index, sdm }) => {
      const own = formatMsr(effectiveMsr(HOST.cores[0], index));
      const nested = seen.get(index);
      return [
        msrNumber(index),
        sdm,
        own === "absent" ? absent : code(own),
        nested === undefined ? absent : hexPair(nested),
      ];
    }),
  );
};

/** Words of the CPU and of L1 that say which bits may be 1. */
const PAIRS: readonly (readonly [WordName, WordName])[] = [
  ["IA32_VMX_PINBASED_CTLS.hi", "pinbased_ctls_high"],
  ["IA32_VMX_PROCBASED_CTLS.hi", "procbased_ctls_high"],
  ["IA32_VMX_PROCBASED_CTLS2.hi", "secondary_ctls_high"],
  ["IA32_VMX_EXIT_CTLS.hi", "exit_ctls_high"],
  ["IA32_VMX_ENTRY_CTLS.hi", "entry_ctls_high"],
  ["IA32_VMX_EPT_VPID_CAP.lo", "ept_caps"],
  ["IA32_VMX_EPT_VPID_CAP.hi", "vpid_caps"],
  ["IA32_VMX_MISC.lo", "misc_low"],
];

export const nestedDifferences: Block = (language) =>
  table(
    [
      pick(language, "Word", "字"),
      pick(language, "Only L1: emulated", "只有 L1 有：由 KVM 模拟"),
      pick(language, "Only the CPU: not offered", "只有 CPU 有：KVM 不提供"),
    ],
    PAIRS.map(([own, nested]) => {
      const [cpu, l1] = [WALK.cpu.word(own).value, WALK.cpu.word(nested).value];
      return [code(nested), bitList(language, nested, l1 & ~cpu), bitList(language, nested, cpu & ~l1)];
    }),
  );
