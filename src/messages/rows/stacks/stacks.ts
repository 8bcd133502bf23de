import type { MessageRow } from "../../../answers/message.js";
import {
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HOW_FAR_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  MICROCODE,
  OFF_IN_FIRMWARE,
  READ_FEAT_CTL,
} from "../shared-advice.js";

/*
 * What the programs above a hypervisor say when hardware virtualization is missing: the toolstack of Xen and Qubes,
 * oVirt, Kata, ACRN's boot, FreeBSD's module loader, virt-install, debuggers.
 */

const XL = {
  text: "See what Xen itself found.",
  commands: ["xl dmesg | grep -iE 'VMX|HVM|HAP|EPT'", "xl info | grep -E 'virt_caps|xen_caps'"],
} as const;

export const STACK_MESSAGES = [
  {
    id: "libxl-create",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "libxenlight failed to",
    pattern: /libxenlight failed to (?:create new|start|restore) domain(?: '(?<name>[^'\n]{1,60})')?/i,
    what: "Xen did not start the domain, and libvirt passes on no reason: it is in libxl's log. For an HVM or PVH domain Xen needs VT-x (or AMD-V), for one with a PCI device (sys-net, sys-usb) the IOMMU as well, which is a switch of its own.",
    steps: [
      {
        text: "In dom0, read the reason, and what Xen found at boot: hvm and hvm_directio among virt_caps.",
        commands: [
          "tail -n 30 /var/log/libvirt/libxl/libxl-driver.log",
          "xl info | grep virt_caps; xl dmesg | grep -iE 'VMX|SVM|IOMMU|VT-d'",
        ],
      },
      {
        text: "Qubes OS, for a device that cannot be reset: attach it without strict reset.",
        commands: ["qvm-pci attach --persistent --option no-strict-reset=true QUBE dom0:DEVICE"],
      },
    ],
    source: {
      message: "QubesOS/qubes-issues#4689",
      meaning: "Qubes OS documentation, PCI troubleshooting; Xen, tools/libs/light (libxl_create)",
    },
  },
  {
    id: "libxl-no-iommu",
    product: "Xen",
    layer: "firmware",
    gravity: "blocks",
    needle: "no iommu?",
    pattern: /PCI device (?<device>[\da-f:.]{5,14}) cannot be assigned - no IOMMU\?/i,
    what: "Xen uses no IOMMU (VT-d, on AMD AMD-Vi), so it does not give PCI device {device} to a domain, and that domain (in Qubes OS sys-net, sys-usb) does not start. It is not VT-x: VT-d has a switch of its own, and Xen leaves it off where the firmware describes it wrongly.",
    steps: [
      {
        text: "In dom0, see what Xen made of it.",
        commands: ["xl dmesg | grep -iE 'IOMMU|VT-d|DMAR|AMD-Vi|remap'"],
      },
      { text: "Switch VT-d (AMD: IOMMU) on in the firmware setup; where it is on, update the firmware." },
    ],
    source: { message: "QubesOS/qubes-issues#3684", meaning: "QubesOS/qubes-issues#3684; Xen, tools/libs/light" },
  },
  {
    id: "libvirt-no-hvm",
    product: "libvirt",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "architecture for os type",
      "hvm' capabilities",
      "not find capabilities for arch",
      "ос hvm",
      "os type hvm",
      "ostype=hvm",
      "os type 'hvm'",
      "capabilities for (arch",
      "ostype hvm",
      "type 'hvm",
      "type hvm",
    ],
    pattern:
      /no supported architecture for os type '?hvm|hypervisor with '?hvm'? capabilities|not find capabilities for \(?arch=x86[_-]?64|not find capabilities for ostype=hvm|(?:unknown|unsupported|no|неизвестный)[^\n]{0,12}(?:OS type|os type|type of OS|тип ОС) '?hvm'?|os(?: )?type '?hvm'? (?:is )?not supported/i,
    what: "libvirt has no fully virtualized (hvm) guests to offer on this host. Under Xen (Qubes OS is) that means: Xen found no usable VT-x; under KVM: libvirt found no QEMU for the architecture.",
    causes: [
      { text: "VT-x is switched off in the firmware setup, or the CPU has none.", layer: "firmware", always: true },
      "The whole system runs in a virtual machine (VMware, VirtualBox) that does not pass VT-x, and with Xen also EPT.",
    ],
    where: [
      {
        is: "said to use KVM",
        what: "libvirt has no fully virtualized (hvm) guests to offer on this host: it found no QEMU for the architecture, or could not ask it, when its daemon started.",
        steps: [
          {
            text: "Install QEMU for the architecture, let libvirt look again, and ask it.",
            commands: [
              "sudo systemctl restart libvirtd || sudo systemctl restart virtqemud",
              "virsh capabilities | grep -A4 '<os_type>hvm'; virt-host-validate qemu",
            ],
          },
          LOAD_KVM,
        ],
      },
    ],
    steps: [XL, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "QubesOS/qubes-issues#1198, #2981, #4310, #5008; kubevirt/kubevirt#580, crc-org/crc#2084",
      meaning: "QubesOS/qubes-issues#1198, #2981 (no VT-x); libvirt, src/conf/capabilities.c",
    },
  },
  {
    id: "xen-no-hvm",
    product: "Xen",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "hvm not supported",
      "hvm is required",
      "hvm_required",
      "hvm is not supported",
      "hvm guest support is unavailable",
      "hardware virtualization features are not",
      "required by qubes os",
      "hvm/vt-x",
      "without hvm support",
      "missing features: ",
      "support is unavailable",
    ],
    pattern:
      /HVM (?:is )?not supported|(?:VM_)?HVM_REQUIRED|HVM is required for this operation|hardware lacks features required by Qubes OS|Missing features: [^\n]{0,60}(?:HVM|VT-x)[^\n]{0,120}|hardware virtualization features are not (?:available|enabled)|HVM (?:guest )?support is unavailable/i,
    what: "Xen runs here without hardware virtualization, so it can start paravirtualized (PV) guests only, and no HVM or PVH ones.",
    causes: [
      { text: "VT-x is switched off in the firmware setup.", layer: "firmware" },
      "Xen (XCP-ng, XenServer, Qubes OS) is installed in a virtual machine whose hypervisor does not pass VT-x; Windows' hypervisor below it (WSL, Docker) keeps others from passing it.",
      "HAP/SLAT/EPT is missing too: the CPU is older than Nehalem, or the outer hypervisor hides it. IOMMU and interrupt remapping are another setting (VT-d).",
    ],
    steps: [XL, ENABLE_FIRMWARE, READ_FEAT_CTL, ENABLE_OUTER],
    source: {
      message: "xcp-ng/xcp#571, QubesOS/qubes-issues#5008",
      meaning: "xcp-ng/xcp#571; Xen, xen/arch/x86/hvm/hvm.c",
    },
  },
  {
    id: "xen-installer-hap",
    product: "Xen",
    layer: "silicon",
    gravity: "blocks",
    needle: "hap/slat",
    pattern: /\bmissing (?:features: )?HAP\/SLAT(?:\/EPT)?(?:\/ ?RV[ID])?/i,
    what: "The installer of Qubes OS asked Xen, and Xen has no EPT to use (HAP and SLAT are other names of it, RVI is AMD's): the CPU has none, or VT-x (AMD-V) is off in the firmware, which takes EPT along. Xen alone decides that: the module kvm_intel has no part in it.",
    causes: [
      "The CPU lacks EPT: Core 2 and older, some Celerons and Pentiums of that time.",
      { text: "The firmware has VT-x off; coreboot has it as an option of the build.", layer: "firmware" },
    ],
    steps: [
      {
        text: "See what Xen found, in a shell of the installer (Ctrl+Alt+F2).",
        commands: ["xl info | grep virt_caps; xl dmesg | grep -iE 'VMX|SVM|HVM|HAP|EPT'"],
      },
      ENABLE_FIRMWARE,
    ],
    source: {
      message: "linuxboot/heads#1107, QubesOS/qubes-issues#4535",
      meaning: "Xen, xen/arch/x86/hvm/hvm.c; Qubes OS, system requirements",
    },
  },
  {
    id: "xen-unexpected-exit",
    product: "Xen",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["unexpected vmexit: reason", "bad vmexit"],
    pattern: /(?:Unexpected vmexit: reason|Bad vmexit(?: \(reason)?) (?<code>0x[0-9a-f]{1,8}|\d{1,5})/i,
    what: "A VM exit came that Xen has no handler for, and it stopped that guest.",
    decoder: "exit-reason",
    causes: ["In a virtual machine, the outer hypervisor delivers exits for controls that were not asked for."],
    steps: [XL, { text: "Update Xen and the firmware." }],
    source: {
      message: "QubesOS/qubes-issues#7283",
      meaning: "Xen, xen/arch/x86/hvm/vmx/vmx.c (vmx_vmexit_handler); Intel SDM volume 3C, appendix C",
    },
  },
  {
    id: "xen-own-bug",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "xen bug at ",
    pattern: /Xen BUG at (?<file>[\w./-]{1,80}):\d{1,6}/i,
    what: "Xen stopped itself, and every guest with it: a check in {file} did not hold. That is a fault of Xen; a guest that runs a hypervisor of its own can trigger it, as nested HVM is experimental.",
    steps: [
      {
        text: "Update Xen; without nestedhvm for the guest it does not get there.",
        commands: ["nestedhvm = 0   # xl"],
      },
    ],
    source: { message: "xen-devel, December 2023", meaning: "Xen, SUPPORT.md; xen/include/xen/bug.h" },
  },
  {
    id: "xen-own-svm-exit",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "informs",
    needle: "unexpected nested vmexit",
    pattern: /Unexpected nested vmexit: reason (?<code>0x[0-9a-f]{1,8})/i,
    what: "A guest of Xen on an AMD CPU runs a hypervisor of its own, and Xen passed an exit to it that it did not expect. {code} is an exit code of SVM, and no exit reason of VMX.",
    steps: [{ text: "Give the lines that follow: where Xen stops itself, they say at which check." }],
    source: { message: "xen-devel, December 2023", meaning: "Xen, xen/arch/x86/hvm/svm/svm.c" },
  },
  {
    id: "xen-ept-violation",
    product: "Xen",
    layer: "VM entry",
    gravity: "blocks",
    needle: ["ept violation 0x", "ept misconfiguration"],
    pattern:
      /EPT violation (?<code>0x[0-9a-f]{1,8}) \((?<access>[rwx-]{3})\/(?<allowed>[rwx-]{3})\)|\(XEN\)[^\n]{0,40}EPT misconfiguration/i,
    what: "A guest accessed memory that its EPT does not give it (wanted {access}, allowed {allowed}), and Xen stopped it. VMX itself works.",
    causes: ["A device's memory that is not mapped, a guest bug, or memory introspection that took the right away."],
    steps: [{ text: "See which address it was, against the guest's memory map.", commands: ["xl dmesg | tail -40"] }],
    source: {
      message: "Xen, xen/arch/x86/hvm/vmx/vmx.c (ept_handle_violation)",
      meaning: "Intel SDM volume 3C, EPT violations",
    },
  },
  {
    id: "xen-domain-crash",
    product: "Xen",
    layer: "VM entry",
    gravity: "blocks",
    needle: "domain_crash called from",
    pattern:
      /domain_crash called from (?:[\w./-]{0,80}\b)?(?<place>(?:vmx|vvmx|vmcs|realmode|p2m-ept)\.c\b|(?:n?vmx_|ept_|realmode_)\w{1,60}(?=\+0x))/,
    what: "Xen itself ended that guest, in its VMX code ({place}): it reached a state that it does not run. The host continues, and VMX is on.",
    causes: [
      "The line before it has the reason, where Xen printed one: an exit it has no handler for, an EPT violation, a failed VM entry.",
      "A hypervisor, such as KVM, runs inside that guest, and asked for what Xen's nested VMX does not have: Xen's SUPPORT.md calls nested HVM experimental.",
      "When Xen itself runs in a virtual machine, the hypervisor below returned what a CPU would not.",
    ],
    steps: [
      { text: "Read what came just before.", commands: ["xl dmesg | grep -B 20 domain_crash"] },
      { text: "Update Xen; without a later one, report those lines and the registers below them." },
    ],
    source: {
      message: "xcp-ng/xcp#562; xen-devel, 4.13 and 4.17",
      meaning: "Xen, xen/include/xen/sched.h (domain_crash); Xen, xen/arch/x86/hvm/vmx",
    },
  },
  {
    id: "xen-vmcs-size",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["vmcs size is too big", "unexpected vmcs access type", "could not enable vmx", "vmx: disabled by bios"],
    pattern:
      /VMX: CPU\d{1,5} (?:VMCS size is too big \(\d{1,8} bytes\)|unexpected VMCS access type \d{1,3})|could not enable VMX|VMX: disabled by BIOS/i,
    what: "Xen does not use VMX on this CPU: IA32_VMX_BASIC reports an impossible VMCS size or memory type, or VMX is off.",
    causes: ["An outer hypervisor fills IA32_VMX_BASIC badly."],
    steps: [{ text: "Read it.", commands: ["sudo rdmsr -a 0x480"] }, READ_FEAT_CTL, ENABLE_OUTER],
    source: {
      message: "Xen, xen/arch/x86/hvm/vmx/vmcs.c (vmx_init_vmcs_config)",
      meaning: "Intel SDM volume 3D, appendix A.1",
    },
  },
  {
    id: "ovirt-cpu-type",
    product: "KVM user space",
    layer: "silicon",
    gravity: "blocks",
    needle: [
      "missing the following cpu flags",
      "match the cluster cpu type",
      "cpu type is not supported",
      "cpu_type_unsupported",
      "cpu_type_incompatible",
      "does not support virtualization",
    ],
    pattern:
      /(?:host CPU does not match the Cluster CPU Type[^\n]{0,60}?)?missing the following CPU flags: (?<flags>[\w, .-]{1,200}?)(?=\. |\.$|$|['"])|host CPU type is not supported in this cluster|does not match the Cluster CPU Type|CPU_TYPE_(?:UNSUPPORTED|INCOMPATIBLE)\w{0,60}|Hardware does not support virtualization/i,
    what: "oVirt compared the host with the CPU type of its cluster, and the host lacks something of it. `model_X` in the list means that libvirt of the host cannot give guests the model X with all its features; a plain name is a flag of /proc/cpuinfo.",
    causes: [
      "Newer or patched CPUs have no TSX (hle, rtm): the models with TSX are not available there, the ones named noTSX are.",
      "vmx or nx among the flags: VT-x or Execute Disable is off in the firmware.",
      "The microcode, the kernel or an outer hypervisor hides a feature that the model has.",
    ],
    steps: [
      {
        text: "Ask libvirt of the host which feature blocks the model.",
        commands: [
          "virsh -r domcapabilities | grep -A12 \"blockers model='Skylake-Server'\"",
          "vdsm-client Host getCapabilities | grep -i cpu",
        ],
      },
      { text: "Choose a cluster CPU type that all hosts have (an older model, or the noTSX one)." },
      ENABLE_FIRMWARE,
      MICROCODE,
    ],
    source: {
      message: "oVirt/ovirt-engine#1048, #958, #574",
      meaning: "oVirt/ovirt-engine#958 (no TSX on newer CPUs); libvirt, domain capabilities (blockers)",
    },
  },
  {
    id: "kata-no-module",
    product: "Kata Containers",
    layer: "KVM load",
    gravity: "blocks",
    needle: "kernel property",
    group: "kata-no-module",
    pattern: /kernel property (?:kvm\w{0,10} )?not found[^\n]{0,80}?name=(?<module>kvm_intel|kvm_amd|kvm)\b/i,
    what: "Kata's check does not find the module {module}: KVM is not loaded and could not be, and without KVM there are no Kata containers.",
    causes: [
      {
        text: "VT-x is switched off in the firmware setup, so kvm_intel refuses to load (modprobe's `Operation not supported` is next to it).",
        layer: "firmware",
      },
      "The machine is a virtual one whose hypervisor (a cloud) does not pass VT-x.",
      "On an AMD machine kvm_intel is the wrong module; there kvm_amd counts.",
    ],
    steps: [
      {
        text: "Load the module and read what it says; refused, it has the reason in the kernel log.",
        commands: ["sudo modprobe {module}; sudo dmesg | grep -iE 'kvm|vmx|svm' | tail"],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "kata-containers/documentation#496, kata-containers/kata-containers#6784",
      meaning:
        "kata-containers/documentation#496 (enable virtualization in the BIOS), kata-containers/kata-containers#6784",
    },
  },
  {
    id: "kata-not-root",
    product: "Kata Containers",
    layer: "host operating system",
    gravity: "blocks",
    needle: "modprobe insert module failed",
    group: "kata-not-root",
    pattern:
      /modprobe insert module failed[^\n]{0,40}could not insert \\{0,2}['"](?<module>\w{2,40})\\{0,2}['"]: Operation not permitted/i,
    what: "Kata's check may not load modules: it was started without root's rights, or in a container. That says nothing about VT-x.",
    steps: [{ text: "Run it as root, on the host.", commands: ["sudo kata-runtime check"] }],
    source: { message: "CentaurusInfra/arktos#444", meaning: "init_module(2), EPERM" },
  },
  {
    id: "kata-not-capable",
    product: "Kata Containers",
    layer: "KVM load",
    gravity: "blocks",
    needle: "is not capable of running kata",
    pattern: /System is not capable of running Kata Containers/i,
    what: "Kata's check does not find something that it needs: the lines with `not found` name it. Where they name vmx, kvm, kvm_intel or kvm_amd, it is VT-x or KVM; vhost and vhost_vsock have nothing to do with VT-x.",
    causes: [OFF_IN_FIRMWARE, "The machine is a virtual one whose hypervisor (a cloud) does not pass VT-x."],
    steps: [
      {
        text: "See what it does not find.",
        commands: ["sudo kata-runtime check --verbose 2>&1 | grep -i 'not found'"],
      },
      LOAD_KVM,
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "kata-containers/documentation#496, kata-containers/kata-containers#6784",
      meaning: "kata-containers/kata-containers, src/runtime/cmd/kata-runtime (kata-check)",
    },
  },
  {
    id: "acrn-panic",
    product: "ACRN",
    layer: "silicon",
    gravity: "informs",
    needle: ["hardware not support!", "init_pcpu_pre"],
    group: "acrn-panic",
    pattern: /PANIC: init_pcpu_pre line \d{1,5}|\bhardware not support!/i,
    what: "ACRN stops while starting a CPU, because a feature that it requires is missing; the line before names it.",
    steps: [
      {
        text: "Look for the line with `not supported`; it has the name of the feature.",
        commands: ["vmxlens explain 'detect_hardware_support, SMAP not supported'"],
      },
      { text: "In QEMU, give it the host's CPU.", commands: ["-cpu host,+vmx"] },
    ],
    source: { message: "projectacrn/acrn-hypervisor#8571", meaning: "ACRN, hypervisor/arch/x86/cpu.c (init_pcpu_pre)" },
  },
  {
    id: "virt-install-no-kvm",
    product: "libvirt",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "does not support any virtualization options",
      "no hypervisor options were found",
      "no kvm!",
      "host does not support full virtualization",
    ],
    pattern:
      /Host does not support any virtualization options|Host does not support full virtualization|No hypervisor options were found for this connection|^\s*No KVM!\s*$/i,
    what: "virt-install, virt-manager or GNOME Boxes found neither KVM nor QEMU behind this libvirt connection.",
    causes: [
      "QEMU is not installed, or the libvirt that answers is not the one of the host (a container, Flatpak).",
      "/dev/kvm is missing: VT-x is off, or an outer hypervisor does not pass it.",
    ],
    steps: [
      { text: "Ask libvirt.", commands: ["virt-host-validate qemu", "virsh capabilities | grep -A3 '<guest>'"] },
      LOAD_KVM,
      ENABLE_FIRMWARE,
    ],
    source: {
      message: "virt-manager/virt-manager#286, canonical/lxd#2718",
      meaning: "virt-manager/virt-manager#286 (QEMU was not installed)",
    },
  },
  {
    id: "emulation-chosen",
    product: "KVM user space",
    layer: "user space",
    gravity: "degrades",
    generic: true,
    needle: ["virt_type", "virt-type", "tcg"],
    group: "emulation-chosen",
    pattern: /\bvirt[_-]type ?[=:] ?['"]?qemu\b|\bTCG instead of KVM|\b(?:back|defaults|defaulted) to TCG\b/i,
    what: "Guests run without KVM here, as plain emulation (TCG), by choice (virt_type = qemu of nova) or as a fallback: VT-x is not asked for, however well it works.",
    where: [
      {
        is: "on Windows",
        what: "Guests run without acceleration there, as plain emulation (TCG), by choice or as a fallback: VT-x is not used then, however well it works.",
        steps: [HOW_FAR_KVM, { text: "With Windows Hypervisor Platform on, choose WHPX.", commands: ["-accel whpx"] }],
      },
    ],
    steps: [
      HOW_FAR_KVM,
      {
        text: "With /dev/kvm there, choose KVM.",
        commands: ["virt_type = kvm   # nova.conf; QEMU: -accel kvm"],
      },
    ],
    source: {
      message: "CanonicalLtd/microstack#88",
      meaning: "OpenStack, nova.conf (libvirt.virt_type); QEMU, accel/tcg",
    },
  },
  {
    id: "kubevirt-other-resource",
    product: "KVM user space",
    layer: "user space",
    gravity: "blocks",
    needle: "nodes are available",
    pattern:
      /\b0\/(?<nodes>\d{1,4}) nodes are available:(?=[^\n]{0,600}\bdevices\.kubevirt\.io\/kvm\b)[^\n]{0,600}?\b\k<nodes> Insufficient (?<what>(?!devices\.kubevirt\.io)[\w./-]{2,80}\w)/i,
    what: "None of the {nodes} nodes has {what}: that keeps the machine from being scheduled anywhere, whatever nodes have /dev/kvm.",
    steps: [{ text: "See what the nodes offer.", commands: ["kubectl describe nodes | grep -A12 Allocatable"] }],
    source: { message: "kubevirt/kubevirt#4748", meaning: "Kubernetes, scheduler (NodeResourcesFit)" },
  },
  {
    id: "kubevirt-no-kvm-device",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: "devices.kubevirt.io/kvm",
    pattern: /Insufficient devices\.kubevirt\.io\/kvm|devices\.kubevirt\.io\/kvm"?:\s{1,12}"?0\b/i,
    what: "KubeVirt's device plugin offers no /dev/kvm on the nodes, so no machine can be scheduled there.",
    causes: [
      "The nodes are virtual machines (minikube, a cloud) without nested virtualization, or kvm_intel is not loaded on them.",
      "The plugin lost the device: after it is back, virt-handler has to be started again.",
    ],
    where: [
      {
        is: "no device plugin",
        what: "KubeVirt's virt-handler offers no device at all on these nodes, not even tun, which every node has: it does not run there, or could not register. What the nodes have is not known from that.",
        steps: [
          {
            text: "See whether virt-handler runs on the nodes, and what it says.",
            commands: [
              "kubectl get pods -n kubevirt -o wide",
              "kubectl logs -n kubevirt -l kubevirt.io=virt-handler --tail 40",
            ],
          },
          { text: "Then look on the node itself.", commands: ["ls -l /dev/kvm"] },
        ],
      },
    ],
    steps: [
      {
        text: "Look on the node itself.",
        commands: ["ls -l /dev/kvm; lsmod | grep kvm; grep -m1 -ow vmx /proc/cpuinfo"],
      },
      LOAD_KVM,
      {
        text: "Then let virt-handler register it again.",
        commands: ["kubectl delete pod -n kubevirt -l kubevirt.io=virt-handler"],
      },
      ENABLE_OUTER,
    ],
    source: { message: "kubevirt/kubevirt#4748, #2979, #7779, #10851", meaning: "kubevirt/kubevirt#4748, #6402" },
  },
  {
    id: "lxd-qemu",
    product: "KVM user space",
    layer: "user space",
    gravity: "blocks",
    needle: [
      "failed to run feature checks",
      "qemu command not available",
      "vsock support is missing",
      "vsock kernel module",
    ],
    pattern:
      /QEMU failed to run feature checks|QEMU command not available for CPU architecture|(?:Instance type|not supported on this server)[^\n]{0,60}v(?:host_v)?sock (?:support is missing|kernel module not loaded)/i,
    what: "LXD or Incus looks for /dev/kvm first, and found it; then for vhost_vsock, and then it starts QEMU once to see what it can do. One of these two failed, so VT-x is not the reason.",
    causes: [
      "QEMU is not installed, is too old, or lacks what is asked for (machine q35, firmware, devices in packages of their own).",
      "QEMU could not open /dev/kvm, because another hypervisor has it or the rights do not allow it.",
    ],
    steps: [
      {
        text: "Start QEMU as it does; what it prints is the reason.",
        commands: ["qemu-system-x86_64 -machine q35,accel=kvm -cpu host -display none -S", "ls -l /dev/kvm /dev/vsock"],
      },
      {
        text: "Then start it again, as it looks once only.",
        commands: ["sudo systemctl restart incus || sudo snap restart lxd"],
      },
    ],
    source: {
      message: "lxc/incus#475, #1516, #894",
      meaning: "Incus, internal/server/instance/drivers/driver_qemu.go",
    },
  },
  {
    id: "lxd-no-vm",
    product: "KVM user space",
    layer: "host operating system",
    gravity: "blocks",
    needle: "is not supported on this server",
    pattern:
      /Instance type "?virtual-machine"? is not supported on this server(?!: (?:KVM support is missing|QEMU |v(?:host_v)?sock ))/i,
    what: "LXD or Incus found at its start that the server cannot run virtual machines, and looks again only when it is started again.",
    causes: [
      "vhost_vsock could not be loaded (in a VMware guest its own vsock is in the way), or QEMU is missing.",
      "There was no /dev/kvm at that time.",
    ],
    steps: [
      {
        text: "Ask it, and load what is missing.",
        commands: ["lxc warning list", "sudo modprobe vhost_vsock; ls -l /dev/kvm"],
      },
      { text: "Start it again.", commands: ["sudo snap restart lxd"] },
      LOAD_KVM,
    ],
    source: { message: "canonical/lxd#10078", meaning: "canonical/lxd#10078 (vhost-vsock), #14425" },
  },
  {
    id: "drakvuf-altp2m",
    product: "Xen",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["altp2m", "hvm single step", "xen_start_single_step", "register singlestep"],
    pattern:
      /Failed to set HVM_PARAM_ALTP2M|xc_altp2m_switch_to_view returned rc: -\d{1,3}|Failed to enable altp2m on domain|Altp2m enabled\? -1|xen_start_single_step error[^\n]{0,60}|Failed to register singlestep|Error -\d{1,3} setting HVM single step/i,
    what: "DRAKVUF (or another user of LibVMI) needs several EPT views (altp2m) and single steps by the monitor trap flag of Xen, and Xen refused one of them.",
    causes: [
      "altp2m is not switched on: it needs altp2m=1 on Xen's command line and altp2m=2 (before 4.9 altp2mhvm=1) in the domain's file.",
      "The CPU that Xen sees has no EPT or no monitor trap flag (processor-based control, bit 27): VirtualBox gives its guests none, VMware does with nested VT-x on.",
    ],
    steps: [
      {
        text: "See what Xen found and which options it got.",
        commands: ["xl dmesg | grep -iE 'altp2m|command line|EPT|VMX'", "grep altp2m /etc/xen/*.cfg"],
      },
      ENABLE_OUTER,
    ],
    source: {
      message: "tklengyel/drakvuf#70, #1586, #1600, #1657, #1701",
      meaning:
        "tklengyel/drakvuf#375, #648 (altp2m), #1586 (no monitor trap flag in VirtualBox), #1600 (nested VT-x in VMware)",
    },
  },
  {
    id: "vmm-faulty-msr",
    product: "KVM user space",
    layer: "KVM at run time",
    gravity: "degrades",
    needle: ["detected faulty msr", "failed to write msr", "msrs were not", "set all kvm msrs", "failed to set msr"],
    pattern:
      /Detected faulty MSR (?<msr>0x[0-9a-f]{1,8}) while (?:setting|getting) MSRs|^[^\n]{0,80}Failed to (?:write|set) MSRs?\b(?! 0x| (?:of|because))|[Ff]ailed to set all KVM MSRs/i,
    what: "KVM refused to set (or read) an MSR of the virtual CPU; KVM stops at the first one in the list that it refuses, and the program leaves that one out or gives up.",
    causes: [
      "0x4b564d00 to 0x4b564dff are KVM's own: the feature is not in the guest's CPUID, or the host's KVM lacks it.",
      "0x480 to 0x491: the guest has VMX, and the value is not what KVM of this host offers.",
      "A snapshot from another CPU, kernel or microcode.",
    ],
    steps: [
      {
        text: "If it is one of the VMX registers, ask with the value.",
        commands: ["vmxlens explain 'failed to set MSR 0x48d to 0x9600000016'"],
        instead: {
          is: "MSRs of KVM's own",
          text: "They are KVM's own (0x4b564d..), not VMX: restore the guest under a KVM that offers the same in CPUID 0x40000001, or start it anew.",
        },
      },
      { ...KERNEL_LOG, unless: ["MSRs of KVM's own"] },
    ],
    source: {
      message: "virt-pvm/linux#2, awslabs/snapchange#3",
      meaning: "cloud-hypervisor/cloud-hypervisor#1543; Linux, Documentation/virt/kvm/api.rst (KVM_SET_MSRS)",
    },
  },
  {
    id: "kvm-module-not-loaded",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "module not loaded",
      "modules are not loaded",
      "module is not loaded",
      "cannot host kvm containers",
      "cpu affinity is not supported",
      "modules not loaded",
    ],
    pattern:
      /(?<!\b(?:if|whether|unless) [^.\n]{0,100})\bkvm(?:_intel|_amd)?(?: kernel)? modules? (?:is |are )?not loaded|cannot host kvm containers|operation is not valid: cpu affinity is not supported/i,
    what: "A program needs KVM and found none: its module is not loaded, or the program works with plain emulation (virt_type qemu).",
    causes: [
      "kvm_intel refused to load: VT-x is off, or this is a virtual machine that is not given it.",
      "nova and its like were set to virt_type=qemu, because KVM was missing when they were installed.",
    ],
    where: [
      {
        is: "in dom0",
        what: "This is Xen's dom0: Xen itself uses VT-x, so kvm_intel is rightly not loaded there, and what a check says about KVM (its module, its EPT, its L1D flush) says nothing about this machine. Xen has its own.",
        gravity: "informs",
        steps: [
          {
            text: "Ask Xen: what it found of VT-x, and what it does against L1TF and its like.",
            commands: [
              "xl info | grep -E 'virt_caps|hw_caps'",
              "sudo xl dmesg | grep -iE 'vmx|hvm|ept|l1tf|flush|spec'",
            ],
          },
        ],
      },
    ],
    steps: [LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "Ubuntu-Solutions-Engineering/openstack-installer#852, #971; xx-sec/xx-sec#5",
      meaning: "Ubuntu-Solutions-Engineering/openstack-installer#852; xx-sec/xx-sec#5",
    },
  },
  {
    id: "libvirt-xml-feature",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: ["specified more than once", "specified without cpu model"],
    pattern:
      /CPU feature ['"]?(?<name>[\w.-]{1,60})['"]? specified more than once|(?:Non-empty feature list|CPU (?:vendor|fallback|vendor_id)) specified without CPU model/i,
    what: "The <cpu> part of the XML contradicts itself, so libvirt refuses the machine: a feature is in it twice, or features, a vendor or a fallback without a model. The host was not checked.",
    causes: [
      "A tool adds the feature on its own: `libvirt.nested = true` of Vagrant adds vmx, so that naming it again is one too many.",
      "Features without a <model>, or a vendor or a fallback, refine nothing; features alone go with mode='host-model' or 'host-passthrough'. A tool that changes the mode of a machine that is defined already leaves the rest behind.",
    ],
    steps: [
      {
        text: "Look at what is defined, and keep each feature once.",
        commands: ["virsh dumpxml NAME | sed -n '/<cpu/,/<.cpu>/p'"],
      },
      {
        text: "For a guest that runs virtual machines this is enough.",
        commands: ["<cpu mode='host-passthrough'/>"],
        unless: ["other guest"],
      },
    ],
    source: {
      message: "vagrant-libvirt/vagrant-libvirt#866, #98",
      meaning: "libvirt, src/conf/cpu_conf.c; vagrant-libvirt/vagrant-libvirt#866",
    },
  },
  {
    id: "minikube-libvirt",
    product: "KVM user space",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["pr_kvm_user_permission", "pr_kvm_create_perm", "pr_kvm_socket"],
    pattern: /\bPR_KVM_(?:USER_PERMISSION|CREATE_PERM|SOCKET)\b/,
    what: "minikube's kvm2 driver may not use libvirt: its daemon does not run, or the user is not in its group. VT-x is not in question.",
    steps: [
      {
        text: "Start libvirt, join its group, and log in again.",
        commands: [
          "sudo systemctl start libvirtd || sudo systemctl start virtqemud",
          "sudo usermod -aG libvirt $USER",
          "virsh -c qemu:///system list",
        ],
      },
    ],
    source: { message: "minikube, pkg/minikube/reason", meaning: "minikube, pkg/minikube/reason/known_issues.go" },
  },
  {
    id: "minikube-kvm-reason",
    product: "KVM user space",
    layer: "KVM load",
    gravity: "blocks",
    needle: ["pr_kvm_", "kvm2_", "host does not support kvm", "is conflicting with kvm"],
    pattern:
      /\bPR_KVM_(?:CAPABILITIES|MSR|CREATE_BUSY)\b|host does not support KVM virtualization|Another hypervisor, such as VirtualBox, is conflicting with KVM/i,
    what: "minikube's kvm2 driver sorted the failure of libvirt or QEMU: CAPABILITIES no usable KVM, CREATE_BUSY another hypervisor holds VT-x, MSR a QEMU that sets an MSR which KVM refuses (nested).",
    causes: [
      "kvm_intel is not loaded: VT-x is off in the firmware, or this is a virtual machine that is not given it.",
      "CREATE_BUSY: VirtualBox or VMware runs.",
    ],
    steps: [{ text: "Ask libvirt.", commands: ["virt-host-validate qemu"] }, LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: { message: "minikube, pkg/minikube/reason", meaning: "minikube, pkg/minikube/reason/known_issues.go" },
  },
  {
    id: "libvirt-cpu-map",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: ["required by cpu model", "unknown host cpu"],
    pattern:
      /Feature (?<name>[\w.-]{1,60}) required by CPU model (?<model>[\w.-]{1,60}) not found|unknown host CPU(?: model)?/i,
    what: "libvirt's own list of CPU models does not hold together here: a model names a feature that the list does not have, or no model at all fits the host.",
    causes: [
      "The files of /usr/share/libvirt/cpu_map and the running daemon are of different versions: it was updated and not restarted, or two versions are installed over each other.",
      "`unknown host CPU`: a 32-bit host or a CPU (of a virtual machine) to which no model of the list fits.",
    ],
    steps: [
      {
        text: "Compare versions, restart the daemon, and let it probe again.",
        commands: [
          "virsh version --daemon; ls /usr/share/libvirt/cpu_map | head",
          "sudo rm -rf /var/cache/libvirt/qemu/capabilities; sudo systemctl restart libvirtd || sudo systemctl restart virtqemud",
        ],
      },
      { text: "Do without the model meanwhile.", commands: ["<cpu mode='host-passthrough'/>"] },
    ],
    source: {
      message: "libvirt/libvirt#92; cockpit-project/cockpit#8385",
      meaning: "libvirt, src/cpu/cpu_x86.c (x86ModelParseFeatures), gitlab issue 541",
    },
  },
  {
    id: "cloud-nested-policy",
    product: "tool",
    layer: "user space",
    gravity: "blocks",
    needle: "compute.disablenestedvirtualization",
    pattern: /\bconstraints?\/compute\.disableNestedVirtualization\b[^\n]{0,20}\b(?:violated|enforced)\b/i,
    what: "A policy of the Google Cloud organization forbids nested virtualization in this project: the instance was not made, and no CPU was looked at.",
    steps: [
      {
        text: "See the policy, and have an administrator of the organization lift it for the project.",
        commands: [
          "gcloud resource-manager org-policies describe compute.disableNestedVirtualization --effective --project PROJECT",
          "gcloud resource-manager org-policies disable-enforce compute.disableNestedVirtualization --project PROJECT",
        ],
      },
    ],
    source: {
      message: "Google Cloud, organization policy constraints",
      meaning: "Google Cloud, Compute Engine, nested virtualization (organization policy)",
    },
  },
  {
    id: "windbg-vmread",
    product: "VMX",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["cpu exception occurred with the vm"],
    pattern: /CPU exception occurred with the VM(?:READ|WRITE) instruction/i,
    what: "The debugger script executed VMREAD on a CPU that was not in VMX root operation at that moment (or has no current VMCS), which faults with #UD.",
    causes: [
      "The break came before the hypervisor executed VMXON, on a processor that it has not started yet, or while a guest runs.",
    ],
    steps: [
      {
        text: "Break again inside the hypervisor on a processor that has a current VMCS; restart the target, its state is lost.",
      },
      KERNEL_LOG,
    ],
    source: { message: "tandasat/hvext#2", meaning: "Intel SDM volume 3C, VMREAD (#UD outside VMX operation)" },
  },
] as const satisfies readonly MessageRow[];
