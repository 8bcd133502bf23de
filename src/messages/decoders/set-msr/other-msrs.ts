import type { Decoded } from "../../../answers/answer.js";
import type { Step } from "../../../answers/message.js";
import { describeMsr } from "../../../input/text/msr-names.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import type { ExplainContext } from "../../context.js";
import { NESTED_ON } from "../../rows/shared-advice.js";

/** MSRs of other features that QEMU sets as well. */
interface Other {
  readonly name: string;
  readonly about: string;
  readonly step: Step;
  /** For one value. */
  readonly ofValue?: { readonly value: string; readonly about: string; readonly step: Step };
}
const OTHER_MSRS: { readonly [msr: number]: Other } = {
  0x3a: {
    name: "IA32_FEAT_CTL",
    about: "KVM accepts only bits whose feature the guest has: VMX bits need vmx in the guest's CPUID and nested=1.",
    step: NESTED_ON,
  },
  0x48: {
    name: "IA32_SPEC_CTRL",
    about: "The guest has a speculation control that the host does not.",
    step: off("spec-ctrl"),
  },
  0xe1: {
    name: "IA32_UMWAIT_CONTROL",
    about: "The guest has WAITPKG and KVM does not offer it.",
    step: off("waitpkg"),
    /** Bugzilla of the kernel, 206877; QEMU, target/i386/kvm.c (has_msr_umwait). */
    ofValue: {
      value: "0x0",
      about:
        "KVM of this machine reports the register to QEMU and cannot set it: older kernels did so wherever a read of it goes well, and with kvm.ignore_msrs=1 on the host below a virtual machine every read does.",
      step: {
        text: "Use a newer kernel in this machine, or switch ignore_msrs off on the host below it.",
        commands: ["echo 0 | sudo tee /sys/module/kvm/parameters/ignore_msrs   # on the host below"],
      },
    },
  },
  0x10a: {
    name: "IA32_ARCH_CAPABILITIES",
    about: "QEMU wants to show mitigations that KVM of this kernel does not let it show.",
    step: off("arch-capabilities"),
  },
  0x122: { name: "IA32_TSX_CTRL", about: "The host has no TSX control.", step: off("tsx-ctrl") },
  0x345: {
    name: "IA32_PERF_CAPABILITIES",
    about: "KVM offers other performance capabilities than the guest is to have.",
    step: {
      text: "Turn pdcm off in the CPU model, or the guest's PMU.",
      commands: ["-cpu host,pdcm=off", "<feature policy='disable' name='pdcm'/>", "<pmu state='off'/>"],
    },
  },
  0x38d: {
    name: "IA32_FIXED_CTR_CTRL",
    about:
      "The guest has a PMU and KVM offers none: the host is a virtual machine without virtual performance counters, usually.",
    step: off("pmu"),
  },
  0x38f: {
    name: "IA32_PERF_GLOBAL_CTRL",
    about: "The guest has a PMU, and KVM offers none or one with fewer counters.",
    step: off("pmu"),
  },
  0x4b564d02: {
    name: "MSR_KVM_ASYNC_PF_EN",
    about: `With kernel-irqchip=off, Linux ${releaseOf(NOT_REPLAYED.asyncPfStaysOn.held.since)} refuses even to switch asynchronous page faults off (0); ${releaseOf(NOT_REPLAYED.asyncPfStaysOn.held.before)} and QEMU 5.2 take it back.`,
    step: {
      text: `Leave kernel-irqchip=off out, or use Linux ${releaseOf(NOT_REPLAYED.asyncPfStaysOn.held.before)} or later on the host.`,
      commands: ["-machine q35,accel=kvm,kernel-irqchip=on", "-cpu host,kvm-asyncpf=off"],
    },
  },
  0xd90: {
    name: "IA32_BNDCFGS",
    about: "The guest has MPX, and KVM or the hypervisor below does not offer it.",
    step: off("mpx"),
  },
  0xc0000104: {
    name: "AMD64_TSC_RATIO",
    about: "It is a register of AMD CPUs, and kvm_amd of this kernel refuses the value that QEMU gives it.",
    step: off("tsc-scale"),
    /** Bugzilla of the kernel, 216017. */
    ofValue: {
      value: "0x100000000",
      about: `It is a register of AMD CPUs. QEMU 7.0 writes its default even for a guest without TSC scaling, and kvm_amd before ${releaseOf(NOT_REPLAYED.tscRatioRefused.held.before)} refuses that.`,
      step: {
        text: `Use Linux ${releaseOf(NOT_REPLAYED.tscRatioRefused.held.before)} or later on the host, or QEMU 6.2.`,
        commands: ["uname -r; qemu-system-x86_64 --version"],
      },
    },
  },
  0xda0: {
    name: "IA32_XSS",
    about: "The guest has XSAVES state components that KVM does not offer.",
    step: off("xsaves"),
  },
};

/** Base and mask of the ranges of memory types. */
const MTRR: Other = {
  name: "MTRR",
  about:
    "It is a register of memory types, and as a rule its value has address bits beyond the guest's physical address width: the hosts differ in that width.",
  step: {
    text: "Give the guest a width that all hosts have, or migrate between hosts of one CPU model.",
    commands: ["grep -m1 'address sizes' /proc/cpuinfo", "-cpu MODEL,host-phys-bits=off,phys-bits=36"],
  },
};

function off(feature: string): Step {
  return {
    text: `Turn ${feature} off in the CPU model.`,
    commands: [`-cpu host,${feature}=off`, `<feature policy='disable' name='${feature}'/>`],
  };
}

/** Of a trust domain. */
const OF_TDX: Step = {
  text: "Start the guest as a trust domain with a QEMU that has TDX (10.1 or later).",
  commands: ["-object tdx-guest,id=tdx0 -machine q35,confidential-guest-support=tdx0"],
};

export function decodeOther(index: number, asked: string, { anywhere }: ExplainContext): Decoded {
  const other: Other | undefined = OTHER_MSRS[index] ?? (index >= 0x200 && index <= 0x20f ? MTRR : undefined);
  const name = other === undefined ? `MSR ${describeMsr(index)}` : `${other.name} (0x${index.toString(16)})`;
  const shared = {
    layer: "KVM at run time",
    onlySteps: true,
    sources: ["Linux, arch/x86/kvm/x86.c (kvm_set_msr_common)"],
  } as const;
  if (anywhere.has("tdx"))
    return {
      ...shared,
      what: `QEMU could not set ${name} of the guest. Of a trust domain (TDX) KVM sets no register at all, as its state is protected: QEMU has to leave them alone.`,
      steps: [OF_TDX],
    };
  if (anywhere.has("ignores-below"))
    return {
      ...shared,
      what: `QEMU could not set ${name} of the guest. The text names ignore_msrs of the host below: with it reading any MSR goes well in this machine, so its KVM takes ${other?.name ?? "the register"} for one that the CPU has, reports it to QEMU, and then refuses to set it for a guest.`,
      steps: [
        {
          text: "On the host below, switch it off, and start this machine again (or load its KVM modules anew).",
          commands: ["echo 0 | sudo tee /sys/module/kvm/parameters/ignore_msrs"],
        },
      ],
    };
  const special = other?.ofValue?.value === asked ? other?.ofValue : undefined;
  const about = special?.about ?? other?.about;
  return {
    ...shared,
    what: `QEMU could not set ${name} of the guest. ${about === undefined ? "" : `${about} `}It is not a VMX capability register: no VMX is refused here.`,
    steps:
      special !== undefined
        ? [special.step]
        : [
            ...(other === undefined ? [] : [other.step]),
            {
              text: `${other === undefined ? "Use" : "Or use"} a newer kernel, or an older QEMU: QEMU sets what it believes KVM to have.`,
            },
          ],
  };
}
