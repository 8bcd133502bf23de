import type { Decoded } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { isPaged, operandsOf, usedText } from "../../../vmcs/stopped/memory-operand.js";
import {
  filledWith,
  isAtReset,
  isAvx,
  isInVga,
  placeOf,
  type RegisterBlock,
  vmxInstruction,
} from "../../../vmcs/stopped/register-block.js";
import type { ExplainContext } from "../../context.js";
import { NO_OPTION_ROM, OF_SEV } from "../../rows/linux/entry-advice.js";
import { monitor, REAL_STEP } from "../../rows/shared-advice.js";

const RESET =
  "The register block shows a CPU just after reset: real mode (CR0.PE is 0) in the firmware's segment. KVM must emulate real mode where it has no unrestricted guest.";
const REAL_MODE =
  "The register block shows real mode (CR0.PE is 0), which KVM must emulate where it has no unrestricted guest.";
const ENDBR =
  "The instruction that could not be emulated is ENDBR (f3 0f 1e fb or fa): the guest's firmware was built with CET, and an emulator that does not know the instruction stops at it.";

export const NOT_VTX = "This is not a refused VM entry, and hardware virtualization is on and used.";

/** The instruction that KVM did not emulate, by the registers. */
export function ofBlock(block: RegisterBlock, { anywhere }: ExplainContext): Decoded {
  if (anywhere.has("sev-guest")) return OF_SEV;
  const insn = vmxInstruction(block.code);
  if (insn === "VMLAUNCH" || insn === "VMRESUME") return { ...NESTED_ENTRY(insn), onlyCauses: true, onlySteps: true };
  if (anywhere.has("endbr")) return ofEndbr(block);
  if (block.code[0] === 0x0f && block.code[1] === 0xaa) return OF_RSM;
  const fill = filledWith(block);
  // System-management mode has the form of real mode and reaches 4 GByte.
  const beyond = block.isReal && !block.isSmm && block.rip > 0xffffn;
  if (fill !== undefined || beyond || block.isUnreadable || isInVga(block)) {
    const where = [
      beyond || block.rip === placeOf(block)
        ? `RIP is 0x${block.rip.toString(16)}`
        : `CS:RIP is 0x${placeOf(block).toString(16)}`,
      ...(beyond ? ["which real mode cannot reach"] : isInVga(block) ? ["in the memory of VGA"] : []),
      ...(fill === undefined ? [] : [`and all bytes there are ${fill === 0 ? "00" : "ff"}`]),
      ...(block.isUnreadable ? ["where QEMU finds no memory (?? in the code bytes)"] : []),
    ];
    return {
      what: `KVM could not emulate an instruction of the guest (suberror 1), as there is none: ${where.join(", ")}. The guest, its boot loader or its firmware jumped to where no code is. ${anywhere.has("svm-emulated") ? SVM_EMULATED : NOT_VTX}`,
      onlyCauses: true,
      steps: [
        ...(anywhere.has("passthrough") ? [NO_OPTION_ROM] : []),
        {
          text: "Look at what ran last in the guest: another firmware or boot loader, another machine type, or less (or other) memory. Where it began with an update, go back by that one.",
          commands: [monitor("info registers"), monitor("info mtree -f"), monitor("x /8i $pc")],
        },
      ],
      onlySteps: true,
    };
  }
  if (block.isReal && block.isSmm) return IN_SMM;
  if (block.isReal) {
    return {
      what: `KVM could not emulate an instruction of the guest (suberror 1), ${realMode(block)}${block.code.length === 0 ? "" : ": the one between < and > in the code bytes"}.`,
      causes: [{ text: isAtReset(block) ? RESET : REAL_MODE, certainty: "certain" }],
      onlyCauses: true,
      steps: [REAL_STEP],
      onlySteps: true,
    };
  }
  const used = operandsOf(block);
  const gbPages = anywhere.has("gb-pages") && isPaged(block);
  const which = isAvx(block)
    ? "The register block shows an AVX instruction (its code bytes begin with a VEX or EVEX prefix), which most releases of KVM's emulator do not know, on memory that KVM has to emulate (MMIO, a hole, a page that is not mapped or may not be written)."
    : "The register block shows protected mode (CR0.PE is 1): the instruction, or the memory that it uses, is where KVM has to emulate (MMIO, a hole, a page that is not mapped or may not be written), or the hypervisor below said so, and KVM's emulator could not do it.";
  return {
    what: `KVM could not emulate an instruction of the guest (suberror 1). ${which}${usedText(used, block)}${gbPages ? GB_PAGES : ""} ${NOT_VTX}`,
    onlyCauses: true,
    steps: [
      ...(gbPages ? [{ text: "Give it such a CPU.", commands: ["-cpu host", "-cpu MODEL,+pdpe1gb"] }] : []),
      ...(isAvx(block)
        ? [
            {
              text: "Let the guest's driver or firmware access such memory by plain moves, or leave AVX out of its CPU to see whether that is it; newer kernels emulate more.",
              commands: ["-cpu host,avx=off,avx2=off"],
            },
          ]
        : []),
      used.length === 0
        ? {
            text: "Look where RIP points and which memory the instruction uses.",
            commands: [monitor("info registers"), monitor("info mtree -f"), monitor("x /8i $pc")],
          }
        : {
            text: "See what the guest has at that address and at RIP, and try a newer kernel on the host, which emulates more.",
            commands: isPaged(block)
              ? [monitor(`gva2gpa 0x${used[0]?.toString(16)}`), monitor("info mtree -f")]
              : [monitor("info mtree -f")],
          },
    ],
    onlySteps: true,
  };
}

/** QEMU, docs/system/cpu-models-x86 (pdpe1gb). */
const GB_PAGES =
  " The text is about pages of 1 GByte: the guest's CPU needs pdpe1gb for them, which few models of QEMU's have; without it KVM finds a reserved bit in such an entry, and reaches nothing behind it.";

const WITHOUT_SMM: Step = {
  text: "Start the guest without SMM (and so without Secure Boot).",
  commands: ["-machine smm=off", "<smm state='off'/>"],
};

/** Linux, arch/x86/kvm/smm.c (emulator_leave_smm): SMM and protected mode are left before the saved state is loaded. */
const OF_RSM: Decoded = {
  what: `KVM could not emulate an instruction of the guest (suberror 1): RSM (0f aa in the code bytes), with which the firmware leaves system-management mode. KVM emulates it on every CPU, and fails where the state that was saved at the beginning of that mode does not load, or the CPU is not in it. ${NOT_VTX}`,
  onlyCauses: true,
  steps: [WITHOUT_SMM, { text: "Take a newer kernel on the host, and a newer firmware for the guest." }],
  onlySteps: true,
};

const IN_SMM: Decoded = {
  what: "KVM could not emulate an instruction of the guest (suberror 1), in system-management mode (SMM=1 in the register block), which begins in a form of real mode. KVM emulates that where it has no unrestricted guest, and its emulator does not know all that the firmware does there.",
  onlyCauses: true,
  steps: [WITHOUT_SMM, REAL_STEP],
  onlySteps: true,
};

const realMode = (block: RegisterBlock): string => `in real mode${isAtReset(block) ? " just after reset" : ""}`;

/** Launchpad, 1653419. */
const SVM_EMULATED =
  "SVM itself is emulated below this KVM (TCG), and a fault of that emulation can end so. No VM entry was refused.";

export const TAKE_APIC = [
  {
    text: "Take virtualized APIC accesses away from the guest, or have its hypervisor not use them.",
    commands: [
      "-cpu host,vmx-apicv-xapic=off,vmx-apicv-vid=off,vmx-apicv-register=off",
      "hw.vmm.vmx.use_apic_vid=0   # bhyve: /boot/loader.conf",
    ],
  },
];
export const OF_NESTED =
  "Where the guest runs a hypervisor of its own, KVM also ends so when the inner VMCS names a page, above all the APIC-access page, that has no memory of the guest behind it.";

const NESTED_ENTRY = (insn: string): Decoded => ({
  what: `KVM gave up on ${insn} of the guest (suberror 1), which runs a hypervisor of its own: no instruction is unknown. KVM ends so where a page that the inner VMCS names, above all the APIC-access page, has no memory of the guest behind it that may be written (bhyve puts it at 0xfffff000, which UEFI firmware in flash covers).`,
  steps: [...TAKE_APIC, { text: "Update the host's kernel, or start the guest without UEFI." }],
});

function ofEndbr(block: RegisterBlock): Decoded {
  return {
    what: `KVM could not emulate an instruction of the guest (suberror 1), ${block.isReal ? realMode(block) : "where it runs"}: ENDBR, which firmware built with CET begins with.`,
    causes: [
      ...(block.isReal ? [{ text: isAtReset(block) ? RESET : REAL_MODE, certainty: "certain" as const }] : []),
      { text: ENDBR, certainty: "likely" },
    ],
    steps: [
      {
        text: "Use a guest firmware built without CET (-fcf-protection=none), or a CPU and kernel with unrestricted guest.",
      },
      REAL_STEP,
    ],
    onlySteps: true,
  };
}
