import type { MessageRow } from "../../../answers/message.js";
import { FEAT_CTL_AT_BOOT } from "../../../linux/changes.js";
import { releaseOf } from "../../../rules/held.js";
import {
  DROP_VMX,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  JOIN_KVM,
  KERNEL_LOG,
  LOAD_KVM,
  PASS_DEVICE,
} from "../shared-advice.js";

const RESTART_LIBVIRT = "sudo systemctl restart libvirtd || sudo systemctl restart virtqemud";
const SPECIFICATION = "libvirt, src/qemu/qemu_process.c and src/cpu/cpu_x86.c";

export const LIBVIRT_MESSAGES = [
  {
    id: "libvirt-missing-features",
    product: "libvirt",
    layer: "nested KVM",
    gravity: "blocks",
    needle: ["match specification", "missing features"],
    list: true,
    pattern:
      /(?:guest CPU )?doesn't match specification(?:: (?:extra features: (?<extra2>[\w.,+-][\w.,+ -]{0,4000}?)[,;] ?)?missing features: (?<missing>[a-z0-9][\w.,+ -]{0,4000}?))?(?:[:,;]? ?extra features: (?<extra>[a-z0-9][\w.,+-]{0,4000}))?(?=$|['"`\\):;]|\.\s|\.$|(?<!,)\s(?![\w.-]*,))|\bmissing features:? (?=[\w., +-]{0,400}\bvmx)(?<missing2>[a-z0-9][\w.,+ -]{0,4000}?)(?=$|['"`\\):;]|\.\s|\.$|(?<!,)\s(?![\w.-]*,))/i,
    what: "libvirt compared the CPU that QEMU gave the guest with the one in the XML, and they differ.",
    decoder: "feature-list",
    depends: ["for a migration: the kernel, QEMU and CPU of the target host; for a start: those of this host"],
    steps: [],
    source: {
      message: "kubevirt/kubevirt#12519, harvester/harvester#3015, OpenNebula/one#1688",
      meaning: SPECIFICATION,
    },
  },
  {
    id: "libvirt-host-lacks",
    product: "libvirt",
    layer: "nested KVM",
    gravity: "blocks",
    needle: ["does not provide required features", "incompatible with host cpu: "],
    list: true,
    // libvirt speaks other languages, too.
    pattern:
      /(?:Host CPU does not provide required features: |CPU is incompatible with host CPU: (?!Host CPU )[^\n:：]{2,60}[:：] ?(?=[a-z0-9_.-]{2,24},))(?<missing>[a-z0-9][\w.,+ -]{0,4000}?)(?=$|['"`\\);]|\.\s|\.$)/i,
    what: "The XML requires features that this host cannot give to guests, so libvirt does not start the machine.",
    decoder: "feature-list",
    steps: [],
    source: { message: "vagrant-libvirt/vagrant-libvirt#667", meaning: SPECIFICATION },
  },
  {
    id: "libvirt-target-differs",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "does not match source",
    pattern:
      /Target (?:CPU (?<part>feature count|model|arch|vendor|type|mode|check|sockets|cores|threads|feature \S{1,40})|domain CPU count)[^\n]{0,60} does not match source[^\n]{0,60}/i,
    what: "libvirt compared the guest's definition on both sides before the migration or the change, and its CPU is not the same: host-model was expanded on two different hosts, or the definition was edited. No CPU was asked for a feature yet.",
    steps: [
      {
        text: "Give the guest a named model that all hosts have, or hand in the definition of the running guest.",
        commands: ["virsh domcapabilities | grep -A3 \"usable='yes'\"", "virsh dumpxml --migratable NAME"],
      },
      {
        text: "See whether the guest may go to a host.",
        commands: ["vmxlens migrate GUEST.xml HOST"],
        instead: {
          is: "snapshot of a guest",
          text: "A snapshot is reverted to all the same with --force, which starts a new QEMU in place of the running one.",
          commands: ["virsh snapshot-revert NAME SNAPSHOT --force"],
        },
      },
    ],
    source: { message: "libvirt, src/conf (domain ABI check)", meaning: "libvirt, src/conf/cpu_conf.c" },
  },
  {
    id: "libvirt-unknown-vmx-feature",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "unknown cpu feature",
    pattern: /unknown CPU feature:? ['"]?(?<missing>vmx-[\w.-]{1,60})/i,
    what: "This libvirt does not know the CPU feature {missing}: it is older than the name, or the name is misspelt.",
    decoder: "feature-list",
    steps: [
      {
        text: "List the names that this libvirt knows.",
        commands: ["grep -o \"name='vmx-[a-z0-9-]*'\" /usr/share/libvirt/cpu_map/x86_features.xml | sort"],
      },
      {
        text: "libvirt has vmx-* names since 10.1 (before, it left them to QEMU): pass older ones through QEMU's command line.",
      },
    ],
    source: { message: "libvirt, src/cpu/cpu_x86.c", meaning: "libvirt, src/cpu_map/x86_features.xml" },
  },
  {
    id: "libvirt-unknown-feature",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "unknown cpu feature",
    pattern: /unknown CPU feature:? ['"]?(?<missing>[\w.-]{1,60})/i,
    decoder: "feature-list",
    what: "This libvirt does not know the CPU feature {missing}, which is not VMX: its CPU map lacks the name, or has another one for it.",
    causes: [
      "The XML, or the host of a migration that sends it, comes from another libvirt, older or newer, with other names.",
    ],
    steps: [
      {
        text: "See whether the CPU map has the name, on both hosts (libvirt before 4.8 keeps all in one cpu_map.xml).",
        commands: [
          "grep -rn \"name='{missing}'\" /usr/share/libvirt/cpu_map/x86_features.xml /usr/share/libvirt/cpu_map.xml",
        ],
      },
      {
        text: "Bring both hosts to the same libvirt, or take the feature out of the guest's CPU, where it is listed by name.",
        commands: ["virsh dumpxml GUEST | grep -n -e '{missing}'"],
      },
    ],
    source: {
      message:
        "libvirt, src/cpu/cpu_x86.c; Red Hat bug 1867127; Intel, 01.org, live migration with CPU feature analysis",
      meaning: "libvirt, src/cpu_map/x86_features.xml",
    },
  },
  {
    id: "libvirt-no-daemon",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: ["libvirt-sock", "virtqemud-sock", "libvirtd service", "detect a default hypervisor"],
    group: "libvirt-no-daemon",
    pattern:
      /['"(]?[\w./-]{0,80}(?:libvirt|virtqemud)-sock[\w-]{0,10}['")]{0,2}: (?:No such file or directory|Connection refused|Permission denied|Operation not permitted)|libvirtd service (?:does not appear to be|is not) (?:installed|running)|Could not detect a default hypervisor/i,
    what: "No libvirt daemon answers: it is not installed, does not run, or the user may not talk to it (`Permission denied`). KVM was not asked yet: VT-x is not the reason.",
    steps: [
      {
        text: "Install and start it, join its group, and log in again.",
        commands: [
          "sudo systemctl enable --now libvirtd || sudo systemctl enable --now virtqemud.socket",
          "sudo usermod -aG libvirt $USER",
        ],
      },
    ],
    source: {
      message: "rcbops/chef-cookbooks#809, clearlinux/distribution#2192, projectbluefin/bluefin#1222",
      meaning: "libvirt, src/rpc/virnetsocket.c; virt-manager",
    },
  },
  {
    id: "vfio-no-iommu",
    product: "KVM user space",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["passthrough of host pci", "is not viable", "pci backend driver"],
    pattern:
      /host doesn't support passthrough of host PCI devices|vfio[^\n]{0,60} group \d{1,4} is not viable|PCI backend driver '\w{1,12}' is not supported/i,
    what: "A device cannot be given to the guest: that needs the IOMMU (VT-d, on AMD AMD-Vi) and every device of the group bound to vfio-pci. VT-x is another switch, and is not the reason.",
    steps: [
      {
        text: "Switch the IOMMU on in the firmware setup and on the kernel's command line, and look at the groups.",
        commands: [
          "intel_iommu=on   # on the kernel's command line",
          "sudo dmesg | grep -iE 'DMAR|IOMMU|AMD-Vi'; find /sys/kernel/iommu_groups -type l",
        ],
      },
    ],
    source: {
      message: "NVIDIA/deepops#291, BigAnteater/KVM-GPU-Passthrough#19, QaidVoid/Complete-Single-GPU-Passthrough#14",
      meaning: "libvirt, src/hypervisor/virhostdev.c; QEMU, hw/vfio",
    },
  },
  {
    id: "libvirt-mode-without-kvm",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "is not supported by hypervisor",
    pattern:
      /CPU mode '(?<mode>[\w-]{1,30})' for (?<arch>\w{1,12}) qemu domain on (?<host>\w{1,12}) host is not supported by hypervisor/,
    what: "The domain ({arch} on {host}) has the type `qemu`, so it runs without KVM, and a CPU of the mode {mode} needs KVM: libvirt refuses it. No VMX capability is missing.",
    causes: [
      "The XML says type='qemu', or what made it (KubeVirt with useEmulation, Nova with virt_type=qemu) found no /dev/kvm.",
    ],
    steps: [
      {
        text: "Where there is KVM, use it; where there is none, take a named CPU model.",
        commands: ["ls -l /dev/kvm", "<domain type='kvm'>", "<cpu mode='maximum'/>"],
      },
    ],
    source: {
      message: "kubevirt/kubevirt#13625",
      meaning: "libvirt, src/qemu/qemu_process.c (qemuProcessUpdateGuestCPU); libvirt, formatdomain.rst (cpu mode)",
    },
  },
  {
    id: "libvirt-no-device",
    product: "libvirt",
    layer: "KVM load",
    gravity: "blocks",
    needle: "domain requires kvm",
    pattern: /Domain requires KVM, but it is not {1,3}available/,
    what: "There is no /dev/kvm: libvirt looked for that file when the guest was started. kvm_intel is not loaded, or was removed.",
    outcome: "no device",
    where: [
      {
        is: "/dev/kvm exists",
        what: "There was no /dev/kvm where libvirt runs when it started the guest; /dev/kvm is there now.",
        steps: [{ text: "Start the guest again.", commands: ["virsh start DOMAIN"] }],
      },
      {
        is: "KVM's module loaded",
        what: "There is no /dev/kvm where libvirt runs. The text shows KVM's module loaded, so this libvirt runs elsewhere: in a guest that is given no VT-x, or in a container without the device.",
        outcome: "no device",
        steps: [PASS_DEVICE],
      },
    ],
    steps: [LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "virt-manager/virt-manager#481",
      meaning: "libvirt, src/qemu/qemu_process.c (qemuProcessStartValidate)",
    },
  },
  {
    id: "libvirt-no-kvm-capabilities",
    product: "libvirt",
    layer: "KVM load",
    gravity: "blocks",
    needle: [
      "domaintype=kvm",
      "does not support virtualization type",
      "does not support virt type",
      "does not support domain type",
      "invalid domain type",
      "could not find capabilities",
      "kvm is not supported by",
      "accel 'kvm' is not supported",
      "could not get preferred machine",
      "is not supported by hypervisor",
      "does not support virtualisation type",
      "host does not support virtuali",
    ],
    pattern:
      /(?:could not find capabilities for (?:[\w=]{1,30} ){0,3}domaintype=kvm|[Hh]ost does not support (?:virtuali[sz]ation type|domain type) ['"]?(?:hvm|kvm)|Emulator '[^']{1,80}' does not support virt type 'kvm'|(?:KVM|the accel 'kvm') is not supported by '[^']{1,80}' on this host|could not get preferred machine for \S{1,80} type=kvm|\b(?:virsh|virt-manager|virt-install|libvirtd?|[Cc]ockpit)\b[^\n]{0,40}\bhost does not support (?:any )?virtuali[sz]ation\b(?! type)|CPU mode '[\w-]{1,30}' for (?!aarch64|arm)\w{1,12} kvm domain on \w{1,12} host is not supported by hypervisor)/,
    what: "libvirt found no usable KVM when it probed the host.",
    causes: [
      "/dev/kvm was not there, or libvirt's QEMU could not open it, when libvirtd started.",
      "It was there later only: libvirt keeps the capabilities that it probed.",
      "QEMU, or its program for this architecture, is not installed: then libvirt has nothing that could use KVM.",
    ],
    where: [
      {
        is: "/dev/kvm exists",
        what: "libvirt found no usable KVM when it probed the host, and keeps what it found; /dev/kvm is there now.",
        steps: [
          { text: "Let libvirt probe again.", commands: [RESTART_LIBVIRT] },
          {
            text: "Where that changes nothing, see whether its QEMU is there and may open the device.",
            commands: ["virt-host-validate qemu", "virsh domcapabilities --virttype kvm | head"],
          },
        ],
      },
    ],
    steps: [
      {
        text: "Ask libvirt what it misses.",
        commands: [
          "virt-host-validate qemu",
          "ls -l /dev/kvm; grep -E '^(user|group) ?=' /etc/libvirt/qemu.conf   # its QEMU has to be in the group of /dev/kvm",
        ],
      },
      {
        text: "Load KVM, then let libvirt probe again.",
        commands: ["sudo modprobe kvm_intel", RESTART_LIBVIRT],
        unless: ["in a cloud", "/dev/kvm exists"],
        instead: [
          {
            is: "KVM runs a guest",
            text: "KVM works there without libvirt: let libvirt probe again.",
            commands: [RESTART_LIBVIRT],
          },
          { is: "KVM's module loaded", text: "KVM is loaded: let libvirt probe again.", commands: [RESTART_LIBVIRT] },
        ],
      },
      { ...KERNEL_LOG, unless: ["KVM runs a guest"] },
    ],
    source: {
      message: "virt-manager/virt-manager#481, kubernetes/minikube#2991, kubevirt/kubevirt#8604",
      meaning: "libvirt, src/conf/capabilities.c, src/qemu/qemu_capabilities.c",
    },
  },
  {
    id: "libvirt-qemu-version",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "version number in '",
    pattern: /cannot parse \S{1,80}\s{1,8}version number in '/,
    what: "libvirt cannot read the version that this QEMU prints, so it knows no QEMU and no KVM on the host. This libvirt is older than the QEMU; VT-x is not involved.",
    steps: [{ text: "Update libvirt, or install the QEMU that was released with it, and start libvirt again." }],
    source: {
      message: "libvirt, src/qemu/qemu_capabilities.c (qemuCapsParseHelpStr)",
      meaning: "libvirt 0.9.8 (commit dd8e8956), which reads versions of two numbers",
    },
  },
  {
    id: "libvirt-arm-cpu-mode",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: "is not supported by hypervisor",
    pattern:
      /CPU mode '(?<mode>[\w-]{1,30})' for (?:aarch64|arm)\w{0,6} kvm domain on \w{1,12} host is not supported by hypervisor/,
    what: "libvirt has no CPU mode {mode} for guests of KVM on ARM, as there are no named models of ARM CPUs. KVM itself is not the reason, and VT-x is of x86 alone.",
    steps: [
      {
        text: "Give the guest the CPU of its host.",
        commands: ["<cpu mode='host-passthrough'/>", "cpu_mode = host-passthrough   # nova.conf, [libvirt]"],
      },
    ],
    source: {
      message: "openstack/nova 73f1fda7e933",
      meaning: "openstack/nova 73f1fda7e933; libvirt, src/cpu/cpu_arm.c",
    },
  },
  {
    id: "kubevirt-no-node",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: ["nosuitablenodesforhostmodelmigration", "no node is suitable to run the required cpu model"],
    pattern: /NoSuitableNodesForHostModelMigration|no node is suitable to run the required CPU model/i,
    what: "KubeVirt finds no other node with the labels of the CPU model and features that the machine was started with, so it cannot migrate.",
    causes: [
      "host-model turned the source node's features into requirements; one missing feature on every other node is enough.",
    ],
    steps: [
      {
        text: "Compare the labels of the nodes.",
        commands: ["kubectl get nodes --show-labels | tr ',' '\\n' | grep -E 'host-model|cpu-feature.*vmx'"],
      },
      {
        text: "Give machines a named model that all nodes have, and turn VMX features off if no guest nests.",
        commands: ["spec.domain.cpu: { model: Cascadelake-Server, features: [ { name: vmx, policy: disable } ] }"],
      },
    ],
    source: { message: "harvester/harvester#3015", meaning: "harvester/harvester#3015, #5603; kubevirt/kubevirt#7770" },
  },
  {
    id: "nova-cpu-model",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    needle: ["requested cpu model", "configured cpu model"],
    pattern:
      /(?:Requested|Configured) CPU model:? '?(?<model>[\w.-]{2,40})'? (?:is )?not (?:supported by|compatible with) (?:the )?host/i,
    what: "This node's CPU, with its KVM and QEMU, lacks features of the CPU model {model}, which nova has to give its guests. VT-x is there; libvirt names the features.",
    steps: [
      {
        text: "See which models the node can give, and what the model lacks here.",
        commands: [
          "virsh domcapabilities --virttype kvm | grep -E \"usable='(yes|no)'\"",
          "virsh hypervisor-cpu-compare cpu.xml --error",
        ],
      },
      {
        text: "Name a model that every node has.",
        commands: ["# nova.conf", "[libvirt]", "cpu_mode = custom", "cpu_models = Skylake-Server-IBRS"],
      },
    ],
    source: { message: "OpenStack, nova/virt/libvirt/driver.py", meaning: "OpenStack documentation, CPU models" },
  },
  {
    id: "nova-cpu-compare",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    generic: true,
    needle: ["unacceptable cpu info", "cpu doesn't have compatibility"],
    group: "nova-cpu-compare",
    pattern: /Unacceptable CPU info(?:: CPU doesn't have compatibility)?|CPU doesn't have compatibility/i,
    what: "Before a live migration nova asks libvirt on the destination whether its CPU can run what the guest has (virConnectCompareCPU), and the answer was no (0).",
    causes: [
      "The destination's CPU or KVM lacks features that the source gave the guest: cpu_mode is host-model or host-passthrough on hosts that differ.",
      "The comparison is with the bare host CPU, not with what QEMU can give: with host-model it refuses even hosts that are alike, although the migration would work.",
    ],
    steps: [
      {
        text: "Ask libvirt on the destination itself, with what QEMU can give.",
        commands: ["virsh hypervisor-cpu-compare cpu.xml", "virsh cpu-compare cpu.xml --error"],
      },
      {
        text: "If the hosts differ, give all nodes one named model that each has in full.",
        commands: ["# nova.conf", "[libvirt]", "cpu_mode = custom", "cpu_models = MODEL"],
      },
      {
        text: "If they are alike, let nova skip its own comparison; libvirt checks again when the migration starts.",
        commands: ["# nova.conf on the compute nodes", "[workarounds]", "skip_cpu_compare_on_dest = true"],
      },
    ],
    source: {
      message: "openstack-k8s-operators/nova-operator#1001",
      meaning:
        "openstack-k8s-operators/nova-operator#1001; nova bug 2039803; OpenStack documentation on skip_cpu_compare_on_dest",
    },
  },
  {
    id: "virsh-cpu-compare",
    product: "libvirt",
    layer: "silicon",
    gravity: "informs",
    needle: "cpu described in",
    pattern:
      /CPU described in (?<file>\S{1,120}) is incompatible with (?:host CPU|the CPU provided by hypervisor on the host)/i,
    what: "virsh cpu-compare: this host lacks features of the CPU in {file}; with --error it names the first of them.",
    steps: [
      {
        text: "Compare with what QEMU and KVM can give, and let libvirt name what is missing.",
        commands: ["virsh hypervisor-cpu-compare {file} --error", "virsh hypervisor-cpu-baseline ALL-HOSTS.xml"],
      },
    ],
    source: { message: "libvirt, tools/virsh-host.c", meaning: "libvirt, src/cpu/cpu_x86.c (virCPUx86Compare)" },
  },
  {
    id: "virt-host-validate",
    product: "tool",
    layer: "KVM load",
    gravity: "blocks",
    needle: "hardware virtualization",
    group: "virt-host-validate",
    pattern: /QEMU: Checking for hardware virtualization\s{0,80}: (?:FAIL|WARN)(?: \([^)]{0,200})?/i,
    what: "virt-host-validate found no usable hardware virtualization.",
    causes: [
      `The flags line has no vmx: not a CPU with VT-x, switched off in the firmware (since Linux ${releaseOf(FEAT_CTL_AT_BOOT)} the flag is gone then), or hidden by an outer hypervisor.`,
    ],
    steps: [
      {
        text: "See what Linux makes of the CPU.",
        commands: ["grep -m1 -o vmx /proc/cpuinfo; sudo dmesg | grep -iE 'x86/cpu|kvm'"],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "kubernetes/minikube#4508, kubevirt/kubevirt#8604, #10605",
      meaning: "libvirt, tools/virt-host-validate-common.c",
    },
  },
  {
    id: "virt-host-no-device",
    product: "tool",
    layer: "KVM load",
    gravity: "blocks",
    group: "virt-host-validate",
    needle: ["/dev/kvm exists", "/dev/kvm' exists"],
    pattern: /QEMU: Checking if device '?\/dev\/kvm'? exists\s{0,80}: (?:FAIL|WARN)(?: \([^)]{0,200})?/i,
    what: "virt-host-validate found no /dev/kvm: no module of KVM is loaded.",
    outcome: "no device",
    steps: [LOAD_KVM, ENABLE_FIRMWARE, ENABLE_OUTER],
    source: {
      message: "kubevirt/kubevirt#10605",
      meaning: "libvirt, tools/virt-host-validate-common.c",
    },
  },
  {
    id: "virt-host-no-access",
    product: "tool",
    layer: "user space",
    gravity: "blocks",
    group: "virt-host-validate",
    needle: ["/dev/kvm is accessible", "/dev/kvm' is accessible"],
    pattern: /QEMU: Checking if device '?\/dev\/kvm'? is accessible\s{0,80}: (?:FAIL|WARN)\b/i,
    what: "virt-host-validate may not open /dev/kvm as this user. libvirtd opens it as another one; as root the check says whether it can be opened at all.",
    steps: [JOIN_KVM, { text: "Check again as root.", commands: ["sudo virt-host-validate qemu"] }],
    source: {
      message: "kubernetes/minikube#5011",
      meaning: "libvirt, tools/virt-host-validate-common.c (virHostValidateDeviceAccessible)",
    },
  },
  {
    id: "libvirt-features-removed",
    product: "libvirt",
    layer: "user space",
    gravity: "blocks",
    generic: true,
    needle: ["cpu is incompatible with host cpu", "cpu is not compatible with host cpu", "cpu are not compatible"],
    pattern:
      /CPU is incompatible with host CPU|guest CPU is not compatible with host CPU|guest and host CPU are not compatible/i,
    what: "This host cannot provide the CPU of the XML.",
    causes: [
      "The XML names a model or a feature that this host does not have; a machine that was copied from another host keeps that host's CPU.",
      "A feature that every model demands is off in the firmware (nx, Execute Disable, is the classical one), so libvirt identifies the CPU as a much older one.",
    ],
    depends: ["the rest of the line names the features"],
    steps: [
      { text: "See what the host offers.", commands: ["virsh domcapabilities | sed -n '/<cpu>/,/<.cpu>/p'"] },
      {
        text: "See whether Linux has nx: without it libvirt treats the CPU as a much older one. Where it is missing, switch Execute Disable (NX, XD) on in the firmware setup.",
        commands: ["grep -m1 -ow nx /proc/cpuinfo"],
        instead: { is: "vmx asked for", ...DROP_VMX },
      },
    ],
    source: { message: "vagrant-libvirt/vagrant-libvirt#667", meaning: SPECIFICATION },
  },
] as const satisfies readonly MessageRow[];
