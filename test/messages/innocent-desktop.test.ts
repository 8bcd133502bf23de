import { describe, expect, it } from "vitest";
import { explain } from "./explain-all.js";

/** Lines of desktop programs in the words of a message, that report no failure of virtualization. */
const INNOCENT = [
  "run 'bcdedit /set hypervisorlaunchtype off' in an elevated prompt and restart",
  "hypervisorlaunchtype is set to Auto",
  "Virtualization: Enabled",
  "Nested Virtualization: Disabled",
  "      ProcVirtualization: Disabled",
  "AMD CPU|Virtualization is supported|Bare metal|64-bit CPU|",
  "VMX             *       Supports Intel hardware-assisted virtualization",
  "EPT             *       Supports Intel extended page tables (SLAT)",
  "HYPERVISOR      -       Hypervisor is present",
  "kern.hv_support: 1",
  "Windows Hypervisor Platform accelerator is operational",
  "WHPX: setting APIC emulation mode in the hypervisor",
  "AEHD (version 2.2) is installed and usable.",
  "HAXM version 7.6.5 (4) is installed and usable.",
  "WHPX(10.0.19041) is installed and usable.",
  "Hypervisor successfully started.",
  "Hypervisor scheduler type is 0x4.",
  "vmx| I125: FeatureCompat: VM Features Required: cpuid.ss - Bool:Min:1",
  "FeatureCompat: Capability Found: cpuid.mwait = 0x1",
  "upload failed, rc=-4040",
  "VBoxManage: error: Could not find a registered machine named 'x' (rc=-102)",
  "VBoxManage: error: The object is not ready",
  "The machine 'default' is in the 'running' state",
  "SERVICE_NAME: vmcompute",
  "        STATE              : 4  RUNNING",
  "固件中已启用虚拟化: 是",
  "Virtualisierung in Firmware aktiviert: Ja",
  "Second Level Address Translation: Yes",
  "VM Monitor Mode Extensions: Yes",
  "Not enough memory to start Docker Desktop",
  "VBoxManage.exe: error: Could not open log file (VERR_FILE_NOT_FOUND)",
  "Wsl/Service/0x80070422",
];

describe("a line of a desktop program that reports no failure", () => {
  it.each(INNOCENT)("%s", (line) => {
    expect(explain(line).filter(({ message }) => message !== undefined)).toEqual([]);
  });
});

describe("the status codes of VirtualBox", () => {
  it.each([
    [
      "00:00:01.6 Power up failed (vrc=-4009, rc=NS_ERROR_FAILURE (0X80004005))",
      "VERR_VMX_NO_VMX",
      "another hypervisor",
    ],
    ["VMSetError: rc=VERR_VMX_VMXON_FAILED", "VERR_VMX_VMXON_FAILED", "another hypervisor"],
    ["VERR_VMX_MSR_VMX_ENABLE_FAILED", "-4031", "firmware"],
    ["VERR_HM_CONFIG_MISMATCH", "-4103", "user space"],
    ["VCPU0: Guru Meditation: VERR_VMX_UNEXPECTED_EXIT", "-4015", "user space"],
    ["VERR_SVM_UNABLE_TO_START_VM", "-4050", "firmware"],
    ["VERR_NEM_MISSING_FEATURE", "-6817", "another hypervisor"],
    ["VERR_VMX_SOMETHING_NEW", "VERR_VMX_SOMETHING_NEW", "user space"],
  ])("are known by name and number: %s", (line, said, layer) => {
    const found = explain(line).find(({ message }) => message === "vbox-status");
    expect(found).toMatchObject({ product: "VirtualBox", layer });
    expect(JSON.stringify(found?.values)).toContain(said);
    expect(found?.steps.length).toBeGreaterThan(0);
    expect(found?.causes.length).toBeGreaterThan(0);
  });
});

describe("Hyper-V that names the register it refused", () => {
  it("names the controls", () => {
    const [found] = explain(
      "Hypervisor launch failed; Processor does not support the minimum features required to run the hypervisor (MSR index 0x48b, allowed bits 0x1, required bits 0x82).",
    );
    expect(found?.message).toBe("hyperv-launch-msr");
    expect(found?.bits.map(({ bit }) => bit)).toEqual([1, 7]);
  });
});
