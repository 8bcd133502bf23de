import { describe, expect, it } from "vitest";
import { explain } from "./explain-all.js";

const messagesOf = (text: string) => explain(text).flatMap(({ message }) => message ?? []);

/** The words of messages in what people write about virtualization, and of things that are none. */
const INNOCENT = {
  "source code": [
    '\t\tpr_err_once("VMX (outside TXT) disabled by BIOS\\n");',
    '\tpr_err("VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU %d\\n", cpu);',
    '+\t\tprintk(KERN_ERR "kvm: disabled by bios\\n");',
    '-\t\tpr_err("VMX not supported by CPU %d\\n", raw_smp_processor_id());',
    '\tprintk(KERN_ERR "kvm: no hardware support\\n");',
    '\t\tprintk(KERN_ERR "kvm: CPU %d feature inconsistency!\\n",',
    "    error_setg(errp, \"CPU model 'host' requires KVM or HVF\");",
    '    if (!cpu_has_vmx()) { printf("VMX not supported\\n"); return -1; }',
    '    raise RuntimeError("CPU does not support virtualization")',
    '    return fmt.Errorf("host does not support KVM")',
    '    log::error!("Failed to execute VMXON");',
    '    panic("VMLAUNCH failed");',
    '    DbgPrint("[*] VMX is not supported in this processor");',
    "    // CPU does not support VMX: bail out",
    "/* VT-x is disabled in the BIOS */",
    "#define EXIT_REASON_INVALID_GUEST_STATE 33",
    "#define KVM_EXIT_FAIL_ENTRY       9",
    "case VERR_VMX_NO_VMX:",
    "case KVM_EXIT_FAIL_ENTRY:",
    "KVM_EXIT_SHUTDOWN         = 8",
  ],
  "sentences of manuals": [
    "If the processor does not support VMX operation, software must not set CR4.VMXE.",
    "If EPT is not supported, this field does not exist.",
    "On processors where EPT is not supported the INVEPT instruction causes #UD.",
    'VM entries fail if the "unrestricted guest" VM-execution control is 1 and EPT is not supported.',
    " * If VMX is not supported, return -EOPNOTSUPP.",
    "VMXON failure leaves the processor outside VMX operation.",
    "A VMLAUNCH failure does not change the launch state of the VMCS.",
    "If VMLAUNCH or VMRESUME fails, the VM-instruction error field is set.",
    "VM-instruction error numbers are listed in a table of their own.",
    "KVM_EXIT_FAIL_ENTRY is returned if the vcpu could not be run due to unknown reasons.",
    "KVM_EXIT_SHUTDOWN (8) is documented in api.rst",
    "EPT violations and EPT misconfigurations are the two classes of exits due to EPT.",
    "An EPT misconfiguration occurs if bits 2:0 of an entry are 010b.",
    "An EPT violation happens when the entry does not allow the access.",
    "VM exits caused by EPT violations or page-modification log-full events",
    "The VM-instruction error field is VMCS 0x4400.",
    "This bit says whether CPUID.1:ECX.VMX[bit 5] is reported; /proc/cpuinfo shows vmx then.",
  ],
  "changes and what people say": [
    "Subject: [PATCH] KVM: VMX: Print VMX not enabled messages only once",
    "Fixed bug where unexpected EPT violations were counted twice",
    "* Fixed: VM would not start when VT-x is disabled in BIOS",
    "Handle unexpected EPT misconfig in selftests",
    "VT-x is not disabled in BIOS",
    "VT-x isn't disabled in the BIOS",
    "I don't have VT-x disabled in BIOS, it's on.",
    "VMX is not disabled by BIOS",
    "Solved: I enabled VT-x in the BIOS and now everything works",
  ],
  "things that succeed": [
    "VMX: enabled",
    "VT-x is supported and enabled",
    "IA32_FEATURE_CONTROL is locked with VMX enabled",
    "ioctl(3, KVM_CREATE_VM, 0) = 4",
    "ioctl(KVM_CREATE_VM) succeeded",
    "KVM_CREATE_VM",
    "detect_hardware_support: OK",
    "no /dev/kvm needed with -accel tcg",
    "runs without /dev/kvm in software",
    "itlb_multihit:KVM: Mitigation: VMX unsupported",
    "Vulnerability Itlb multihit:     KVM: Mitigation: VMX disabled",
    "Vulnerability L1tf:              Mitigation; PTE Inversion; VMX vulnerable, SMT disabled",
    "l1tf: Mitigation: PTE Inversion; VMX: EPT disabled",
    "(XEN) VMX: Disabling executable EPT superpages due to CVE-2018-12207",
    "(XEN) Intel VT-d Posted Interrupt not enabled.",
  ],
  "other things than VT-x": [
    "CPU doesn't support VT-d",
    "The processor supports VT-x but does not support VT-d.",
    "Intel VT-d virtualization is disabled in the BIOS but VT-x works",
    "Virtualization Technology for Directed I/O disabled by BIOS",
    "DMAR: dmar0: VT-d is disabled in the BIOS",
    "The host does not support KVM VGA switches",
    "This host does not support KVM-over-IP",
    "My machine doesn't support VT switching",
    "GPU virtualization is not supported",
    "I/O virtualization is not available (SR-IOV)",
    "Network virtualization is not available",
    "storage virtualization not supported on this array",
    "React list virtualization is not supported in this table",
    "UAC Virtualization is not enabled for this process",
    "torch: No accelerator found, using cpu",
    "No accelerator found! Falling back to CPU",
    "job finished with exit reason 33",
    "The container exit reason is 0x100",
    "instruction error 3 times",
    "taskset: cpu affinity is not supported on this kernel",
    "lock bit not set for file",
    "failed to set MSRs of switch ports",
    "error code 4294967201 from updater",
    "Error: unable to allocate 1024 MB of RAM for the JVM",
    "x86/split lock detection: disabled by BIOS",
    "intel_pstate: turbo disabled by BIOS or unavailable on processor",
    "[    0.35] kvm [1]: HYP mode not available",
    "[    1.2] kvm_amd: SEV disabled (ASIDs 1 - 509)",
  ],
};

describe.each(Object.entries(INNOCENT))("%s", (_name, lines) => {
  it.each(lines)("report no failure: %s", (line) => {
    expect(messagesOf(line)).toEqual([]);
  });
});

describe("what is reported beside such words", () => {
  it.each([
    ["Error: VT-x is disabled in the BIOS. If you need it, enable it.", "haxm-vt-disabled"],
    ["Please check if VT-x is disabled in the BIOS", "haxm-vt-disabled"],
    ["If in doubt: this CPU does not support VMX", "generic-no-vmx"],
    ["Fatal: CPU does not support VT-x", "generic-no-vmx"],
    ["strace: ioctl(4, KVM_CREATE_VM, 0) = -1 EBUSY (Device or resource busy)", "qemu-create-vm"],
    ["IA32_FEATURE_CONTROL: lock bit not set", "hypervisor-lock"],
  ])("is known: %s", (line, message) => {
    expect(messagesOf(line)).toContain(message);
  });
});

describe("a line that words one failure twice", () => {
  it.each([
    ["VMLAUNCH failed! Instruction error = 7", ["vmx-instruction-error"]],
    [
      "unsupported configuration: guest and host CPU are not compatible: Host CPU does not provide required features: vmx",
      ["libvirt-host-lacks"],
    ],
    ["VERR_VMX_MSR_VMX_DISABLED: VT-x is disabled in the BIOS for this CPU", ["vbox-vmx-disabled"]],
  ])("is explained by what says more: %s", (line, messages) => {
    expect(messagesOf(line)).toEqual(messages);
  });
});
