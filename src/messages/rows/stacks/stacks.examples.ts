import type { ExamplesOf } from "../shape.examples.js";
import type { STACK_MESSAGES } from "./stacks.js";

/** Lines that each row is for, and lines that hold its words and are none of it. */
export const STACK_EXAMPLES = {
  "libxl-create": {
    examples: ["Start failed: internal error: libxenlight failed to create new domain 'sys-net'"],
  },
  "libxl-no-iommu": {
    examples: ["libxl__device_pci_add: PCI device 0000:00:19.0 cannot be assigned - no IOMMU?"],
    not: ["is there no IOMMU?"],
  },
  "libvirt-no-hvm": {
    examples: [
      "libvirt.libvirtError: неизвестный тип ОС hvm",
      '"Start failed: invalid argument cuold not find capabilities for arch=x86_64',
    ],
    not: [
      "could not find capabilities for arch=x86_64 domaintype=kvm",
      "Error launching details: Host does not support virtualization type hvm for architecture 'x86_64'",
    ],
  },
  "xen-no-hvm": {
    examples: [
      "Cannot start here [HVM not supported]",
      "Unsupported Hardware Detected This hardware lacks features required by Qubes OS. Missing features: HVM/VT-x/AMD-V, IOMMU/VT-d/AMD-Vi, HAP/SLAT/EPT/ RVI, Interrupt Remapping.",
    ],
    not: ["The build is missing features: ssl,vnc", "guest CPU doesn't match specification: missing features: abm"],
  },
  "xen-installer-hap": {
    examples: [
      "get warning message missing HAP/SLAT/EPT/RVD",
      "missing features: HAP/SLAT/EPT/RVI. without these features, qubes os will not function normally",
    ],
    not: ["HAP/SLAT/EPT/RVI: yes"],
  },
  "xen-unexpected-exit": {
    examples: ["d?v0 Unexpected vmexit: reason 3", "bad vmexit 0x31 (EXIT_REASON_EPT_MISCONFIG)"],
  },
  "xen-own-bug": { examples: ["Xen BUG at arch/x86/hvm/svm/nestedsvm.c:983"] },
  "xen-own-svm-exit": {
    examples: ["(XEN) d1v0 Unexpected nested vmexit: reason 0x66"],
    not: ["d?v0 Unexpected vmexit: reason 3"],
  },
  "xen-ept-violation": {
    examples: ["(XEN) d1v0 EPT violation 0x184 (--x/r--) gpa 0x000000fee00000 mfn 0xffffffffffffffff type 5"],
    not: ["EPT violations and EPT misconfigurations are the two classes of exits due to EPT."],
  },
  "xen-domain-crash": {
    examples: [
      "(XEN) [ 3423.961388] domain_crash called from arch/x86/hvm/vmx/vmx.c#vmx_update_guest_cr+0x516/0x6a0",
      "(XEN) domain_crash called from vmx.c:4304",
      "(XEN) domain_crash called from vmx_failed_vmentry+0x10b/0x110",
    ],
    not: [
      "(XEN) domain_crash called from p2m-pod.c:1218",
      "(XEN) domain_crash called from io.c:178",
      "(XEN) [2312934.000566] domain_crash called from p2m_pod_demand_populate+0x4d2/0x8b0",
      'printk("domain_crash called from %s:%d\\n", __FILE__, __LINE__);',
    ],
  },
  "xen-vmcs-size": {
    examples: ["(XEN) VMX: CPU0 VMCS size is too big (8192 bytes)"],
  },
  "ovirt-cpu-type": {
    examples: [
      "EVENT_ID: CPU_TYPE_UNSUPPORTED_IN_THIS_CLUSTER_VERSION(156), Host node210 moved to Non-Operational state as host CPU type is not supported in this cluster compatibility version or is not supported at all,",
      "The host CPU does not match the Cluster CPU Type and is running in a degraded mode. It is missing the following CPU flags: model_Skylake-Server. Please update the host CPU microcode or change the Cluster CPU Type.",
    ],
    not: ["CPU does not support virtualization", "This list does not support virtualization of its rows"],
  },
  "emulation-chosen": {
    examples: ["virt_type = qemu", "it defaulted to TCG instead of KVM", "qemu falls back to TCG"],
    not: ["virt_type = kvm", "TCG Opal drives"],
  },
  "kata-no-module": {
    examples: [
      'ERRO[0000] kernel property not found                     arch=amd64 description="Intel KVM" name=kvm_intel pid=23716 source=runtime type=module',
    ],
  },
  "kata-not-root": {
    examples: [
      `level=warning msg="modprobe insert module failed: modprobe: ERROR: could not insert 'vhost': Operation not permitted\\n" arch=amd64`,
    ],
  },
  "kata-not-capable": { examples: ["ERROR: System is not capable of running Kata Containers"] },
  "acrn-panic": {
    examples: ["[0us][cpu=0][(null)][serv=1][seq=1]:hardware not support!"],
  },
  "virt-install-no-kvm": {
    examples: [
      "[Fri, 06 Jan 2017 10:49:18 virt-install 5222] ERROR (cli:306) Host does not support any virtualization options",
      "Error: No hypervisor options were found for this connection. This usually means that QEMU or KVM is not installed on your machine, or the KVM kernel modules are not loaded.",
    ],
  },
  "kubevirt-other-resource": {
    examples: [
      "0/6 nodes are available: 3 Insufficient devices.kubevirt.io/kvm, 3 node(s) didn't match node selector, 6 Insufficient bridge-cni.network.kubevirt.io/br1",
    ],
    not: ["0/2 nodes are available: 2 Insufficient devices.kubevirt.io/kvm, 1 Insufficient memory."],
  },
  "kubevirt-no-kvm-device": {
    examples: ["0/2 nodes are available: 2 Insufficient devices.kubevirt.io/kvm."],
  },
  "lxd-qemu": {
    examples: [
      'Instance type "virtual-machine" is not supported on this server: QEMU failed to run feature checks',
      'Instance type "virtual-machine" is not supported on this server: vhost_vsock kernel module not loaded',
    ],
    not: ["Instance type not operational: KVM support is missing (no /dev/kvm)"],
  },
  "lxd-no-vm": {
    examples: [
      'Error: Failed instance creation: Failed creating instance record: Instance type "virtual-machine" is not supported on this server',
    ],
    not: [
      "The instance type t2.micro is not supported on this server",
      'Error: Failed instance creation: Failed creating instance record: Instance type "virtual-machine" is not supported on this server: KVM support is missing (no /dev/kvm)',
    ],
  },
  "drakvuf-altp2m": {
    examples: ["Failed to set HVM_PARAM_ALTP2M, RC: -1", "VMI_ERROR: Error -1 setting HVM single step"],
  },
  "vmm-faulty-msr": {
    examples: ["failed to set MSR", "Thread 0 returned err.. Failed to write MSR"],
    not: ["failed to set MSR 0x", "failed to set MSR 0x48d to"],
  },
  "kvm-module-not-loaded": {
    examples: [
      "Exception: kvm_intel kernel module not loaded, nested VMs will fail to launch",
      "Error deploying: neutron-gateway (ServerError(...), 'adding new machine to host unit \"neutron-gateway/0\": cannot add a new machine: machine 1 cannot host kvm containers')",
    ],
    not: [
      "taskset: cpu affinity is not supported on this kernel",
      "CPU acceleration status: /dev/kvm is not found: VT disabled in BIOS or KVM kernel module not loaded",
    ],
  },
  "libvirt-xml-feature": {
    examples: [
      "Call to virDomainCreateWithFlags failed: XML error: Non-empty feature list specified without CPU model",
      "Error while creating domain: Error saving the server: Call to virDomainDefineXML failed: XML error: CPU feature 'vmx' specified more than once",
    ],
  },
  "minikube-libvirt": {
    examples: ["* Exiting due to PR_KVM_USER_PERMISSION: libvirt group membership check failed"],
    not: ["the permission of the user of KVM"],
  },
  "minikube-kvm-reason": {
    examples: ["Exiting due to PR_KVM_CREATE_BUSY: Another hypervisor, such as VirtualBox, is conflicting with KVM."],
    not: ["host does not support KVM", "This host does not support KVM-over-IP"],
  },
  "libvirt-cpu-map": {
    examples: ["ERROR internal error: Feature amx-bf16 required by CPU model SapphireRapids not found"],
  },
  "cloud-nested-policy": {
    examples: [
      "- Constraint constraints/compute.disableNestedVirtualization violated for project my-proj.",
      "Operation denied by org policy: constraint/compute.disableNestedVirtualization enforced on the project",
    ],
    not: ["Set the constraint constraints/compute.disableNestedVirtualization to False."],
  },
  "windbg-vmread": {
    examples: [
      "Error: Error: CPU exception occurred with the VMREAD instruction. Reboot the system with the .reboot command. This can happen when the system in an early boot stage where the processor is not in VMX operation.",
    ],
  },
} as const satisfies ExamplesOf<typeof STACK_MESSAGES>;
