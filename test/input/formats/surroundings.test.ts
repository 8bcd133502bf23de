import { describe, expect, it } from "vitest";
import { msrOf } from "../../../src/host/host.js";
import { msrBit } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";

const read = (text: string) => {
  const { host } = readHost(text);
  if (host === undefined) throw new Error(`no host in ${text}`);
  return host;
};

describe("lscpu", () => {
  it("gives vendor, name, signature, flags and the hypervisor in the new layout", () => {
    const host = read(`Architecture:            x86_64
  CPU op-mode(s):        32-bit, 64-bit
CPU(s):                  4
  On-line CPU(s) list:   0-3
Vendor ID:               GenuineIntel
  Model name:            Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz
    CPU family:          6
    Model:               85
    Thread(s) per core:  1
    Stepping:            7
    BogoMIPS:            4200.00
    Flags:               fpu vme de pse vmx syscall nx lahf_lm tpr_shadow ept vpid arat hypervisor
Virtualization features:
  Virtualization:        VT-x
  Hypervisor vendor:     VMware
  Virtualization type:   full
`);
    expect(host).toMatchObject({ vendor: "GenuineIntel", name: "Intel(R) Xeon(R) Gold 6252 CPU @ 2.10GHz" });
    expect(host.cores[0].signature).toBe(0x50657);
    expect(host.cores[0].cpuid.features).toMatchObject({ vmx: true, hypervisor: true });
    expect(host.observed?.outer).toBe("VMware");
    expect(host.observed?.cpuFlags).toContain("ept");
  });

  const OLD = `Architecture:          x86_64
CPU op-mode(s):        32-bit, 64-bit
CPU(s):                3
Vendor ID:             GenuineIntel
CPU family:            6
Model:                 44
Stepping:              2
CPU MHz:               2666.761
BogoMIPS:              5333.52
Hypervisor vendor:     VMware
Virtualization type:   full
L1d cache:             32K
`;

  it("shows no vmx where the line that is printed for it is missing between its neighbours", () => {
    expect(read(OLD).observed?.vmx).toBe(false);
    expect(read(OLD.replace(/^(?:Hyper|Virt).*\n/gm, "")).observed?.vmx).toBe(false);
  });

  it.each([
    ["it is printed", OLD.replace("Hypervisor", "Virtualization:        VT-x\nHypervisor"), true],
    ["lines were picked out", OLD.replace(/^(?:BogoMIPS|CPU op).*\n/gm, ""), undefined],
    ["the beginning is missing", OLD.slice(OLD.indexOf("CPU(s)")), undefined],
  ])("and says nothing of it where %s", (_, text, vmx) => {
    expect(read(text).observed?.vmx).toBe(vmx);
  });

  it("goes on over what the firmware calls the CPU", () => {
    const host = read(`Architecture:             x86_64
Vendor ID:                GenuineIntel
  BIOS Vendor ID:         QEMU
  Model name:             Intel(R) Xeon(R) Gold 6146 CPU @ 3.20GHz
    BIOS Model name:      pc-i440fx-2.8  CPU @ 2.0GHz
    BIOS CPU family:      1
    CPU family:           6
    Model:                85
    Stepping:             4
    Flags:                fpu vme de pse syscall nx lahf_lm hypervisor
`);
    expect(host.cores[0].signature).toBe(0x50654);
    expect(host.cores[0].cpuid.features.hypervisor).toBe(true);
  });

  it("and in the old one, of an AMD CPU", () => {
    const host = read(`Architecture:          x86_64
CPU op-mode(s):        32-bit, 64-bit
Vendor ID:             AuthenticAMD
CPU family:            23
Model:                 49
Model name:            AMD EPYC 7B12
Stepping:              0
Hypervisor vendor:     KVM
Flags:                 fpu vme svm hypervisor
`);
    expect(host).toMatchObject({ vendor: "AuthenticAMD", observed: { outer: "KVM" } });
  });

  it.each([
    ["KVM", "DMI: Google Google Compute Engine/Google Compute Engine, BIOS Google", "Google Compute Engine"],
    ["KVM", "DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16", "QEMU"],
    ["Microsoft", "DMI: Microsoft Corporation Virtual Machine/Virtual Machine, BIOS Hyper-V", "Hyper-V"],
    ["Oracle", "DMI: innotek GmbH VirtualBox/VirtualBox, BIOS VirtualBox", "VirtualBox"],
    ["VMware", "DMI: VMware, Inc. VMware Virtual Platform/440BX, BIOS 6.00", "VMware"],
  ])("%s and %s are one hypervisor, not two that contradict each other", (vendor, dmi, outer) => {
    const lscpu = `Vendor ID: GenuineIntel\nModel name: Intel(R) Xeon(R) CPU @ 2.20GHz\nHypervisor vendor: ${vendor}\nFlags: fpu hypervisor\n`;
    for (const text of [`${lscpu}${dmi}\n`, `${dmi}\n${lscpu}`]) {
      const { host, diagnostics } = readHost(text);
      expect([host?.observed?.outer, diagnostics]).toEqual([outer, []]);
    }
  });

  it("and two hypervisors contradict each other still", () => {
    const { host, diagnostics } = readHost(
      "Model name: Intel(R) Xeon(R) CPU\nHypervisor vendor: Xen\nFlags: fpu hypervisor\nDMI: VMware, Inc. VMware Virtual Platform/440BX, BIOS 6.00\n",
    );
    expect(host?.observed?.outer).toBeUndefined();
    expect(diagnostics.map(({ message }) => message)).toEqual([
      "the hypervisor below is VMware here and Xen in line 2; it stays unknown",
    ]);
  });

  it("knows by Virtualization: alone that Linux shows VT-x", () => {
    expect(read("Architecture:  x86_64\nVirtualization:  VT-x\n").observed?.vmx).toBe(true);
  });

  it("has the flags of a list that lscpu broke in the middle of a word", () => {
    const host = read(`Model name: Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz
    Flags:                fpu vme de pse tsc msr lm constant_
                          tsc vmx cx16 lahf_lm tpr_
                          shadow flexpriority ept vpid ept
                          _ad arat
`);
    expect(host.observed?.cpuFlags).toEqual(expect.arrayContaining(["vmx", "tpr_shadow", "ept", "ept_ad"]));
    expect(host.observed?.cpuFlags).not.toContain("shadow");
  });

  it("is not every line with such a title", () => {
    expect(readHost("Flags: none at all\nModel: 3\n").host).toBeUndefined();
  });
});

describe("lsmod", () => {
  it.each([
    ["kvm_intel 290816 0\nkvm 823296 1 kvm_intel\n", { kvm: true, kvm_intel: true }],
    [
      "kvm                  1105920  0\nirqbypass              16384  1 kvm\n",
      { kvm: true, kvm_intel: false, kvm_amd: false },
    ],
    ["kvm                  1105920  1 kvm_amd\n", { kvm: true, kvm_amd: true }],
    ["$ lsmod | grep kvm\n$ uname -a\n", { kvm: false, kvm_intel: false, kvm_amd: false }],
    ["user@box:~$ lsmod | grep kvm_intel\nkvm_intel 372736 0\n", { kvm_intel: true }],
  ])("%j", (text, modules) => {
    expect(read(text).observed?.modules).toEqual(modules);
  });

  it("says nothing where the list before and behind differ", () => {
    const text = "kvm 1105920 0\n$ sudo modprobe kvm_intel\nkvm_intel 290816 0\nkvm 823296 1 kvm_intel\n";
    expect(read(text).observed?.modules).toEqual({ kvm: true, kvm_amd: false });
  });
});

describe("what was asked for of the modules", () => {
  it.each([
    ["options kvm_intel nested=1 ept=0\n", { nested: "1", ept: "0" }],
    ["options kvm-intel nested=Y enable_shadow_vmcs=1 # for the lab\n", { nested: "Y", enable_shadow_vmcs: "1" }],
    ["BOOT_IMAGE=/boot/vmlinuz-5.15 root=/dev/sda1 kvm-intel.nested=1 quiet\n", { nested: "1" }],
  ])("%j", (text, params) => {
    expect({ ...read(text).paramsAsked?.kvm_intel }).toEqual(params);
  });

  it("is not what somebody writes about it", () => {
    expect(readHost("you can put options kvm_intel nested=1 into a file\n").host).toBeUndefined();
    expect(readHost("add kvm_intel.nested=1 to the kernel command line and reboot\n").host).toBeUndefined();
  });
});

describe("IA32_FEAT_CTL in words", () => {
  it("as a firmware's tool prints it", () => {
    const host = read(
      "VMXON in SMX enable: false\nVMXON outside SMX enable: true\nIA32_FEATURE_CONTROL register is locked: true\n",
    );
    const msr = msrOf(host.cores[0], 0x3a);
    expect([0, 1, 2, 20].map((bit) => msrBit(msr, bit))).toEqual(["yes", "no", "yes", "unknown"]);
  });

  it("as chipsec prints its bits", () => {
    const msr = msrOf(read("[02] ENABLE_VMX_OUTSIDE_SMX = 0 << Enable VMX outside SMX\n").cores[0], 0x3a);
    expect(msrBit(msr, 2)).toBe("no");
  });
});

describe("what a machine runs in, and whether Linux shows vmx", () => {
  it.each([
    ["DMI: VMware, Inc. VMware7,1/440BX Desktop Reference Platform, BIOS VMW71.00V\n", { outer: "VMware" }],
    ["Product Name: VirtualBox\n", { outer: "VirtualBox" }],
    ["Product Name: Standard PC (Q35 + ICH9, 2009)\n", { outer: "QEMU" }],
    ["$ systemd-detect-virt\nmicrosoft\n", { outer: "Hyper-V" }],
    ["Hypervisor detected: KVM\n", { outer: "KVM" }],
    ["$ grep -c vmx /proc/cpuinfo\n0\n", { vmx: false }],
    ["$ egrep -c '(vmx|svm)' /proc/cpuinfo\n0\n", { vmx: false }],
    ["$ grep -E --count 'vmx' /proc/cpuinfo | wc -l\n4\n", { vmx: true }],
    ["INFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used\n", { vmx: false }],
  ])("%j", (text, observed) => {
    expect(read(text).observed).toMatchObject(observed);
  });

  it("a count of vmx and svm together says nothing of vmx alone, unless it is 0", () => {
    expect(readHost("$ egrep -c '(vmx|svm)' /proc/cpuinfo\n8\n").host?.observed?.vmx).toBeUndefined();
  });
});

describe("the flags of lscpu alone", () => {
  it("are of a CPU where they begin as those of x86 do", () => {
    expect(read("Flags: fpu vme de pse tsc msr vmx ept\n").observed).toMatchObject({ vmx: true });
    expect(readHost("Flags: a vmx b\n").host).toBeUndefined();
  });
});

describe("an answer at the end of a text, without a line end", () => {
  it.each([
    ["$ grep -c vmx /proc/cpuinfo\n0", { vmx: false }],
    // The beginning of 16 says as much.
    ["$ grep -c vmx /proc/cpuinfo\n1", { vmx: true }],
    ["$ grep -m1 -ow vmx /proc/cpuinfo\nvmx", { vmx: true }],
    ["$ systemd-detect-virt\nvmware", { outer: "VMware" }],
  ])("%j", (text, observed) => {
    expect(read(text).observed).toMatchObject(observed);
  });
});

describe("a command that prints the flag itself", () => {
  it.each([
    ["root@a:~# cat /proc/cpuinfo | grep -o vmx | sort | uniq -c\n     32 vmx\n", true],
    ["$ grep -m1 -ow vmx /proc/cpuinfo\nvmx\n", true],
    ["me@a:~$ egrep -o '(vmx|svm)' /proc/cpuinfo | sort -u\nvmx\nme@a:~$ ls\n", true],
    ["me@a:~$ grep -E 'vmx|svm' /proc/cpuinfo\nme@a:~$ uname -r\n6.1.0-13-amd64\n", false],
    ["root@pve:~# cat /proc/cpuinfo | grep vmx\nroot@pve:~# uname -r\n6.8.12-4-pve\n", false],
  ])("%j", (text, vmx) => {
    expect(read(text).observed?.vmx).toBe(vmx);
  });

  it.each([
    "me@a:~$ grep vmx /proc/cpuinfo\n",
    "grep vmx /proc/cpuinfo\nuname -r\n6.1.0-13-amd64\n",
    "me@a:~$ grep -v vmx /proc/cpuinfo\nme@a:~$ uname -r\n6.1.0-13-amd64\n",
    "me@a:~$ egrep -o 'vmx|svm' /proc/cpuinfo\nsvm\nme@a:~$ uname -r\n6.1.0-13-amd64\n",
  ])("that shows nothing of vmx: %j", (text) => {
    expect(readHost(text).host?.observed?.vmx).toBeUndefined();
  });
});
