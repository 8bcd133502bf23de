import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { kernelPrinters } from "../../src/kvm/printers.js";
import type { MessageRow, Step } from "../../src/messages/message.js";
import { DESKTOP } from "../../src/messages/rows/desktop/table.js";
import { messageRows } from "../../src/messages/rows/table.js";
import { explain } from "./explain-all.js";

/** One line for each row that neither the corpus nor the rule tables reach, worded as the program prints it. */
const LINES: { readonly [id: string]: string } = {
  "vbox-kvm-capability": "Required capability 'KVM_CAP_KVM_CAP_XCRS' is missing! (VERR_NEM_MISSING_FEATURE).",
  "nova-cpu-model": "Requested CPU model Cascadelake-Server-noTSX not supported by host",
  "module-lockdown": "kernel: Lockdown: insmod: unsigned module loading is restricted; see man kernel_lockdown.7",
  "fwts-virt": "FAILED [MEDIUM] VirtDisabledByBIOS: Test 1, Virtualisation extensions supported but disabled by BIOS.",
  "virt-host-no-access":
    "  QEMU: Checking if device /dev/kvm is accessible                            : FAIL (Check /dev/kvm is world writable or you are in a group that is allowed to access it)",
  "kvm-svm-missing": "kvm_amd: SVM not supported by CPU 6",
  "modules-missing": "modprobe: FATAL: Module msr not found in directory /lib/modules/5.0.0-15-generic",
  "container-no-kvm": "ERROR: KVM acceleration not available (device file missing), this will cause a major loss",
  "boxes-no-libvirt": "Boxes-WARNING **: util-app.vala:442: Failed to execute: virsh capabilities",
  "vfio-no-iommu": "unsupported configuration: host doesn't support passthrough of host PCI devices",
  "libvirt-no-daemon": "Failed to connect socket to '/var/run/libvirt/libvirt-sock': No such file or directory",
  "qemu-no-host-device": "kvm: -device host-x86_64-cpu,id=cpu2: 'host-x86_64-cpu' is not a valid device model name",
  "qemu-evmcs-range": "qemu-system-x86_64: eVMCS version range [1..1] is not supported by kernel (supported: [0..0])",
  "qemu-get-msr": "qemu-system-x86_64: error: failed to get MSR 0x48b",
  "qemu-enforce": "qemu-system-x86_64: Host doesn't support requested features",
  "qemu-feature-dependency":
    "qemu-system-x86_64: warning: This feature depends on other features that were not requested: MSR(48BH).vmx-unrestricted-guest [bit 7]",
  "qemu-vmx-required": "this CPU model requires VMX",
  "qemu-tcg-no-vmx": "qemu-system-x86_64: KVM is not available, falling back to TCG",
  "linux-txt-first": "kvm: disable TXT in the BIOS or activate TXT before enabling KVM",
  "linux-feat-ctl-warning":
    "WARNING: CPU: 0 PID: 0 at arch/x86/kernel/cpu/feat_ctl.c:62 init_ia32_feat_ctl+0x2c8/0x2e0",
  "linux-virt-warning": "WARNING: CPU: 0 PID: 1 at arch/x86/virt/hw.c:71 __x86_vmx_init+0x8a/0xa0",
  "kvm-config-mismatch-offset": "kvm_intel:   Offset 76 REF = 0x0, CPU1 = 0x80000000, mismatch = 0x80000000",
  "kvm-other-module": "kvm_intel: already loaded vendor module 'kvm_amd'",
  "kernel-config-builtin": "/boot/config-6.12.5:CONFIG_KVM_INTEL=y",
  "kernel-config-without": "# CONFIG_KVM_INTEL is not set",
  "kvm-unknown-parameter": "kvm_intel: unknown parameter 'vmm_exclusive' ignored",
  "kvm-invalid-parameter": "kvm_intel: `maybe' invalid for parameter `nested'",
  "kvm-l1tf": "L1TF CPU bug present and SMT on, data leak possible.",
  "nested-vmx-entry":
    " CPU 0/KVM-1234 [003] .... 123.456: kvm_nested_vmenter_failed: !vmx_control_verify(vmcs12->pin_based_vm_exec_control, low, high)",
  "vbox-smx-disabled": "VT-x is disabled in the BIOS for SMX mode (VERR_VMX_MSR_SMX_VMX_DISABLED)",
  "vbox-invalid-guest-state": "VCPU0: VERR_VMX_INVALID_GUEST_STATE",
  "vbox-unable-to-start": "VCPU0: VERR_VMX_UNABLE_TO_START_VM",
  "vbox-feature-combo": "VERR_HM_UNSUPPORTED_CPU_FEATURE_COMBO",
  "windows-hypervisor-detected":
    "Hyper-V Requirements: A hypervisor has been detected. Features required for Hyper-V will not be displayed.",
  "xen-cap-differs": "(XEN) VMX Pin-Based Exec Control: saw 0x7f expected 0xff",
  "xen-failed-initialise": "(XEN) VMX: failed to initialise.",
  "xen-hap-missing": "(XEN) HVM: Hardware Assisted Paging (HAP) not detected",
  "jailhouse-vmx": "JAILHOUSE_ENABLE: Input/output error",
  "rdmsr-no-device": "rdmsr: open: No such file or directory",
  "vmware-passthrough": "Virtualization is not supported on a virtual machine with a PCI passthrough device.",
  "haxm-vm-entry": "VM entry failed: RIP=00007ffffffff000",
  "vmcs-dump": "*** Guest State ***",
  "hyperv-launch-off": "Hypervisor launch has been disabled through the hypervisorlaunchtype bcdedit setting.",
  "hyperv-launch-msr":
    "Hypervisor launch failed; Processor does not support the minimum features required to run the hypervisor (MSR index 0x48b, allowed bits 0x1, required bits 0x82).",
  "hyperv-launch-slat":
    "Hypervisor launch failed; Second Level Address Translation is required to launch the hypervisor.",
  "hyperv-launch-smx":
    "Hypervisor launch failed; Secure Mode Extensions have been enabled by the BIOS. Please disable Secure Mode Extensions in the BIOS to launch Hyper-V.",
  "hyperv-launch-nx": "Hypervisor launch failed; Either No Execute feature (NX) not present or not enabled in BIOS.",
  "hyperv-launch-cpus":
    "Hypervisor launch failed; at least one of the processors in the system is incompatible with the others.",
  "hyperv-launch-other":
    "Hypervisor launch failed; the hypervisor boot loader was unable to allocate sufficient resources to perform the launch.",
  "emulator-hyperv": "Android Emulator is incompatible with Hyper-V.",
  "emulator-nx": "NX is disabled in BIOS.",
  "virsh-cpu-compare": "CPU described in cpu.xml is incompatible with host CPU",
  "kvm-spurious-fault": "RIP: 0010:kvm_spurious_fault+0xa/0x10 [kvm]",
  "kvm-kernel-bug": "kernel BUG at arch/x86/kvm/mmu.c:3324!",
  "msr-write-refused": "wrmsr: CPU 0 cannot set MSR 0x0000003a to 0x0000000000000005",
  "modprobe-file-missing":
    "modprobe: ERROR: ctx=0x55d3 path=/lib/modules/5.3.8/kernel/arch/x86/kvm/kvm.ko.xz error=No such file or directory",
  "libvirt-mode-without-kvm":
    "CPU mode 'host-passthrough' for aarch64 qemu domain on aarch64 host is not supported by hypervisor",
  "kvm-perfctr-msr": "kvm [2134]: vcpu0 disabled perfctr wrmsr: 0xc2 data 0xffff",
  "kvm-ignore-msrs": "kvm: Running KVM with ignore_msrs=1 and report_ignored_msrs=0 is not a",
  "kvm-tsc": "kvm: SMP vm created on host with unstable TSC; guest TSC will not be reliable",
  "kvm-nop": "kvm: MWAIT instruction emulated as NOP!",
  "kvm-allocation": "kvm: inadequate fpu",
  "kvm-old-vmcs-fail": "kvm: vmclear fail: ffff8801b4d5c000/1b4d5c000",
  "kvm-ept-misconfig": "EPT: Misconfiguration.",
  "kvm-unexpected-event": "kvm_intel: unexpected VM-Exit interrupt info: 0x80000b0e",
  "kvm-real-mode-segment": "kvm_intel: segment base is not paragraph aligned when entering protected mode (seg=2)",
  "kvm-msr-list-full": "Not enough msr switch entries. Can't add msr 38f",
  "kvm-shadow-fields": "Missing field from shadow_read_write_field 2011",
  "nested-vmx-abort": "kvm_intel: nested vmx abort, indicator 4",
  "kvm-posted-interrupts": "vmx_pi_update_irte: failed to update PI IRTE",
  "kvm-tdx-requires": "kvm_intel: EPT is required for TDX",
  "kvm-tdx-seamcall": "kvm_intel: SEAMCALL TDH_MEM_PAGE_AUG failed: 0xc000060200000000",
  "kvm-l1d-flush": "kvm_intel: Kernel compiled without mitigations, ignoring vmentry_l1d_flush",
  "modules-load": "systemd-modules-load[345]: Failed to insert module 'kvm_intel': Operation not supported",
  "module-missing": "systemd-modules-load[237]: Failed to find module 'kvm_intel'",
  "module-version": "kvm_intel: disagrees about version of symbol kvm_set_apic_base",
  "parameter-read-only": "bash: /sys/module/kvm_intel/parameters/nested: Permission denied",
  "qemu-empty-model": "kvm: unable to find CPU model ''",
  "qemu-unknown-model": "qemu-system-x86_64: unable to find CPU model 'Skylake-Client-v5'",
  "qemu-nested-state": "qemu-system-x86_64: error while loading state for instance 0x0 of device 'cpu'",
  "qemu-hyperv-feature": "qemu-system-x86_64: Hyper-V enlightened VMCS (hv-evmcs) is not supported by kernel",
  "qemu-reset-required": "unable to execute QEMU command 'cont': Resetting the Virtual Machine is required",
  "qemu-exception-exit": "KVM: exception 14 exit (error code 0x2)",
  "qemu-empty-exit": "KVM: exception 0 exit (error code 0x0)",
  "xen-domain-crash": "(XEN) domain_crash called from vmx.c:4304",
  "xen-ept-violation": "(XEN) d1v0 EPT violation 0x184 (--x/r--) gpa 0x000000fee00000 mfn 0xffffffffffffffff type 5",
  "xen-vmcs-size": "(XEN) VMX: CPU0 VMCS size is too big (8192 bytes)",
  "generic-vmlaunch-failed": "[-] VMLAUNCH failed!",
  "libvirt-target-differs": "Target CPU feature count 47 does not match source 51",
  "guest-split-lock": "x86/split lock detection: #AC: CPU 0/KVM/2212 took a split_lock trap at address: 0xffff",
  "guest-no-pmu": "Performance Events: no PMU driver, software events only.",
  "kvm-api-version": "kvm kernel version too old: KVM_GET_API_VERSION ioctl not supported",
  "lxd-qemu": 'Instance type "virtual-machine" is not supported on this server: QEMU failed to run feature checks',
  "any-nested-off": "nested virtualization is not enabled",
  "any-feature-missing": "PML is not supported on this CPU",
  "any-no-flag": "no vmx flag in /proc/cpuinfo",
  "any-exit": "unhandled vm exit: 0x1e",
  "any-guest-state": "VM entry failed on the guest state",
  "any-vmx-busy": "CR4.VMXE already set",
  "any-instruction-fault": "#GP on VMXON",
  "any-instruction-flags": "vmxon sets CF=1",
  "any-vmfail": "VMfailValid: error 5",
  "author-exit-handler": "VM exit handler failed for reason 32",
  "author-field-access": "VMWRITE failed: field=0x2014 error=12",
  "author-error-words": "VMRESUME with non-launched VMCS",
  "kut-vmcs-enum": "FAIL: VMX_VMCS_ENUM.MAX_INDEX expected: 19, actual: 17",
  "kut-error-number": "FAIL: VMX_INST_ERROR (0) is as expected (12)",
  "author-kvm-run": "run->exit_reason = 17",
  "any-feat-ctl-write": "#GP on WRMSR to IA32_FEATURE_CONTROL",
  "any-feat-ctl-open": "IA32_FEATURE_CONTROL MSR not locked",
  "any-ioctl-failed": "ioctl(KVM_SET_SREGS) failed: Invalid argument",
  "any-no-kvm": "Unable to initialize KVM",
  "minikube-kvm-reason":
    "Exiting due to PR_KVM_CREATE_BUSY: Another hypervisor, such as VirtualBox, is conflicting with KVM.",
};

interface Line {
  readonly text: string;
  readonly message?: string;
}

function corpusLines(): Line[] {
  const folder = join(import.meta.dirname, "corpus");
  return readdirSync(folder).flatMap((name) =>
    (JSON.parse(readFileSync(join(folder, name), "utf8")) as { text: string; expect: { message: string } }[]).map(
      ({ text, expect: { message } }) => ({ text, message }),
    ),
  );
}

const filled = (template: string) => template.replaceAll("%x", "8000").replaceAll("%d", "3");

function everyLine(): Line[] {
  return [
    ...corpusLines(),
    ...Object.entries(LINES).map(([message, text]) => ({ text, message })),
    ...kernelPrinters().map(({ template }) => ({ text: filled(template) })),
  ];
}

const MESSAGES = messageRows(DESKTOP);

const rows: readonly (readonly [string, MessageRow])[] = MESSAGES.map((row) => [row.id, row] as const);

describe("the tables of messages", () => {
  it("has a name of its own for every row", () => {
    const ids = MESSAGES.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });

  it.each(rows)("%s says where its text and its explanation are known from, in whole sentences", (_id, row) => {
    expect(row.source.message.length).toBeGreaterThan(3);
    expect(row.source.meaning.length).toBeGreaterThan(3);
    for (const text of sentencesOf(row)) expect(text.trim(), row.id).not.toBe("");
    expect(row.what).toMatch(/[.:}`]$/);
    const answered = row.decoder !== undefined || row.steps.length > 0;
    expect([row.id, answered]).toEqual([row.id, true]);
  });

  it.each(rows)("%s has hints in lower case", (_id, row) => {
    const hints = typeof row.needle === "string" ? [row.needle] : row.needle;
    expect(hints.length).toBeGreaterThan(0);
    for (const hint of hints) {
      expect(hint).toBe(hint.toLowerCase());
      expect(hint.trim().length).toBeGreaterThan(2);
    }
  });

  it.each(rows)("%s fills its sentences with groups that its pattern has", (_id, row) => {
    const groups = new Set([...row.pattern.source.matchAll(/\(\?<(\w+)>/g)].map(([, name]) => name));
    const places = sentencesOf(row).flatMap((text) =>
      [...text.matchAll(/\{([a-zA-Z0-9]+)\}/g)].map(([, name]) => name),
    );
    for (const name of places) expect([...groups], `${row.id} {${name}}`).toContain(name);
  });

  it.each(rows)("%s has no group that repeats something which repeats itself", (_id, row) => {
    // The usual shape of an exponential pattern: a quantified group whose body ends in an unbounded quantifier.
    expect(row.pattern.source).not.toMatch(/[*+]\)[*+]|[*+]\)\{\d+,\}/);
    expect(row.pattern.flags).not.toMatch(/[gy]/);
  });

  it("recognises what every row is for", () => {
    const seen = new Set(everyLine().flatMap(({ text }) => explain(text).map(({ message }) => message)));
    expect(MESSAGES.map(({ id }) => id).filter((id) => !seen.has(id))).toEqual([]);
  });

  it.each(Object.entries(LINES))("%s is recognised in the words of its program", (id, text) => {
    const ids = explain(text).map(({ message }) => message);
    expect(ids).toContain(id);
    const found = explain(text).find(({ message }) => message === id);
    expect(found?.steps.length).toBeGreaterThan(0);
    expect(`${found?.what}`).not.toMatch(/undefined|\{[a-z]+\}/i);
  });

  it("has no line for a row that the corpus reaches", () => {
    const reached = new Set(corpusLines().map(({ message }) => message));
    expect(Object.keys(LINES).filter((id) => reached.has(id))).toEqual([]);
  });

  it("uses every hint: some line that the row matches has it", () => {
    const lines = everyLine().flatMap(({ text }) => text.toLowerCase().split("\n"));
    // Wordings of other versions and languages, for which no public line was at hand.
    const unseen = MESSAGES.flatMap((row) =>
      (typeof row.needle === "string" ? [row.needle] : row.needle)
        .filter((hint) => !lines.some((line) => line.includes(hint)))
        .map((hint) => [row.id, hint] as const),
    );
    for (const [id, hint] of unseen) expect([id, hint, hintFits(id, hint)]).toEqual([id, hint, true]);
  });
});

/** A hint that no line shows is at least part of what the pattern looks for. */
function hintFits(id: string, hint: string): boolean {
  const row = MESSAGES.find((candidate) => candidate.id === id);
  const letters = (text: string) =>
    text
      .toLowerCase()
      .replace(/\\[bdsw]/g, "")
      .replace(/[^\p{L}\p{N}]/gu, "");
  const words = hint.split(/[^\p{L}\p{N}]+/u).filter((word) => word.length > 1);
  const source = letters(row?.pattern.source ?? "");
  // Optional letters of a pattern stand between those of the hint: then the pattern itself decides.
  return words.some((word) => source.includes(letters(word))) || row?.pattern.test(`${hint} 7`) === true;
}

function sentencesOf(row: MessageRow): string[] {
  const ofStep = (step: Step) => [step.text];
  return [
    row.what,
    ...(row.causes ?? []).map((cause) => (typeof cause === "string" ? cause : cause.text)),
    ...row.steps.flatMap(ofStep),
  ];
}
