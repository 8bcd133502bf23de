import type { Decoded } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { contradictionIn } from "../../../vmcs/stopped/register-block.js";
import type { ExplainContext } from "../../context.js";
import type { Match } from "../../match.js";
import { registerBlock } from "../../register-block.js";
import { DROP_VMX, KERNEL_LOG, NESTED_ON } from "../../rows/shared-advice.js";

/*
 * A virtual CPU that KVM did not make, or whose state it did not take: which call it was, and what its errno means for it.
 */

const MADE = "KVM made the virtual machine, so VT-x (or AMD-V) is on.";

const SAME_CPU: Step = {
  text: "Give the guest a CPU model that both hosts have in full, in place of the host's own CPU, and start it anew before it moves.",
  commands: ["qm set VMID --cpu x86-64-v2-AES", "-cpu MODEL,enforce"],
};

interface Refused extends Required<Pick<Decoded, "what">>, Pick<Decoded, "steps"> {
  readonly words: RegExp;
  readonly causes?: readonly string[];
}

/** The first whose words fit counts. */
const REFUSED: readonly Refused[] = [
  {
    words: /Cannot allocate memory|ENOMEM|os error 12\b/i,
    what: `${MADE} It found no memory for a virtual CPU.`,
    steps: [{ text: "See what is free, and which limits hold.", commands: ["free -m; ulimit -l; sudo dmesg | tail"] }],
  },
  {
    words: /SET_CPUID|SetCpuid/i,
    what: `${MADE} It refused the CPUID for a virtual CPU: the CPU that was asked for contradicts itself or the host (another width of linear addresses, XSAVE state that the host has not, or CPUID changed after the CPU ran).`,
    steps: [{ text: "Try the host's own CPU.", commands: ["-cpu host"] }],
  },
  {
    words: /Failed to set (?:nested state|feature control MSR)/i,
    what: `${MADE} It refused the state of nested virtualization of a virtual CPU: the guest has used VMX (or SVM), and KVM here does not offer it the same.`,
    steps: [NESTED_ON, SAME_CPU, DROP_VMX],
  },
  {
    words: /Failed to set (?:XSAVE|XCRs)/i,
    what: `${MADE} It refused the state of XSAVE of a virtual CPU: the guest uses components (AVX-512, AMX, PKU) that KVM here does not offer it.`,
    steps: [SAME_CPU],
  },
  {
    words: /Failed to set special registers/i,
    what: `${MADE} It refused the special registers of a virtual CPU: after a migration or a restore, the guest has a feature on in CR4, EFER or CR0 that the CPU of this host, its kernel or its QEMU does not give it.`,
    steps: [SAME_CPU],
  },
  {
    words: /re[gs]isters after \w{3,20}: Failed to set MSRs/i,
    what: `${MADE} It refused an MSR of a virtual CPU; the line of QEMU before this one has its number.`,
    steps: [{ text: "Give the line `failed to set MSR` before it." }],
  },
  {
    words: /re[gs]isters after \w{3,20}: Failed to set/i,
    what: `${MADE} It refused a part of the state that QEMU gives a virtual CPU, the one that the line names.`,
    causes: ["After a migration or a restore: the state comes from a host that offers more."],
  },
  {
    words: /put_registers\(\) failed/i,
    what: `${MADE} It refused a part of the state that came for a virtual CPU; which part, the line does not say: CR0, CR4 or EFER, the state of XSAVE, or the state of nested virtualization. After a migration the state comes from a host that offers more.`,
    steps: [SAME_CPU],
  },
  {
    words: /put registers/i,
    what: `${MADE} It refused a part of the state that QEMU gives a virtual CPU; which part, the line does not say (later releases of QEMU name it): CR0, CR4 or EFER with bits that this KVM does not accept for the guest's CPUID or that do not fit each other or CS, the state of XSAVE, or the state of nested virtualization.`,
    causes: [
      `After a migration or a restore: the state comes from a host that offers more; in a nested machine the kernel of the outer one decides too (${releaseOf(NOT_REPLAYED.restoresRefused.held.since)} broke it for restores).`,
    ],
  },
  {
    words: /SetSpecialRegs|SetSregs|SET_SREGS|SetRegs|SET_REGS/i,
    what: `${MADE} It refused the registers of a virtual CPU: CR0, CR4 or EFER have bits that this KVM does not accept for the guest's CPUID, or do not fit each other or CS.`,
    causes: [
      `After a migration or a restore: the state comes from a host that offers more; in a nested machine the kernel of the outer one decides too (${releaseOf(NOT_REPLAYED.restoresRefused.held.since)} broke it for restores).`,
    ],
    steps: [{ text: "Compare CR0, CR4, EFER and CS with the guest's CPUID, which has to be set before them." }],
  },
  {
    words: /SET_MSRS|SetMsr/i,
    what: `${MADE} It refused an MSR of a virtual CPU.`,
    causes: ["After loading a state: the machine comes from a host that offers more."],
    steps: [KERNEL_LOG, DROP_VMX],
  },
  {
    words: /kvm_init_vcpu|CREATE_VCPU/i,
    what: `${MADE} It refused to make one of its virtual CPUs.`,
    causes: [
      "More of them than KVM allows, or an APIC id above 254 without x2APIC.",
      "In a virtual machine or beside another hypervisor: what KVM needs for a virtual CPU is not passed on; the kernel log says so then.",
    ],
    steps: [KERNEL_LOG, { text: "Try one virtual CPU.", commands: ["-smp 1"] }],
  },
];

const GIVE_BLOCK = {
  text: "Give QEMU's register block; with CS, CR0, CR4 and EFER it shows what contradicts what.",
};

/** Another architecture has other registers. */
const OF_ARM: Decoded = {
  what: "KVM did not take the registers that QEMU gives a virtual CPU. On Arm that is so where cores of several kinds (big.LITTLE) run one guest, and after a migration where the kernels differ.",
  onlyCauses: true,
  steps: [
    { text: "Keep QEMU on cores of one kind.", commands: ["lscpu -e", "taskset -c CORES qemu-system-aarch64 ..."] },
  ],
  onlySteps: true,
};

/** Linux, commit feb627e8d6f6 (KVM_SET_CPUID after KVM_RUN). */
const OF_SELFTEST: Decoded = {
  what: `${MADE} A test of the kernel's own (selftests: kvm) asked it for something that it refuses: the test and the kernel are of different releases, or the kernel changed what it allows (later ones take no other CPUID once a virtual CPU has run).`,
  onlyCauses: true,
  steps: [{ text: "Build the tests from the source of the kernel that runs.", commands: ["uname -r; git log -1"] }],
  onlySteps: true,
};

/** QEMU ends at this one, and prints no registers. */
const AT_START: readonly Step[] = [
  { text: "See which part it is: a later QEMU on this host prints its name behind `Restoring registers after init`." },
  { ...SAME_CPU, text: `Where every migration between two hosts ends so: ${SAME_CPU.text.replace("Give", "give")}` },
];

export function decodeVcpuRefused([{ text, line }]: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  if (/qemu-system-(?:aarch64|arm)\b/.test(line)) return OF_ARM;
  const found = REFUSED.find(({ words }) => words.test(text));
  if (context.lines(1, 60).some((one) => /\bselftests: kvm\b|\bvcpu_set_cpuid\b/.test(one))) return OF_SELFTEST;
  if (found === undefined) return {};
  const { what, steps = [], causes = [] } = found;
  const block = /registers|Regs|SREGS/.test(text) ? registerBlock(context) : undefined;
  const contradiction = block === undefined ? undefined : contradictionIn(block);
  if (contradiction !== undefined)
    return {
      what: `KVM refused the registers that QEMU gave it: ${contradiction.says}. VT-x (or AMD-V) is on and runs the guest.`,
      steps: [
        contradiction.ofSegment
          ? {
              text: "In the guest's GDT give a segment for 32-bit code D=1 and L=0 (flags 0xc in the descriptor); D=0 and L=1 (0xa) are for 64-bit code.",
            }
          : { text: "In the guest, set CR4.PAE, EFER.LME and CR0.PG in this order, and take them back in the other." },
      ],
      onlySteps: true,
    };
  return {
    what,
    causes: causes.map((cause) => ({ text: cause, certainty: causes.length === 1 ? "likely" : "possible" })),
    steps: /put registers after init/i.test(text)
      ? AT_START
      : /put registers/i.test(text)
        ? block === undefined
          ? [GIVE_BLOCK]
          : []
        : steps,
    onlySteps: true,
  };
}
