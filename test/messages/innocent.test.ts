import { describe, expect, it } from "vitest";
import { explain } from "./explain-all.js";

/** Lines that speak of virtualization, or in the words of a message, and report no failure of it. */
const INNOCENT = [
  "flags\t\t: fpu vme de pse tsc msr pae mce cx8 apic sep mtrr vmx smx est tm2 ept vpid ept_ad",
  "vmx flags\t: vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb tsc_offset vtpr mtf vapic ept vpid",
  "[    0.000000] Hypervisor detected: KVM",
  "systemd[1]: Detected virtualization kvm.",
  "[    3.101001] kvm: Nested Virtualization enabled",
  "[    3.101002] kvm: Nested Paging enabled",
  "[    3.201003] SVM: Virtual VMLOAD VMSAVE supported",
  "kvm_amd: LBR virtualization supported",
  "[    0.512345] DMAR: Intel(R) Virtualization Technology for Directed I/O",
  "2020-04-05T09:55:54.610+03:00| vmui| I125: Found vmx as /opt/vmware/lib/vmware/bin/vmware-vmx",
  "2020-04-05T09:55:54.610+03:00| vmx| I125: hostCPUID level 0000000d, 2e: 0x00000000 0x00000000 0x00000000 0x00000000",
  "[    0.000000] Booting paravirtualized kernel on KVM",
  "[    0.000000] kvm-clock: cpu 0, msr 1f401001, primary cpu clock",
  "[    0.112233] KVM setup async PF for cpu 0",
  "[    0.212233] kvm-guest: PV spinlocks enabled",
  "[    0.000000] Hyper-V: Host Build 10.0.19041.1-0-0",
  "  QEMU: Checking for hardware virtualization                                 : PASS",
  "  QEMU: Checking if device /dev/kvm exists                                   : PASS",
  "  QEMU: Checking if device /dev/kvm is accessible                            : PASS",
  "INFO: /dev/kvm exists",
  "KVM acceleration can be used",
  "crw-rw----+ 1 root kvm 10, 232 Nov  5 10:00 /dev/kvm",
  "Virtualization:                  VT-x",
  "Hypervisor vendor:               KVM",
  "Virtualization Enabled In Firmware: Yes",
  "HAX is working and emulator runs in fast virt mode.",
  "00:00:01.227155 HM: HMR3Init: VT-x w/ nested paging and unrestricted guest execution hw support",
  "(XEN) VMX: Supported advanced features:",
  "(XEN) HVM: VMX enabled",
  "(XEN) HVM: Hardware Assisted Paging (HAP) detected",
  "src/arch/x86/kvm/x86_cpu.cc:1683: warn: kvm-x86: MSR (0x12) unsupported by gem5. Skipping.",
  "[  100.000000] kvm: exiting hardware virtualization",
  "container exit reason: 137",
  "Pod default/web-0 exit_reason=1",
  "Illegal instruction error 132 in worker",
  "error: invalid instruction error code 4",
  "Error 503 Backend fetch failed Guru Meditation: XID: 1234567",
  "Guru Meditation:",
  "TypeError: Cannot modify property.",
  "The service 'foo' has terminated unexpectedly during startup",
  "vboxdrv: Successfully loaded version 7.0.16",
  "kernel: L1TF: mitigation for EPT enabled",
  "The EPT of this table is in the SDM.",
  "Kernel command line: BOOT_IMAGE=/vmlinuz kvm-intel.nested=1 intel_iommu=on",
  "options kvm_intel nested=1",
  "cat /sys/module/kvm_intel/parameters/nested",
  "msr: Write to unrecognized MSR 0x1a0 by rdmsr (pid: 1234).",
  "[    1.131001] microcode: updated early: 0xd6 -> 0xf0, date = 2021-11-15",
  "SVT not enabled",
  "Guest additions: error: open failed: Permission denied",
  "kvm: disabling virtualization on CPU1",
  "kvm [1]: Hyp mode initialized successfully",
  "error: unrecognized feature flag in the manifest",
  "Warning: failed to update nested state of component List",
  "Error: could not open config.toml: No such file or directory (os error 2)",
  "This list does not support virtualization of its rows",
  "rmmod: ERROR: Module nvidia is in use by: nvidia_drm",
  "modprobe: FATAL: Module nvidia not found.",
  "systemd-modules-load[300]: Failed to find module 'nvidia'",
  "The build is missing features: ssl,vnc",
  "WARNING: CPU: 3 PID: 812 at drivers/gpu/drm/i915/i915_gem.c:1222 i915_gem_init+0x1c",
  "The instance type t2.micro is not supported on this server",
  "kernel: EPT: page tables of guests use 4 levels",
  "[    0.5] x86/cpu: VMX features: vnmi preemption_timer",
  "make[2]: *** [vmx.o] Error 1",
];

describe("a line that reports no failure", () => {
  it.each(INNOCENT)("%s", (line) => {
    expect(explain(line).filter(({ message }) => message !== undefined)).toEqual([]);
  });

  it("stays without an explanation among its like", () => {
    const found = explain(INNOCENT.join("\n"));
    expect(found.filter(({ message }) => message !== undefined)).toEqual([]);
    // What speaks of virtualization is shown, and said not to be recognised.
    expect(found.length).toBeGreaterThan(5);
    for (const { what } of found)
      expect(what).toMatch(/^This line (?:is not recognised\.|and \d+ others describe a machine)/);
  });
});

describe("a message that is harmless on an AMD machine", () => {
  it.each([
    "[    0.0] smpboot: CPU0: AMD Ryzen 9 3950X 16-Core Processor (family: 0x17)\n[    2.1] kvm: no hardware support",
    "vendor_id\t: AuthenticAMD\n[    2.1] kvm: no hardware support",
    "flags\t\t: fpu vme de svm extapic\nkvm_intel: VMX not supported by CPU 3",
    "kvm: no hardware support\n[    2.2] kvm_amd: Nested Virtualization enabled",
  ])("%s", (text) => {
    const found = explain(text).filter(({ message }) => message !== undefined);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ gravity: "harmless", causes: [{ certainty: "certain" }] });
    expect(found[0]?.steps.map((step) => step.text)).toEqual(["Nothing to do."]);
  });

  it("blocks where nothing speaks of AMD", () => {
    expect(explain("kvm: no hardware support")[0]).toMatchObject({ gravity: "blocks", layer: "silicon" });
  });
});
