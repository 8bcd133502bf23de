import type { Decoded } from "../../answers/answer.js";
import { explainBit, setBits } from "../../answers/bits.js";
import type { Step } from "../../answers/message.js";
import { listFirst, listText } from "../../bits/list-text.js";
import { formatU64, parseHexU64, testBit } from "../../bits/u64.js";
import { describeMsr } from "../../input/text/msr-names.js";
import { NOT_REPLAYED } from "../../kvm/not-replayed.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import { registerOf } from "../../registers/registers.js";
import { releaseOf } from "../../rules/held.js";
import { surelyNotIn } from "../../rules/held-in-named.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";
import { ENABLE_OUTER, FIRMWARE_IS_OFF, GIVE_VMX, NESTED_ON, READ_FEAT_CTL } from "../rows/shared-advice.js";
import { restoreRule } from "./restore.js";

// ---- A program writes an MSR ----

export function decodeMsrWrite(
  [{ groups }]: readonly [Match, ...Match[]],
  { circumstances: { has } }: ExplainContext,
): Decoded {
  const written = groups.msr ?? groups.msr2;
  if (written === undefined) return {};
  const index = Number.parseInt(written, 16);
  const register = registerOf(index);
  if (index === 0x3a) {
    if (has("VMX locked on"))
      return {
        gravity: "informs",
        what: "A program wrote IA32_FEAT_CTL (0x3a), and the write faulted, as every write does once the register is locked. By its value it is locked with VMX on outside SMX: VT-x works, and there is nothing to write.",
        onlySteps: true,
      };
    return {
      gravity: "blocks",
      layer: "firmware",
      what: "A program wrote IA32_FEAT_CTL (0x3a), and the write faulted: the register is locked, and nothing but a power cycle releases it. Only the firmware can set VMX in it.",
      onlySteps: true,
      steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
    };
  }
  const which = register === undefined ? `MSR 0x${index.toString(16)}` : describeMsr(index);
  const vmx =
    register === undefined
      ? "It is not a VMX register: VT-x is not involved."
      : "VMX capability registers can only be read.";
  return {
    ...(register === undefined ? { outcome: "not VMX" } : {}),
    what: `A program could not write ${which}: the CPU or the firmware has it locked, it does not exist there, or the kernel is locked down (Secure Boot). ${vmx}`,
  };
}

// ---- VMXON faulted ----

export function decodeVmxonFault(
  [match]: readonly [Match, ...Match[]],
  { circumstances, kernel }: ExplainContext,
): Decoded {
  const slept = circumstances.has("after a suspend");
  const isLate = kernel !== undefined && !surelyNotIn(kernel, NOT_REPLAYED.featCtlOnResume);
  const onResume = releaseOf(NOT_REPLAYED.featCtlOnResume.held.since);
  const value = parseHexU64(match.groups.value ?? "");
  if (value === undefined) return {};
  const text = formatU64(value);
  if (text === "0xdeadbeef") {
    return {
      what: "VMXON raised a fault, and IA32_FEAT_CTL cannot be read (Linux prints 0xdeadbeef then): the register is absent.",
      values: [{ name: "IA32_FEAT_CTL", value: "absent" }],
      causes: [{ text: "An outer hypervisor shows VMX in CPUID without IA32_FEAT_CTL.", certainty: "likely" }],
      steps: [ENABLE_OUTER],
    };
  }
  const locked = testBit(value, 0);
  const outside = testBit(value, 2);
  const bits = setBits(0x3a, value);
  if (locked && outside) {
    return {
      what: `VMXON raised a fault although IA32_FEAT_CTL (${text}: locked, VMX outside SMX on) allows it. So something else is at fault: CR0 or CR4 against the FIXED registers, a VMXON region with another revision than IA32_VMX_BASIC, or a hypervisor that dropped something VMXON needs.`,
      bits,
      values: [{ name: "IA32_FEAT_CTL", value: text }],
      layer: "another hypervisor",
      causes: [
        {
          text: "An outer hypervisor's CPU profile kept VMX and removed an MSR or a CPUID bit that belongs to it.",
          certainty: "likely",
        },
        {
          text: "A bit of CR0 or CR4 is set that IA32_VMX_CR0_FIXED1 or CR4_FIXED1 does not allow.",
          certainty: "possible",
        },
      ],
      steps: [
        {
          text: "Compare the FIXED registers and the revision with those of the hardware.",
          commands: ["for m in 0x480 0x486 0x487 0x488 0x489; do sudo rdmsr -a $m | uniq; done"],
        },
        ENABLE_OUTER,
      ],
    };
  }
  if (!locked)
    return {
      what: `VMXON raised a fault because IA32_FEAT_CTL is ${text}: not locked on this CPU. ${slept ? `The firmware leaves it so on resume from sleep${isLate ? "." : `, and Linux from ${releaseOf(FEAT_CTL_AT_BOOT)} on locks it at boot; on the boot CPU at resume as well only from ${onResume} on (and in stable releases since).`}` : "Its firmware setup has nothing to do with that: Linux sets the register itself where it is not locked."}`,
      bits,
      values: [{ name: "IA32_FEAT_CTL", value: text }],
      layer: "KVM at run time",
      onlyCauses: true,
      steps: [
        slept
          ? {
              text: `Use ${isLate ? "" : `Linux ${onResume} or later, or `}the newest stable update of your release. Until then a restart brings VT-x back, and sleep without S3 (mem_sleep_default=s2idle) keeps it.`,
            }
          : { text: `Restart, and use Linux ${onResume} or later where the machine sleeps in between.` },
        READ_FEAT_CTL,
      ],
    };
  return {
    what: `VMXON raised a fault because IA32_FEAT_CTL is ${text}: locked without VMX outside SMX on this CPU.`,
    bits: [...bits, ...(outside ? [] : [explainBit(0x3a, 2, "refused")])],
    values: [{ name: "IA32_FEAT_CTL", value: text }],
    layer: "firmware",
    causes: [
      {
        text: `The firmware set the register on some CPUs only, or not again after sleep; Linux from ${releaseOf(FEAT_CTL_AT_BOOT)} on sets it when it is unlocked, at boot and (since ${onResume}) on resume of the boot CPU.`,
        certainty: "likely",
      },
    ],
    steps: [READ_FEAT_CTL, FIRMWARE_IS_OFF],
  };
}

// ---- A guest, or a tool, reads an MSR that is not there ----

/** Registers that guests ask for without having them. */
const ASKED_FOR: readonly (readonly [from: number, to: number, name: string])[] = [
  [0x34, 0x34, "count of SMIs"],
  [0x4e, 0x4e, "control of PPIN"],
  [0xce, 0xce, "platform information"],
  [0xe7, 0xe8, "MPERF and APERF"],
  [0xe1, 0xe1, "control of UMWAIT"],
  [0x140, 0x140, "MISC_FEATURES_ENABLES"],
  [0x186, 0x18d, "event selects of performance counters"],
  [0x1a2, 0x1a2, "temperature target"],
  [0x1a6, 0x1a7, "off-core events"],
  [0x1ad, 0x1ad, "turbo ratio limits"],
  [0x1c8, 0x1c9, "last branch records"],
  [0x345, 0x345, "performance capabilities"],
  [0x38d, 0x390, "control of performance counters"],
  [0x606, 0x606, "power and energy, RAPL"],
  [0x60a, 0x60d, "idle states of the package"],
  [0x610, 0x61e, "power and energy, RAPL"],
  [0x630, 0x632, "idle states of the package"],
  [0x638, 0x642, "power and energy, RAPL"],
  [0x648, 0x64c, "configurable TDP"],
  [0x64d, 0x64d, "energy of the platform"],
  [0x64e, 0x64e, "productive performance count"],
  [0x64f, 0x64f, "reasons for a lower frequency"],
  [0x680, 0x6cf, "last branch records"],
];

export function namedMsr(index: number): string {
  const name = ASKED_FOR.find(([from, to]) => from <= index && index <= to)?.[2];
  return name === undefined ? "" : ` (${name})`;
}

const UNUSED: Step = {
  text: "Nothing has to be done for VT-x: the guest's kernel takes a register that faults for 0. If the guest fails, something else is the reason.",
  commands: ["sudo dmesg | grep -iE 'kvm|vmx' | tail"],
};

const indexOf = ({ groups }: Match): number => Number.parseInt(groups.msr ?? groups.index ?? "", 16);
const MOST_NAMED = 6;
const MOST_BARE = 100;
/** KVM says `ignored` with ignore_msrs=1, and `unhandled` without. */
const isIgnored = ({ groups }: Match): boolean => groups.treated?.toLowerCase() === "ignored";

const LET_IT_PASS: Step = {
  text: "With ignore_msrs=1 KVM lets the access pass: a read gives 0. That hides real defects, too.",
  commands: ["echo 1 | sudo tee /sys/module/kvm/parameters/ignore_msrs"],
};
/** Where a line is all there is, what the guest did is not known. */
const IF_IT_CRASHES: Step = {
  text: "Only if the guest crashes at that moment: ignore_msrs=1, with which KVM lets the access pass.",
  commands: ["echo 1 | sudo tee /sys/module/kvm/parameters/ignore_msrs"],
};
const isBare = (lines: readonly string[], matches: number): boolean =>
  lines.filter((line) => /\S/.test(line)).length <= matches + 2;
const PASSED_ALREADY: Step = {
  text: "The text does what helps: ignore_msrs=1, with which such a read gives 0. To keep it over a restart, set it where the module is loaded.",
  commands: ["echo 'options kvm ignore_msrs=1' | sudo tee /etc/modprobe.d/kvm.conf"],
};

export function decodeGuestMsr(matches: readonly [Match, ...Match[]], { anywhere, lines }: ExplainContext): Decoded {
  // One of VMX says more than what every guest asks for.
  const match = matches.find((one) => registerOf(indexOf(one)) !== undefined) ?? matches[0];
  const { groups, row } = match;
  const index = indexOf(match);
  if (Number.isNaN(index)) return {};
  const asked = [...new Set(matches.map(indexOf))];
  const named = asked.map((one) => `0x${one.toString(16)}${namedMsr(one)}`);
  const all = listFirst(named, MOST_NAMED);
  const register = registerOf(index);
  const value = parseHexU64(groups.value ?? "");
  const bits = value === undefined || register === undefined ? [] : setBits(index, value);
  // A fault that the guest does not expect ends it; one that it expects is what most of them get.
  if (register === undefined && row.id === "kvm-guest-msr" && !isIgnored(match) && anywhere.has("guest-crash")) {
    return {
      what: `A guest asked for MSR${asked.length === 1 ? "" : "s"} ${all}, which KVM does not give it, and got a fault (#GP) for it. Where the guest crashes at that moment, this is why. VT-x is not involved.`,
      gravity: "blocks",
      steps: [anywhere.has("passes-msrs") ? PASSED_ALREADY : LET_IT_PASS],
    };
  }
  if (register === undefined) {
    return {
      what:
        row.id === "kvm-guest-msr"
          ? `A guest asked for MSR${asked.length === 1 ? "" : "s"} ${all}, which KVM does not give it. ${asked.length === 1 ? "It is not one" : "None is one"} of the VMX registers, VT-x is not involved, and ${isIgnored(match) ? "KVM let it pass (ignore_msrs is on): the message is harmless" : "the message is harmless unless the guest itself crashes"}.`
          : `MSR 0x${index.toString(16)}${namedMsr(index)} is not one of the VMX registers: VT-x is not involved.`,
      gravity: "harmless",
      ...(row.id === "kvm-guest-msr" && !isIgnored(match) && isBare(lines(1, MOST_BARE), matches.length)
        ? { steps: [IF_IT_CRASHES] }
        : {}),
      ...(row.id === "qemu-get-msr"
        ? {
            steps: [{ text: "Use a QEMU at least as new as the kernel, or the kernel's newest stable update." }],
            onlySteps: true as const,
          }
        : {}),
      ...(row.id === "rdmsr-fails"
        ? {
            steps: [
              {
                text: "Nothing to do for VT-x: the CPU model or its microcode has no such register, or a hypervisor does not show it.",
              },
            ],
          }
        : {}),
    };
  }
  if (row.id === "rdmsr-fails") {
    return {
      what: `${describeMsr(index)} cannot be read on CPU ${groups.cpu}: it is absent, not zero.`,
      causes: [{ text: absentWhy(index), certainty: "likely" }],
      steps: [{ text: "Give this line together with the other registers: an absent register is a fact, too." }],
    };
  }
  if (index !== 0x3a && /\bwrmsr\b/i.test(match.text))
    return {
      what: `The guest wrote ${value === undefined ? "" : `${formatU64(value)} `}to ${describeMsr(index)}. The capability registers of VMX are read-only, on a CPU and in a guest: the write faults (#GP) whatever the guest's CPU has, and KVM says so.`,
      bits: [],
      layer: "nested KVM",
      gravity: "harmless",
      onlyCauses: true,
      onlySteps: true,
    };
  const rule = restoreRule(index);
  const unknown = rule === undefined && index !== 0x3a;
  return {
    what: `The guest accessed ${describeMsr(index)}${value === undefined ? "" : ` with ${formatU64(value)}`}, and KVM does not give it that register.`,
    bits,
    layer: "nested KVM",
    causes: unknown
      ? [
          {
            text: "KVM has no such register for guests in any release: it offers no tertiary controls and no secondary VM-exit controls.",
            certainty: "certain",
          },
        ]
      : [
          {
            text: "The guest's CPUID has no VMX, or kvm_intel.nested is 0; a guest that reads the VMX registers all the same (an inventory tool, a hypervisor) gets a fault.",
            certainty: "likely",
          },
        ],
    steps: unknown ? [UNUSED] : [NESTED_ON, { text: GIVE_VMX, commands: ["-cpu host,vmx=on"] }],
  };
}

function absentWhy(index: number): string {
  if (index === 0x3a) return "A hypervisor that shows VMX and not this register, or a CPU without VMX, SMX and SGX.";
  const { exists } = registerOf(index) ?? {};
  if (exists === undefined || exists === "vmx" || exists === "features")
    return "The CPU has no VMX, or a hypervisor hides it.";
  return `The CPU says itself that it has none: ${listText(
    exists.map((ref) => `bit ${ref.bit} of ${describeMsr(ref.index)}`),
    "or",
  )} is 0.`;
}
