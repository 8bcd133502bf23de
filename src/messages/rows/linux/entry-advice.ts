import { type Decoded, sinceText } from "../../../answers/answer.js";
import type { Advice } from "../../../answers/message.js";
import { PARAMS, type ParamRow } from "../../../kvm/load/params.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { holdsInNamed } from "../../../rules/held-in-named.js";
import type { WholeSign } from "../../../vmcs/dumps/kept-text.js";
import type { ExplainContext } from "../../context.js";

/*
 * What there is to do after 0x80000021, and after some instructions that KVM could not emulate.
 */

export const REAL_MODE: Advice = {
  text: "See whether real mode runs without emulation.",
  commands: ["cat /sys/module/kvm_intel/parameters/unrestricted_guest"],
};
export const SMM_UPDATE: Advice = {
  text: "With SMM=1 in the register block: update the host kernel, the firmware and the microcode.",
};
export const SMM_TIMING: Advice = {
  text: `Before Linux ${releaseOf(NOT_REPLAYED.smmKeepsShadow.held.since)} tdp_mmu=N helped many with SMM=1, because it changed the timing.`,
  commands: ["echo 'options kvm tdp_mmu=N' | sudo tee /etc/modprobe.d/kvm-tdp.conf"],
  unless: ["an old system"],
};
const GIVE_BLOCK: Advice = {
  text: "Give QEMU's whole register block: SMM=1 in it means system-management mode, CR0 without bit 0 real mode; they have different causes.",
  instead: {
    is: "an old system",
    text: "Give QEMU's whole register block: CR0 without bit 0 means real mode, which the CPUs of that time could not run as it is.",
  },
};
/** KVM_GET_SREGS: Linux, Documentation/virt/kvm/api.rst; the rules: SDM volume 3C, checks on guest segment registers. */
const READ_STATE: Advice = {
  text: "The program set this state (KVM_SET_SREGS, KVM_SET_REGS). Change only what has to differ from what KVM_GET_SREGS gives after KVM_CREATE_VCPU: CS needs type 9, 11, 13 or 15 (in real mode also 3), SS 3 or 7, the other usable segments the accessed bit, TR a busy type, limits that fit the granularity, and RFLAGS bit 1 is 1; CR0.PG needs PE, and EFER.LMA has to be LME and PG, with CR4.PAE.",
};
const TDP_MMU: readonly ParamRow[] = PARAMS.filter(({ name }) => name === "tdp_mmu");

/** The steps that the text leaves open: the register block, a parameter or the kernel can decide. */
export function entrySteps(
  steps: readonly Advice[],
  { anywhere, params, kernel, circumstances }: ExplainContext,
): readonly Advice[] {
  if (steps.includes(SMM_UPDATE) && circumstances.has("a program of its own on KVM")) return [READ_STATE, REAL_MODE];
  // The dump in the text says which check it was; HAXM has none of KVM's parameters.
  if (anywhere.has("blocking") || circumstances.has("HAXM's own log")) return [];
  const isKnown = params?.kvm_intel?.unrestricted_guest !== undefined || anywhere.has("no-unrestricted-guest");
  const noBlock = !anywhere.has("smm") && !anywhere.has("no-smm");
  const timing =
    kernel === undefined ||
    (TDP_MMU.some((row) => holdsInNamed(kernel, row)) && !holdsInNamed(kernel, NOT_REPLAYED.smmKeepsShadow));
  const left = steps.filter(
    (step) =>
      !(step === REAL_MODE && isKnown) && !(step === SMM_TIMING && !timing) && !(step === SMM_UPDATE && noBlock),
  );
  return noBlock && steps.includes(SMM_UPDATE) ? [GIVE_BLOCK, ...left] : left;
}

const NOT_EMULATED =
  "This host has no unrestricted guest, and kvm_intel.emulate_invalid_guest_state is N: KVM then enters real mode as it is, and the CPU refuses each segment that virtual-8086 mode could not have, as those of a CPU after reset. VT-x works.";
const EMULATE_AGAIN: Advice = {
  text: "Let KVM emulate such states again, as it does by default: take emulate_invalid_guest_state=0 out of /etc/modprobe.d and the kernel command line, and load the module again, with no guest running. A program of one's own can start its guest in protected mode instead.",
  commands: [
    "grep -rs emulate_invalid /etc/modprobe.d; cat /proc/cmdline",
    "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel",
  ],
};

/** Real mode on a host that has no unrestricted guest, and emulates no state that its CPU refuses. */
export function notEmulated(found: Decoded, { circumstances: { has }, anywhere }: ExplainContext): Decoded | undefined {
  return has("invalid state not emulated") && (has("no unrestricted guest") || anywhere.has("no-unrestricted-guest"))
    ? { ...found, what: `${found.what ?? ""} ${NOT_EMULATED}`, causes: [], steps: [EMULATE_AGAIN] }
    : undefined;
}

/** A register block shows it. */
export const isOutOfSmm = (signs: ReadonlySet<WholeSign>): boolean => signs.has("no-smm") && !signs.has("smm");

export function ofAmd({ anywhere }: ExplainContext): Decoded {
  const outOfSmm = isOutOfSmm(anywhere);
  return {
    what: "VMRUN failed with VMEXIT_INVALID (-1): this is an AMD CPU, and the VMCB has an invalid state. VT-x is not involved.",
    outcome: "AMD",
    bits: [],
    layer: "VM entry",
    causes: outOfSmm
      ? []
      : [
          {
            text: "In a virtual machine (Azure, GitHub Codespaces, WSL): the guest's firmware enters SMM (SMM=1 in the register block; OVMF with Secure Boot does), and the outer hypervisor does not carry SMM through.",
            certainty: anywhere.has("smm") ? "likely" : "possible",
          },
        ],
    onlySteps: true,
    steps: [
      ...(outOfSmm
        ? []
        : [
            {
              text: "Use a guest firmware without SMM, that is without Secure Boot.",
              commands: ["-machine q35,smm=off -bios OVMF_CODE_4M.fd", "<smm state='off'/>"],
            },
          ]),
      {
        text: "Let kvm_amd print the VMCB, and update the host's kernel.",
        commands: ["echo 1 | sudo tee /sys/module/kvm_amd/parameters/dump_invalid_vmcb"],
      },
    ],
    sources: ["AMD APM volume 2, VMRUN"],
  };
}

/** Where no KVM is named: in a hypervisor of one's own. */
const OWN_ZERO: Decoded = {
  what: "The VM-instruction error field holds 0, which names no error: the VMX instruction failed with CF=1 (VMfailInvalid: no VMCS was current, which writes no number), or it did not fail at all, or the fields were read where they could not be.",
  values: [{ name: "VM-instruction error", value: "0 (none)" }],
  steps: [
    {
      text: "Take CF and ZF right after the instruction: CF=1 is VMfailInvalid (VMCLEAR and VMPTRLD before it, on the same CPU and with preemption off, a VMCS below 4 GiB where bit 48 of 0x480 is 1), ZF=1 has a number in 0x4400, and a VMLAUNCH that works does not come back there.",
    },
    { text: "Take the same flags after VMREAD: it writes nothing into its register where it fails." },
  ],
};

/** The instruction failed, without a number of an error. */
export function zeroError(isOwn = false): Decoded {
  if (isOwn) return OWN_ZERO;
  return {
    what: "VMLAUNCH or VMRESUME failed, and the VM-instruction error field holds 0: the number 0 names no error. The instruction failed without writing one.",
    values: [{ name: "VM-instruction error", value: "0 (none)" }],
    causes: [
      {
        text: "An outer hypervisor refused the entry without giving a number. Hyper-V (Azure, GitHub runners) does so, for example when HLT exiting is switched off (-overcommit cpu-pm=on, KVM_CAP_X86_DISABLE_EXITS).",
        certainty: "likely",
      },
      {
        text: "No VMCS was current (VMfailInvalid), a defect of the kernel; or the dump's exit reason is left from an earlier exit and the VMCS is valid.",
        certainty: "possible",
      },
    ],
    steps: [
      {
        text: "In a virtual machine the hypervisor below decides: take its updates, and give the guest a named CPU model instead of the host's; do not disable exits there.",
        commands: ["systemd-detect-virt", "-cpu MODEL", "# QEMU: remove", "-overcommit cpu-pm=on"],
        instead: [
          {
            is: "a named model",
            text: "In a virtual machine the hypervisor below decides: take its updates. Where some machines fail and others of the same kind do not, they run on other hosts below.",
            commands: ["systemd-detect-virt; uname -r; lscpu | grep -E 'Model name|Hypervisor'"],
          },
          {
            is: "an old system",
            text: "In a virtual machine the hypervisor below decides: take its updates, and give the guest a named CPU model instead of the host's.",
            commands: ["systemd-detect-virt", "-cpu MODEL"],
          },
        ],
      },
    ],
    rule: {
      fn: "vmx_handle_exit",
      file: "arch/x86/kvm/vmx/vmx.c",
      says: "When the entry instruction fails, KVM reports the VM-instruction error field as hardware error.",
      since: sinceText(undefined),
    },
    sources: ["hermit-os/uhyve#1150, #1206"],
  };
}

export const NO_OPTION_ROM: Advice = {
  text: "Start the guest without the option ROMs of its passed-through devices, to see whether its firmware jumped into one.",
  commands: ["-device vfio-pci,host=01:00.0,romfile=", "<rom bar='off'/>", "qm set VMID --hostpci0 01:00,rombar=0"],
};

/** Linux, arch/x86/kvm/svm (emulation of SEV guests). */
export const OF_SEV: Decoded = {
  what: "KVM could not emulate an instruction of the guest (suberror 1). The text is about SEV guests, whose memory AMD's CPU encrypts: KVM cannot read their instructions, so what it would have to emulate fails. VT-x has no part in it.",
  outcome: "AMD",
  onlyCauses: true,
  steps: [{ text: "Use newer kernels on the host and in the guest, and firmware that is made for SEV." }],
  onlySteps: true,
};
