import { type Decoded, sinceText } from "../../../answers/answer.js";
import { setBits } from "../../../answers/bits.js";
import type { Step } from "../../../answers/message.js";
import { listText } from "../../../bits/list-text.js";
import { parseHexU64 } from "../../../bits/u64.js";
import { describeMsr } from "../../../input/text/msr-names.js";
import { loadRules } from "../../../kvm/load/load-order.js";
import { BOOT_RULES } from "../../../linux/boot-rules.js";
import { FEAT_CTL_AT_BOOT } from "../../../linux/changes.js";
import { registerOf } from "../../../registers/registers.js";
import { functionOf } from "../../../rules/effect.js";
import { releaseOf, rowsIn } from "../../../rules/held.js";
import { RELEASES } from "../../../rules/release.js";
import type { Rule } from "../../../rules/rule.js";
import { type MsrName, REPLAY_MSRS } from "../../../rules/words.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { ENABLE_OUTER, READ_FEAT_CTL } from "../../rows/shared-advice.js";
import { namedMsr } from "../msr.js";

/* An MSR that Linux accessed without expecting a fault (unchecked MSR access error). */

/** Functions of the kernel that read an MSR without expecting a fault. */
function plainReaders(index: number): readonly string[] {
  const name = (Object.keys(REPLAY_MSRS) as MsrName[]).find((candidate) => REPLAY_MSRS[candidate] === index);
  if (name === undefined) return [];
  const reads = (rule: Rule) =>
    rule.does.some((effect) => "read" in effect && effect.read === name && effect.how === "plain");
  const fns = RELEASES.flatMap((release) =>
    rowsIn<Rule>([...BOOT_RULES, ...loadRules(release)], release)
      .filter(reads)
      .map((rule) => functionOf(rule, release)),
  );
  return [...new Set(fns)];
}

const NOT_OF_GUEST: Step = {
  text: "Nothing has to be done: the hypervisor does not emulate the register, and the guest's kernel goes on without it.",
};
const NOT_OF_CPU: Step = {
  text: "In a virtual machine: the hypervisor does not emulate the register, and nothing has to be done. On hardware: a driver asks for a register of another CPU model, or one that comes with newer microcode; update the kernel or the microcode.",
  commands: ["grep -m1 microcode /proc/cpuinfo", "sudo dmesg | grep -i microcode"],
};

/** The trace of a guest, whose registers are what its hypervisor makes of them. */
const OF_GUEST =
  /\bguest(?:'s)? (?:boots?(?:ed)?|call ?trace|dmesg|kernel|log|console)\b|\bvm's (?:dmesg|kernel|log)\b|^-append ["'][^\n]{0,100}\bconsole=ttyS/i;
const MOST_LINES = 300;
const isOfGuest = ({ circumstances, lines }: ExplainContext): boolean =>
  circumstances.has("virtual") || lines(1, MOST_LINES).some((line) => OF_GUEST.test(line));

export function decodeUncheckedMsr([match]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const { groups } = match;
  const index = Number.parseInt(groups.msr ?? "", 16);
  const register = registerOf(index);
  const writes = (groups.how ?? "").toUpperCase().startsWith("WRMSR");
  const value = parseHexU64(groups.value ?? "");
  const bits = value === undefined || register === undefined ? [] : setBits(index, value);
  if (index === 0xc000_0080 && writes) {
    return {
      what: "Linux wrote EFER (0xc0000080), and it faulted. KVM does so on AMD CPUs, to switch SVM on (EFER.SVME): the hypervisor below shows svm and does not let it be used. VT-x is not involved.",
      gravity: "blocks",
      outcome: "AMD",
      onlySteps: true,
      steps: [
        {
          text: "Let the hypervisor below pass AMD-V to this machine (nested SVM), or use one that can: QEMU over WHPX does not.",
          commands: ["systemd-detect-virt"],
        },
      ],
    };
  }
  if (register === undefined) {
    return {
      what: `Linux ${writes ? "wrote" : "read"} MSR 0x${index.toString(16)}${namedMsr(index)} and it faulted. It is not one of the VMX registers: VT-x is not involved${writes ? "" : ", and the read counts as 0"}.`,
      gravity: "harmless",
      steps: [isOfGuest(context) ? NOT_OF_GUEST : NOT_OF_CPU],
    };
  }
  if (index === 0x3a && writes) {
    return {
      what: "Linux found IA32_FEAT_CTL unlocked, wrote and locked it, and the write faulted. It continues as if that had worked; VMXON will fault later if VMX is not on.",
      bits,
      layer: "another hypervisor",
      rule: {
        fn: "init_ia32_feat_ctl",
        file: "arch/x86/kernel/cpu/feat_ctl.c",
        says: "An unlocked register is written with a plain, not a safe, WRMSR.",
        since: `Linux ${releaseOf(FEAT_CTL_AT_BOOT)} and later`,
      },
      causes: [
        {
          text: "An outer hypervisor shows IA32_FEAT_CTL unlocked and does not let it be written, or refuses bits (VMX outside SMX) whose feature this machine does not have.",
          certainty: "likely",
        },
      ],
      steps: [ENABLE_OUTER, READ_FEAT_CTL],
    };
  }
  const readers = plainReaders(index);
  return {
    what: `Linux ${writes ? "wrote" : "read"} ${describeMsr(index)} because CPUID shows VMX, and the access faulted${writes ? "" : "; it counts as 0, so no control of that register is there for Linux"}.`,
    bits,
    layer: "another hypervisor",
    ...(readers.length === 0
      ? {}
      : {
          rule: {
            fn: listText(readers, "or"),
            file: "arch/x86/kernel/cpu/feat_ctl.c, arch/x86/kvm/vmx/vmx.c",
            says: "Reads the register without expecting a fault.",
            since: sinceText(undefined),
          },
        }),
    causes: [
      {
        text: "An outer hypervisor (or an emulator) shows VMX in CPUID and does not emulate the capability registers. Processors that have VMX have them all.",
        certainty: "likely",
      },
    ],
    steps: [
      {
        text: "Take VMX out of this machine's CPU, or let the outer hypervisor emulate VMX in full.",
        commands: ["-cpu MODEL,-vmx"],
      },
      ENABLE_OUTER,
    ],
  };
}
