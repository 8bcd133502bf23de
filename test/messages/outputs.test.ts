import { describe, expect, it } from "vitest";
import { desktopMessages } from "../../src/messages/desktop-messages.js";
import { explainPieces } from "../../src/messages/explain.js";

/*
 * What machines and tools print where people ask whether VT-x is on; no messages.
 */

async function verdict(text: string): Promise<string> {
  const pieces = (async function* () {
    yield text;
  })();
  const found = await explainPieces(pieces, { desktop: await desktopMessages() });
  return `${found.verdict?.says} ${found.verdict?.steps.map(({ text }) => text).join(" ")}`;
}

describe("the answer to an output", () => {
  it.each([
    [
      "lscpu of an ARM machine",
      "root@pi:~# lscpu\nArchitecture:           aarch64\n  CPU op-mode(s):       32-bit, 64-bit\nVendor ID:              ARM\n  Model name:           Cortex-A55\n    Flags:              fp asimd evtstrm aes\n",
      /ARM machine \(aarch64\)/,
    ],
    [
      "lscpu of an IBM Z machine under z/VM",
      "Architecture:        s390x\nVendor ID:           IBM/S390\nHypervisor vendor:   IBM\nVirtualization type: full\nFlags:               esan3 zarch stfle\n",
      /IBM Z machine \(s390x\)/,
    ],
    [
      "KVM of ARM in dmesg",
      "[    1.589597] kvm [1]: 8-bit VMID\n[    1.591733] kvm [1]: Hyp mode initialized successfully\n",
      /ARM machine/,
    ],
    [
      "uname of an ARM machine, and no flags",
      "$ uname -a\nLinux node 4.19.81-v8-18 #18 SMP PREEMPT Sun Nov 3 12:49:11 PST 2019 aarch64 aarch64 aarch64 GNU/Linux\n",
      /ARM machine/,
    ],
    [
      "flags of an AMD CPU alone",
      "flags : fpu vme de pse tsc msr pae mce cx8 sse sse2 ht syscall nx lm svm lahf_lm cmp_legacy extapic cr8_legacy\n",
      /AMD CPU/,
    ],
    [
      "labels of an AMD node",
      "Labels:             cpu-feature.node.kubevirt.io/smep=true\n                    cpu-feature.node.kubevirt.io/svm=true\n",
      /AMD CPU/,
    ],
    [
      "flags with vmx in a virtual machine, without a vendor",
      "flags : fpu vme de pse tsc msr pae mce cx8 sse sse2 ht syscall nx lm constant_tsc rep_good nopl cpuid pni vmx ssse3 hypervisor lahf_lm tpr_shadow vnmi ept vpid ept_ad fsgsbase\n",
      /^VT-x is there/,
    ],
    [
      "systeminfo, off in the firmware",
      "Hyper-V Requirements:      VM Monitor Mode Extensions: Yes\n                           Virtualization Enabled In Firmware: No\n                           Second Level Address Translation: Yes\n",
      /firmware has it switched off.*Enable VT-x in the firmware/,
    ],
    [
      "Get-ComputerInfo, off in the firmware",
      "HyperVRequirementSecondLevelAddressTranslation    : True\nHyperVRequirementVirtualizationFirmwareEnabled    : False\nHyperVRequirementVMMonitorModeExtensions          : True\n",
      /The CPU has VT-x \(or AMD-V\), and the firmware has it switched off/,
    ],
    [
      "systeminfo where all is well",
      "Hyper-V Requirements:      VM Monitor Mode Extensions: Yes\n                           Virtualization Enabled In Firmware: Yes\n                           Second Level Address Translation: Yes\n",
      /is there and on/,
    ],
    [
      "systeminfo of a CPU without",
      "Hyper-V Requirements:      VM Monitor Mode Extensions: No\n                           Virtualization Enabled In Firmware: No\n",
      /finds no VT-x \(or AMD-V\) in CPUID/,
    ],
    [
      "a newer virt-host-validate without /dev/kvm",
      "QEMU: Checking if device '/dev/kvm' exists: FAIL\n",
      /found no \/dev\/kvm/,
    ],
    [
      "a parameter before and after the module was loaded again",
      "cat /sys/module/kvm_intel/parameters/nested\nN\nrmmod kvm-intel\nmodprobe kvm-intel nested=1\ncat /sys/module/kvm_intel/parameters/nested\nY\n",
      /KVM offers guests VMX/,
    ],
  ])("%s", async (_, text, expected) => {
    expect(await verdict(text)).toMatch(expected);
  });

  it("two values with no reload between them contradict each other", async () => {
    const text = "/sys/module/kvm_intel/parameters/nested:N\n/sys/module/kvm_intel/parameters/nested:Y\n";
    expect(await verdict(text)).toMatch(/line 2: parameter kvm_intel.nested is Y here and N in line 1/i);
  });
});
