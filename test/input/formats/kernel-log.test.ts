import { describe, expect, it } from "vitest";
import { readHost } from "../../../src/input/read.js";
import { nestedBitsOf } from "../truth.js";

describe("kernel and QEMU messages", () => {
  const LOG = `[    0.000000] Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP
[    0.123456] smpboot: CPU0: Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz (family: 0x6, model: 0x55, stepping: 0x4)
[    0.200000] x86/cpu: VMX (outside TXT) disabled by BIOS
[    1.000000] microcode: sig=0x50654, pf=0x4, revision=0x2000065
[    5.355958] kvm_intel: VMCS config on CPU 0 doesn't match reference config:
[    5.355986]   Offset 76 REF = 0x107fffff, CPU0 = 0x007fffff, mismatch = 0x10000000
[    5.356048] kvm: enabling virtualization on CPU0 failed
[    6.000000] kvm [1234]: vcpu0, guest rIP: 0xfff0 unhandled rdmsr: 0x140
[    6.000001] kvm_intel: *** Guest State ***
qemu-system-x86_64: error: failed to set MSR 0x48b to 0x1582e00000000
`;

  it("give the release, the CPU, and what Linux and KVM said of VMX", () => {
    const { host, formats } = readHost(LOG);
    expect(formats).toEqual(["kernel-log"]);
    expect(host).toMatchObject({ kernel: "6.1.0-56-cloud-amd64", name: "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz" });
    expect(host?.cores[0]).toMatchObject({ signature: 0x50654, microcode: 0x2000065 });
    expect(host?.observed?.messages).toEqual([
      "x86/cpu: VMX (outside TXT) disabled by BIOS",
      "kvm_intel: VMCS config on CPU 0 doesn't match reference config:",
      "Offset 76 REF = 0x107fffff, CPU0 = 0x007fffff, mismatch = 0x10000000",
      "kvm: enabling virtualization on CPU0 failed",
    ]);
  });

  it("say nothing of registers: what follows from a message is left to who weighs it against the rest", () => {
    expect(readHost(LOG).host?.cores[0].msrs.has(0x3a)).toBe(false);
  });

  it("list a value that QEMU wanted as the guest's, which the CPU need not have", () => {
    const { host, evidence } = readHost(LOG);
    expect(host?.cores[0].msrs.has(0x48b)).toBe(false);
    expect(host?.observed?.nestedMsrs).toBeUndefined();
    expect(evidence().filter((row) => row.layer === "guest")).toMatchObject([
      { about: "MSR 0x48b (IA32_VMX_PROCBASED_CTLS2) that QEMU failed to set", value: "0x1582e00000000", line: 10 },
    ]);
  });

  it("tell a feature that KVM does not offer", () => {
    const line = "qemu: warning: host doesn't support requested feature: MSR(48DH).vmx-posted-intr [bit 7]\n";
    expect(nestedBitsOf(readHost(line).host, 0x48d)).toEqual({ ones: [], zeros: ["POSTED_INTR"] });
    // Number and name must agree.
    expect(readHost(line.replace("bit 7", "bit 6")).host).toBeUndefined();
    expect(readHost(line.replace("host doesn't", "TCG doesn't")).host).toBeUndefined();
  });

  it.each([
    [
      "uname -a",
      "Linux node7 5.14.0-611.el9.x86_64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n",
      "5.14.0-611.el9.x86_64",
    ],
    ["uname -r at a prompt", "user@host:~$ uname -r\n6.8.0-45-generic\n", "6.8.0-45-generic"],
    ["uname -r and something else", "$ uname -r\nbash: uname: not found\n", undefined],
    ["a cut release", "$ uname -r\n6.8.0-45-gene", undefined],
  ])("find the release in %s", (_, text, kernel) => {
    expect(readHost(text).host?.kernel).toBe(kernel);
  });

  it("of two releases leave the release open", () => {
    const { host, diagnostics } = readHost("Linux version 6.1.0 (gcc)\nLinux version 6.8.0 (gcc)\n");
    expect(host?.kernel).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { severity: "warning", line: 2, message: expect.stringContaining("kernel release") },
    ]);
  });

  it.each([
    ["microcode: Current revision: 0x000000f4\n", 0xf4],
    ["microcode: updated early: 0xca -> 0xf4, date = 2023-02-22\n", 0xf4],
    ["microcode: microcode updated early to revision 0xde, date = 2020-05-25\n", 0xde],
  ])("find the microcode in %j", (text, revision) => {
    expect(readHost(text).host?.cores[0].microcode).toBe(revision);
  });

  it("name VMX MSRs that could not be read", () => {
    const text =
      "unchecked MSR access error: RDMSR from 0x48b at rIP: 0xffffffff8104a8d7 (setup_vmcs_config+0x1/0x4)\n";
    expect(readHost(text).host?.observed?.messages).toEqual([text.trim()]);
    expect(readHost(text.replace("0x48b", "0x8b")).host).toBeUndefined();
  });
});

describe("module parameters", () => {
  it.each([
    ["grep .", "/sys/module/kvm_intel/parameters/nested:Y\n/sys/module/kvm/parameters/tdp_mmu:N\n"],
    ["cat", "$ cat /sys/module/kvm_intel/parameters/nested\nY\n$ cat /sys/module/kvm/parameters/tdp_mmu\nN\n"],
    ["head", "==> /sys/module/kvm_intel/parameters/nested <==\nY\n\n==> /sys/module/kvm/parameters/tdp_mmu <==\nN\n"],
    ["a table", "kvm_intel/parameters/nested = Y\nkvm/parameters/tdp_mmu = N\n"],
  ])("are read as %s shows them", (_, text) => {
    const { host, formats } = readHost(text);
    expect(formats).toEqual(["params"]);
    expect(host?.params?.kvm_intel).toEqual({ nested: "Y" });
    expect(host?.params?.kvm).toEqual({ tdp_mmu: "N" });
  });

  it("are read from systool", () => {
    const text = `Module = "kvm_intel"

  Attributes:
    initstate           = "live"
    refcnt              = "0"

  Parameters:
    ept                 = "Y"
    nested              = "N"
    ple_gap             = "128"

  Sections:
    nested              = "0xffffffffc0a00000"
`;
    expect(readHost(text).host?.params?.kvm_intel).toEqual({ ept: "Y", nested: "N", ple_gap: "128" });
  });

  it("that are told twice and differently stay unknown", () => {
    const { host, diagnostics } = readHost(
      "/sys/module/kvm_intel/parameters/ept:Y\n/sys/module/kvm_intel/parameters/ept:N\n/sys/module/kvm_intel/parameters/vpid:Y\n",
    );
    expect(host?.params?.kvm_intel).toEqual({ vpid: "Y" });
    expect(diagnostics).toMatchObject([
      { severity: "warning", line: 2, message: expect.stringContaining("kvm_intel.ept") },
    ]);
  });

  it("are not made of a sentence, nor of half a number", () => {
    expect(readHost("Look at /sys/module/kvm_intel/parameters/nested to see.\nY\n").host).toBeUndefined();
    expect(readHost("/sys/module/kvm_intel/parameters/ple_window:40").host).toBeUndefined();
  });
});

describe("a message at the end of a text without a line end", () => {
  const messages = (text: string) => readHost(text).host?.observed?.messages;

  it.each([
    "kvm: disabled by bios",
    "x86/cpu: VMX (outside TXT) disabled by BIOS",
    "kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS",
  ])("counts where it is whole: %s", (text) => expect(messages(text)).toEqual([text]));

  it.each([
    "kvm: disabled by bio",
    "kvm_intel: VMX not supported by CPU 1",
    "kvm: no hardware support",
    "kvm: support for 'kvm_intel'",
  ])("does not where more may have followed: %s", (text) => expect(messages(text)).toBeUndefined());
});
