import type { Advice, MessageRow } from "../../../answers/message.js";
import { NOT_REPLAYED } from "../../../kvm/not-replayed.js";
import { releaseOf } from "../../../rules/held.js";
import { VBOX_LOG } from "../../decoders/vbox-status.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  FIRMWARE_FOUND_OFF,
  HYPERV_OFF,
  LOOK_UP_CPU,
  OFF_IN_FIRMWARE,
  READ_FEAT_CTL,
  WHO_USES_VMX,
} from "../shared-advice.js";

/** Since when KVM enables VT-x and AMD-V as soon as its module is loaded. */
const AT_LOAD = releaseOf(NOT_REPLAYED.virtAtLoad.held.since);

const HMVMX = "VirtualBox, src/VBox/VMM and src/VBox/HostDrivers/Support/SUPDrv.c";
const IN_USE = {
  text: `Unload the other hypervisor; on Linux ${AT_LOAD} and later KVM enables VT-x as soon as its module is loaded.`,
  commands: [
    "sudo modprobe -r kvm_intel",
    "echo 'blacklist kvm_intel' | sudo tee /etc/modprobe.d/no-kvm.conf",
    "# or, on the kernel command line, to let KVM take VT-x only while a guest runs:",
    "kvm.enable_virt_at_load=0",
  ],
  unless: ["on Windows", "macOS"],
} as const satisfies Advice;

/** Whose CPU it is, the message does not say. */
const KVM_AWAY: Advice = {
  text: `On Linux ${AT_LOAD} and later KVM takes VT-x (or AMD-V) as soon as its module is loaded: unload it, and start the machine again.`,
  commands: ["lsmod | grep kvm", "sudo modprobe -r kvm_intel; sudo modprobe -r kvm_amd"],
  unless: ["on Windows", "macOS"],
};

export const VIRTUALBOX_MESSAGES = [
  {
    id: "vbox-all-vmx-disabled",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "blocks",
    needle: ["all_vmx_disabled", "disabled in the bios fo"],
    pattern: /VERR_VMX_MS[RX][_-]ALL_VMX_DISABLED|VT-x is disabled in the BIOS for? (?:both )?all CPU modes/i,
    group: "vbox-all-vmx-disabled",
    what: "IA32_FEATURE_CONTROL is locked with VMX off both inside and outside SMX: the firmware has VT-x switched off.",
    causes: [
      OFF_IN_FIRMWARE,
      causeIf(
        "Windows",
        "On Windows with Hyper-V: VirtualBox sees the register as Hyper-V shows it to its own root partition.",
      ),
    ],
    steps: [FIRMWARE_FOUND_OFF, HYPERV_OFF],
    source: { message: "kubernetes/minikube#4378, sisoputnfrba/foro#2013", meaning: HMVMX },
  },
  {
    id: "vbox-vmx-disabled",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "blocks",
    needle: [
      "verr_vmx_msr_vmx_disabled",
      "verr_vmx_msr_vmxon_disabled",
      "verr_vmx_msr_locked_or_disabled",
      "verr-vmx-msr-vmxon-disable",
      "locked or unavailable in msr",
    ],
    group: "vbox-vmx-disabled",
    pattern:
      /(?:VT-x is disabled in the BIOS\.? {0,2}\(?|VT-x features locked or unavailable in MSR\.? {0,2}\(?)?VERR[_-]VMX[_-]MSR[_-](?:VMX_|VMXON[_-]|LOCKED_OR_)DISABLED?|VT-x features locked or unavailable in MSR/i,
    what: "IA32_FEATURE_CONTROL is locked with bit 2, VMX outside SMX, at 0.",
    causes: [{ text: "VT-x is off in the firmware setup, or on for TXT only.", layer: "firmware", always: true }],
    steps: [FIRMWARE_FOUND_OFF, READ_FEAT_CTL],
    source: {
      message:
        "VirtualBox, src/VBox/VMM/VMMR3/HM.cpp; dnschneid/crouton#2364, ptwobrussell/Mining-the-Social-Web-2nd-Edition#209",
      meaning: HMVMX,
    },
  },
  {
    id: "vbox-smx-disabled",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "blocks",
    needle: "verr_vmx_msr_smx_vmx",
    pattern: /VERR_VMX_MSR_SMX_VMX(?:ON)?_DISABLED/,
    what: "The machine runs in SMX operation (a measured launch), and IA32_FEATURE_CONTROL is locked with bit 1, VMX inside SMX, at 0.",
    steps: [
      { text: "Enable VT-x together with TXT in the firmware setup, or boot without the measured launch." },
      READ_FEAT_CTL,
    ],
    source: { message: "VirtualBox, include/VBox/err.h", meaning: HMVMX },
  },
  {
    id: "vbox-locking-failed",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "verr_vmx_msr_locking_failed",
    pattern: /VERR_VMX_MSR_LOCKING_FAILED/,
    what: "IA32_FEATURE_CONTROL was unlocked, VirtualBox wrote it, and the value did not stick.",
    causes: ["An outer hypervisor ignores the write."],
    steps: [ENABLE_OUTER, READ_FEAT_CTL],
    source: { message: "VirtualBox, src/VBox/VMM/VMMR3/HM.cpp", meaning: HMVMX },
  },
  {
    id: "vbox-no-vmx",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["verr_vmx_no_vmx", "vt-x is not available"],
    pattern:
      /VERR_VMX_NO_VMX|(?<=\b(?:VBox\w{0,6}|VirtualBox)\b[^\n]{0,120})VT-x is not available|VT-x is not available(?=[.:!]? ?(?:\(|$))/im,
    group: "vbox-no-vmx",
    what: "CPUID.1:ECX bit 5 is 0: VirtualBox sees no VT-x at all. With VT-x merely off in the firmware the bit is usually there.",
    causes: [
      causeIf(
        "Windows",
        "On Windows: Hyper-V (also through WSL2, Sandbox, Docker, memory integrity) runs below and hides the bit from everything else.",
      ),
      "A virtual machine whose hypervisor does not pass VT-x.",
      causeIf("no VT-x", "A CPU without VT-x."),
    ],
    where: [
      {
        is: "Windows 7",
        what: "CPUID.1:ECX bit 5 is 0: VirtualBox sees no VT-x at all. Windows 7 and older have no hypervisor of their own that could hide it: the CPU lacks VT-x, this is a virtual machine, or the firmware has it off.",
        steps: [LOOK_UP_CPU, ENABLE_FIRMWARE, ENABLE_OUTER],
      },
    ],
    steps: [HYPERV_OFF, ENABLE_OUTER, ENABLE_FIRMWARE],
    source: { message: "p4lang/tutorials#167, proycon/LaMachine#99, rdbreak/rhce8env#1", meaning: HMVMX },
  },
  {
    id: "vbox-root-mode",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["root_mode", "being used by another hypervisor", "operate in vmx root mode"],
    pattern:
      /VERR_VMX_IN_VMX_ROOT_MODE|VT-x is being used by another hypervisor(?:[^\n]{0,40}?VERR_VMX_IN_VMX_ROOT_MODE)?|can't operate in VMX root mode/i,
    group: "vbox-root-mode",
    what: "CR4.VMXE is already 1: another hypervisor holds VT-x on this CPU.",
    where: [
      {
        is: "kvm_intel loaded",
        what: `KVM holds VT-x on this CPU (CR4.VMXE is already 1): kvm_intel is loaded. Since Linux ${AT_LOAD} it takes VT-x as soon as it is loaded, before that while a guest of KVM runs.`,
        steps: [IN_USE],
      },
      {
        is: "KVM runs a guest",
        what: "KVM holds VT-x on this CPU (CR4.VMXE is already 1): the text shows that one of its guests runs, and only one hypervisor at a time can have it.",
        steps: [{ text: "Stop KVM's guests.", commands: ["virsh list; virsh shutdown NAME"] }, IN_USE],
      },
    ],
    causes: [
      causeIf(
        "Linux",
        `KVM has a guest running, or was loaded on Linux ${AT_LOAD} or later, where it enables VT-x at load.`,
      ),
      "VMware, Jailhouse or a second VirtualBox build runs.",
    ],
    steps: [WHO_USES_VMX, IN_USE],
    source: {
      message: "VirtualBox/virtualbox#180, kubernetes/minikube#4913, flatkvm/flatkvm#1",
      meaning: `${HMVMX}; Linux, virt/kvm/kvm_main.c (enable_virt_at_load, 6.12)`,
    },
  },
  {
    id: "vbox-nem",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "informs",
    needle: "verr_nem_not_available",
    pattern: /(?:Not in a hypervisor partition \(HVP=0\)[ .]{0,3})?\(?VERR_NEM_NOT_AVAILABLE\)?/i,
    what: "VirtualBox tried Windows' hypervisor as a replacement (NEM), which is not available: Hyper-V does not run. It tried NEM because its own way, VT-x or AMD-V, failed; the other error in the same message is the reason.",
    steps: [
      {
        text: "Follow the other error. Without one: VT-x (on AMD: SVM mode) is off in the firmware setup, most often.",
      },
      ENABLE_FIRMWARE,
    ],
    source: {
      message: "VirtualBox, src/VBox/VMM/VMMR3/NEMR3Native-win.cpp",
      meaning: "VirtualBox, src/VBox/VMM/VMMR3/HM.cpp",
    },
  },
  {
    id: "vbox-nem-macos",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: "hv_vm_create() failed",
    pattern:
      /hv_vm_create\(\) failed: (?<code>0x[0-9a-f]{1,8})(?: HV_[A-Z_]{3,20})?(?:[ .]{0,2}\(VERR_NEM_\w{3,30}\))?/i,
    what: "macOS's Hypervisor.framework, over which VirtualBox runs there, did not create a virtual machine ({code}; 0xfae94001 is HV_ERROR, 0xfae9400f HV_UNSUPPORTED).",
    causes: [
      "macOS is itself a virtual machine (hosted CI runners are), and the hypervisor below passes no VT-x.",
      causeIf(
        "no VT-x",
        "The CPU has no VT-x with EPT and unrestricted guest, or is an AMD one: kern.hv_support is 0 then.",
      ),
    ],
    steps: [
      {
        text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
        commands: ["sysctl kern.hv_support kern.hv_vmm_present"],
      },
      { text: "Run VirtualBox on the hardware, or where the outer hypervisor passes VT-x." },
    ],
    source: {
      message: "daliansky/minisforum-HX90G-Hackintosh#13; GitHub, a report on VirtualBox in a hosted macOS runner",
      meaning: "VirtualBox, src/VBox/VMM/VMMR3/NEMR3Native-darwin.cpp; Apple, Hypervisor.framework",
    },
  },
  {
    id: "vbox-nem-fails",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["verr_nem_", "verr nem ", "whvsetuppartition"],
    group: "vbox-nem-fails",
    pattern:
      /(?:Call to )?WHvSetupPartition failed[^\n]{0,80}?\(?VERR[_ ]NEM[_ ]VM[_ ]CREATE[_ ]FAILED\)?|(?:Call to )?WHvSetupPartition failed|VERR_NEM_(?:VM_CREATE_FAILED|MISSING_KERNEL_API(?:_\d)?|INIT_FAILED|MAP_PAGES_FAILED|SET_REGISTERS_FAILED)/i,
    what: "VirtualBox runs over the hypervisor of the host (NEM; on Windows Hyper-V holds VT-x), and its interface refused something.",
    steps: [
      HYPERV_OFF,
      { text: "Or update Windows and VirtualBox together: the interface changes with Windows builds." },
      VBOX_LOG,
    ],
    source: {
      message: "VirtualBox, include/VBox/err.h; docker/for-win#6951",
      meaning: "VirtualBox, src/VBox/VMM/VMMR3/NEMR3Native-win.cpp; kubernetes/minikube#4587",
    },
  },
  {
    id: "vbox-kvm-capability",
    product: "VirtualBox",
    layer: "silicon",
    gravity: "blocks",
    needle: "required capability 'kvm_cap_",
    pattern:
      /Required capability '(?:KVM_CAP_){1,2}(?<name>[A-Z]\w{2,40})' is missing!?(?: \(VERR_NEM_MISSING_FEATURE\))?/,
    what: "VirtualBox over the host's KVM needs KVM_CAP_{name}, and the KVM of this host does not offer it. KVM itself works; XCRS is there only on a CPU with XSAVE, which most of Core 2 and the Core CPUs before Sandy Bridge do not have.",
    steps: [{ text: "On this host use QEMU, or VirtualBox with its own driver and kvm_intel unloaded." }],
    source: {
      message: "cyberus-technology/virtualbox-kvm#4",
      meaning: "cyberus-technology/virtualbox-kvm#4; Linux, arch/x86/kvm/x86.c (kvm_vm_ioctl_check_extension)",
    },
  },
  {
    id: "vbox-nem-used",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: [
      "attempting fall back to nem",
      "execution loop: nem",
      "snail execution mode",
      "whvcapability",
      "not using hardware-supported virtualization",
      "windows features that lock virtualization",
    ],
    group: "vbox-nem-used",
    pattern:
      /not using hardware-supported virtualization features|other Windows features that lock virtualization|Attempting fall back to NEM|Snail execution mode is active|WHvCapabilityCode\w+|HM: HMR3Init: Attempting fall back/i,
    what: "VirtualBox does not use VT-x itself: Hyper-V holds it, and the guest runs through Windows' interface, slower and without nested VT-x.",
    where: [
      {
        is: "on Linux",
        gravity: "informs",
        what: "This VirtualBox runs over the host's KVM (a build with KVM as its native API): VT-x works, through kvm_intel, and the turtle icon is normal there.",
        steps: [{ text: "For VirtualBox's own way, use Oracle's build, with kvm_intel unloaded." }],
      },
      {
        is: "macOS",
        gravity: "informs",
        what: "VirtualBox on macOS runs over Hypervisor.framework: VT-x works, through macOS.",
        steps: [],
      },
    ],
    steps: [HYPERV_OFF],
    source: {
      message: "myspaghetti/macos-virtualbox#282, #344; cyberus-technology/virtualbox-kvm#3",
      meaning: "VirtualBox, src/VBox/VMM/VMMR3/HM.cpp",
    },
  },
  {
    id: "vbox-not-in-nem",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["not supported in nem mode", "verr_not_sup_by_nem"],
    group: "vbox-not-in-nem",
    pattern: /(?:[\w/]{3,40} )?is not supported in NEM mode|VERR_NOT_SUP_BY_NEM/i,
    what: "The machine asks for something that VirtualBox does only when it uses VT-x itself; here it runs over the hypervisor of the host (NEM: on Windows Hyper-V, which holds VT-x).",
    causes: [
      "Hyper-V (also through WSL2, Sandbox, memory integrity) runs below.",
      "The setting is one of the expert settings of the machine (VBoxInternal), as scripts against detection set them.",
    ],
    steps: [
      HYPERV_OFF,
      {
        text: "Or take the setting away from the machine.",
        commands: [
          "VBoxManage getextradata NAME enumerate",
          "VBoxManage setextradata NAME VBoxInternal/TM/TSCTiedToExecution",
        ],
      },
    ],
    source: { message: "Batlez/CloakBox#71", meaning: "VirtualBox, include/VBox/err.h; src/VBox/VMM/VMMR3/TM.cpp" },
  },
  {
    id: "vbox-invalid-guest-state",
    product: "VirtualBox",
    layer: "VM entry",
    gravity: "blocks",
    needle: "verr_vmx_invalid_guest_state",
    pattern: /VERR_VMX_INVALID_GUEST_STATE/,
    what: "VM entry ended with exit reason 33: a check on the guest state failed.",
    decoder: "vmcs-dump",
    steps: [VBOX_LOG, { text: "The log has the guest state after this line; give it, it is audited." }],
    source: {
      message: "VirtualBox, include/VBox/err.h",
      meaning: "VirtualBox, src/VBox/VMM/VMMR0/HMVMXR0.cpp; Intel SDM volume 3C, checks on the guest state",
    },
  },
  {
    id: "vbox-unable-to-start",
    product: "VirtualBox",
    layer: "VM entry",
    gravity: "blocks",
    needle: [
      "verr_vmx_unable_to_start_vm",
      "verr_vmx_invalid_vmcs",
      "verr_vmx_invalid_vmxon_ptr",
      "verr_vmx_unable_to_resume_vm",
    ],
    pattern:
      /VERR_VMX_(?<what>UNABLE_TO_START_VM|UNABLE_TO_RESUME_VM|INVALID_VMCS_FIELD|INVALID_VMCS_PTR(?:_TO_START_VM)?|INVALID_VMXON_PTR|INVALID_HOST_STATE)/,
    what: "A VMX instruction failed (VERR_VMX_{what}). The VM-instruction error number is in the log.",
    steps: [
      VBOX_LOG,
      { text: "Look for `uInstrError` or `VM-instruction error`; 7 is a control field, 8 a host-state field." },
    ],
    source: { message: "VirtualBox, include/VBox/err.h", meaning: "VirtualBox, src/VBox/VMM/VMMR0/HMVMXR0.cpp" },
  },
  {
    id: "vbox-nested-check",
    product: "VirtualBox",
    layer: "VM entry",
    gravity: "blocks",
    needle: "kvmxvdiag_",
    pattern: /\bkVmxVDiag_(?<check>Vm(?:entry|xon|xoff|clear|ptrld|ptrst|read|write)_\w{2,60})/,
    what: "VirtualBox, which emulates VMX for a hypervisor in its machine, refused one of that hypervisor's VMX instructions by its check {check}. The host's VT-x has no part in that.",
    steps: [
      {
        text: "Hold that check against the manual: where it asks for more or for other bits than the manual does, the fault is VirtualBox's, and a newer release may have mended it.",
      },
      { text: "See whether the same VMCS is entered on a bare machine or in KVM." },
    ],
    source: { message: "VirtualBox/virtualbox#313", meaning: "VirtualBox, src/VBox/VMM/VMMAll/IEMAllCImplVmxInstr" },
  },
  {
    id: "vbox-feature-combo",
    product: "VirtualBox",
    layer: "silicon",
    gravity: "blocks",
    needle: "verr_hm_unsupported_cpu_feature_combo",
    pattern: /VERR_HM_UNSUPPORTED_CPU_FEATURE_COMBO/,
    what: "The CPU (or the outer hypervisor) does not allow a combination of VMX controls that VirtualBox requires.",
    steps: [VBOX_LOG, ENABLE_OUTER],
    source: { message: "VirtualBox, include/VBox/err.h", meaning: "VirtualBox, src/VBox/VMM/VMMR0/HMVMXR0.cpp" },
  },
  {
    id: "vbox-nested-needs-ept",
    product: "VirtualBox",
    layer: "silicon",
    gravity: "blocks",
    needle: ["cannot enable nested vt-x", "verr_cpum_invalid_hwvirt_config"],
    group: "vbox-nested-needs-ept",
    pattern:
      /Cannot enable nested VT-x(?:\/AMD-V)? without nested[- ]paging and unr[a-z]{5,12} guest execution|VERR_CPUM_INVALID_HWVIRT_CONFIG/i,
    what: "VirtualBox gives a guest VT-x only where it has EPT (nested paging) and unrestricted guest itself, and one of them is missing or switched off for this machine.",
    causes: [
      "The CPU is older than Westmere, or has EPT without unrestricted guest.",
      "Windows' hypervisor runs below, or the host is a virtual machine whose hypervisor hides them.",
      "Nested paging is switched off in the settings of the machine.",
    ],
    steps: [
      {
        text: "Turn nested paging on for the machine, or nested VT-x off.",
        commands: ["VBoxManage modifyvm NAME --nestedpaging on", "VBoxManage modifyvm NAME --nested-hw-virt off"],
      },
      HYPERV_OFF,
      { ...ENABLE_OUTER, unless: ["bare metal", "on Windows"] },
    ],
    source: { message: "laravel/homestead#1579", meaning: "VirtualBox, src/VBox/VMM/VMMR3/CPUMR3CpuId.cpp" },
  },
  {
    id: "vbox-hyperv-root",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["raw-mode is unavailable courtesy of hyper-v", "verr_supdrv_no_raw_mode_hyper_v_root"],
    group: "vbox-hyperv-root",
    pattern: /Raw-mode is unavailable courtesy of Hyper-V|VERR_SUPDRV_NO_RAW_MODE_HYPER_V_ROOT/i,
    what: "Windows runs as the root partition of Hyper-V: VT-x is not shown to VirtualBox, and its way without VT-x does not work there either.",
    causes: [
      "Hyper-V, WSL2, Windows Sandbox, Credential Guard or memory integrity start Windows' hypervisor; turning off the Hyper-V feature alone is not enough.",
    ],
    steps: [
      HYPERV_OFF,
      { text: "See whether virtualization-based security still runs.", commands: ["msinfo32"] },
      { text: "Or use VirtualBox 6.0 or later, which can run on top of Hyper-V, slowly." },
    ],
    source: {
      message: "MicrosoftDocs/windows-itpro-docs#1556",
      meaning: "MicrosoftDocs/windows-itpro-docs#1556, microsoft/WSL#2850",
    },
  },
  {
    id: "vbox-driver",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["verr_vm_driver", "kernel driver not installed", "rc=-1908", "rc=-1912", "verr_supdrv", "vboxdrv"],
    pattern:
      /VERR_VM_DRIVER_(?<what>NOT_INSTALLED|NOT_ACCESSIBLE|VERSION_MISMATCH|LOAD_ERROR|OPEN_ERROR)|Kernel driver not installed \(rc=-?1908\)|RTR3InitEx failed with rc=-1912|VERR_SUPDRV_\w{3,40}|vboxdrv kernel module is not loaded|\/dev\/vboxdrv does not exist/i,
    what: "VirtualBox's kernel driver is not there or does not fit. This happens before VT-x is checked.",
    where: [
      {
        is: "macOS",
        what: "macOS did not load VirtualBox's kernel extension. This happens before VT-x is checked.",
        steps: [
          {
            text: "Allow Oracle's extension under System Settings, Privacy & Security (before macOS 13: System Preferences, Security & Privacy; the button shows for half an hour after an installation), and restart; otherwise reinstall VirtualBox.",
          },
        ],
      },
    ],
    steps: [
      {
        text: "Build and load it for the running kernel; with Secure Boot it has to be signed.",
        commands: ["sudo /sbin/vboxconfig", "sudo modprobe vboxdrv"],
      },
    ],
    source: {
      message: "cndaqiang/E5-PC-daily#25, frontendbr/forum#367, myspaghetti/macos-virtualbox#191",
      meaning: "VirtualBox, src/VBox/HostDrivers/Support",
    },
  },
  {
    id: "vbox-stub",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["vboxdrvstub", "supr3hardenedwinrespawn", "driver is probably stuck"],
    group: "vbox-stub",
    pattern:
      /NtCreateFile\(\\Device\\VBoxDrvStub\) failed|Error opening VBoxDrvStub|Error -?\d{1,5} in supR3HardenedWinReSpawn|where: supR3HardenedWinReSpawn|Driver is probably stuck stopping\/starting/i,
    what: "VirtualBox's kernel driver on Windows cannot be opened: it is not installed, not started, or does not stop completely. This happens before VT-x is checked, and VT-x is not the reason.",
    causes: [
      "The service vboxdrv is missing or stopped after an update or a reinstallation.",
      "It hangs in STOP_PENDING until Windows is restarted.",
    ],
    steps: [
      { text: "See the state of the driver, and start it.", commands: ["sc.exe query vboxdrv", "net start vboxdrv"] },
      { text: "Otherwise reinstall VirtualBox as administrator, and restart Windows." },
    ],
    source: {
      message: "hashicorp/vagrant#13244, hfiref0x/VBoxHardenedLoader#11, #41, myspaghetti/macos-virtualbox#216",
      meaning: "hfiref0x/VBoxHardenedLoader#11; VirtualBox, src/VBox/HostDrivers/Support/win",
    },
  },
  {
    id: "vbox-hardening",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["verr_sup_vp", "verr_suplib_", "suphardenedwin", "supr3hard", "(rc=-56"],
    group: "vbox-hardening",
    pattern:
      /supHardenedWinVerifyProcess failed(?: with VERR_SUP_VP_\w{3,40})?|VERR_SUP_VP_\w{3,40}|VERR_SUPLIB_\w{3,40}|Error -?\d{1,5} in supR3Hard\w{3,40}|\(rc=-56\d\d\)/i,
    what: "VirtualBox's protection of its own process (hardening) stopped the start: it found something in the process, or in its files, that it does not trust. VT-x is not checked before that.",
    causes: [
      "A security program, an overlay or another injector put its library into VirtualBox's process.",
      "Files of VirtualBox, or folders above them, do not belong to the administrator (Linux: root) or can be written by others.",
    ],
    steps: [
      { text: "Give VBoxHardening.log of the machine: its last lines name the file." },
      { text: "Update or remove the program that the file belongs to, and reinstall VirtualBox." },
    ],
    source: {
      message: "VirtualBox/virtualbox#555; VirtualBox, include/VBox/err.h",
      meaning: "VirtualBox manual, security guide (hardening); VirtualBox, src/VBox/HostDrivers/Support",
    },
  },
  {
    id: "vbox-guru-meditation",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["gurumeditation", "guru meditation", "guru_meditation"],
    group: "vbox-guru-meditation",
    pattern:
      /'gurumeditation' state|to 'GURU_MEDITATION'|\bGURU_MEDITATION state\b|guru meditation -?\d{1,6} \((?:VERR_(?<name>(?:VMX|SVM|HM|NEM)_\w{2,40})|VINF_EM_(?<em>\w{3,40})|\w{3,60})\)|\bguru meditation\b(?= (?:error|state|immediately|when|on start|after)|[.!]? {0,2}$)/i,
    decoder: "vbox-status",
    what: "VirtualBox stopped the machine because of an error of its own (a Guru Meditation). The reason is the VERR_ code in VBox.log.",
    causes: [
      {
        text: "Windows' hypervisor (Hyper-V, WSL2, memory integrity) holds VT-x, and VirtualBox's way over it failed.",
        unless: ["on Linux", "macOS"],
      },
      {
        text: `KVM of Linux ${AT_LOAD} and later has VT-x (or AMD-V) since its module was loaded.`,
        unless: ["on Windows", "macOS"],
      },
      "VirtualBox runs in a virtual machine itself.",
    ],
    steps: [VBOX_LOG, KVM_AWAY, HYPERV_OFF],
    source: {
      message:
        "R3dy/capsulecorp-pentest#13, #19; splunk/attack_range#1015; kernelwernel/VMAware#677; NixOS/nixpkgs#53120",
      meaning: "R3dy/capsulecorp-pentest#19",
    },
  },
  {
    id: "vbox-terminated",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "has terminated unexpectedly during startup",
    pattern:
      /virtual machine '[^'\n]{1,120}' has terminated unexpectedly during startup(?: with exit code (?<code>-?\d{1,12}))?/i,
    what: "VirtualBox's process ended before the machine ran; the message does not say why. VBoxHardening.log does when its protection stopped it, VBox.log when VT-x is the reason.",
    causes: [
      "Windows' hypervisor (Hyper-V) holds VT-x; early VirtualBox versions end like this.",
      "A security program put its library into VirtualBox's process, and VirtualBox refuses that.",
    ],
    steps: [HYPERV_OFF, VBOX_LOG],
    source: { message: "GoSecure/malboxes#39", meaning: "GoSecure/malboxes#39" },
  },
  {
    id: "vbox-amd-in-use",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["verr_svm_in_use", "can't enable the amd-v extension"],
    group: "vbox-amd-in-use",
    pattern: /VERR_SVM_IN_USE|can't enable the AMD-V extension/i,
    what: "EFER.SVME is already 1: another hypervisor holds AMD-V on this CPU. This is an AMD machine; VT-x has nothing to do with it.",
    causes: [
      causeIf(
        "Linux",
        `KVM has a guest running, or was loaded on Linux ${AT_LOAD} or later, where it enables AMD-V at load.`,
      ),
      causeIf("Windows", "On Windows: Hyper-V, or another virtualization program, runs."),
    ],
    steps: [
      WHO_USES_VMX,
      {
        text: `Unload the other hypervisor; on Linux ${AT_LOAD} and later KVM enables AMD-V as soon as its module is loaded.`,
        commands: [
          "sudo modprobe -r kvm_amd",
          "echo 'blacklist kvm_amd' | sudo tee /etc/modprobe.d/no-kvm.conf",
          "# or, on the kernel command line, to let KVM take AMD-V only while a guest runs:",
          "kvm.enable_virt_at_load=0",
        ],
        unless: ["on Windows", "macOS"],
      },
      HYPERV_OFF,
    ],
    source: {
      message: "VirtualBox/virtualbox#81, sisoputnfrba/foro#2673",
      meaning: "VirtualBox/virtualbox#81; Linux, virt/kvm/kvm_main.c (enable_virt_at_load, 6.12)",
    },
  },
  {
    id: "vbox-host-not-enabled",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["host_svme_not_enabled", "host api has not enabled"],
    group: "vbox-host-not-enabled",
    pattern: /VERR_SVM_HOST_SVME_NOT_ENABLED|Host API has not enabled SVME/i,
    what: "VirtualBox 7.2.10 for Linux leaves it to a loaded KVM to switch AMD-V on, and KVM has not: EFER.SVME is 0. AMD-V itself is not missing.",
    causes: [
      `KVM does not enable AMD-V at load (enable_virt_at_load=0), which older VirtualBox needed on Linux ${AT_LOAD} and later.`,
    ],
    steps: [
      {
        text: "Find where enable_virt_at_load=0 is set, remove it, and restart: 1 is the default.",
        commands: [
          "cat /sys/module/kvm/parameters/enable_virt_at_load",
          "grep -rs enable_virt_at_load /etc/modprobe.d /usr/lib/modprobe.d /etc/default/grub /proc/cmdline",
        ],
      },
      { text: "Or unload KVM before VirtualBox starts a machine.", commands: ["sudo modprobe -r kvm_amd"] },
    ],
    source: {
      message: "VirtualBox/virtualbox#711, #713",
      meaning: "VirtualBox/virtualbox#711; Linux, virt/kvm/kvm_main.c (enable_virt_at_load, 6.12)",
    },
  },
  {
    id: "vbox-kvm-refused",
    product: "VirtualBox",
    layer: "host operating system",
    gravity: "blocks",
    needle: "hm ring-0 init failed",
    group: "vbox-kvm-refused",
    pattern: /HM ring-0 init failed: VERR_NOT_AVAILABLE/i,
    what: "VirtualBox 7.2 on Linux asks KVM for AMD-V (or VT-x) where KVM is there, and KVM did not give it. Nothing is off in the firmware for that.",
    causes: [
      "KVM runs a guest of its own, or was loaded with enable_virt_at_load=0.",
      "VirtualBox's modules belong to another release of it or of the kernel.",
    ],
    steps: [
      {
        text: "Read what VirtualBox's driver says, with the number of the error.",
        commands: ["sudo dmesg | grep vboxdrv"],
      },
      {
        text: "Start it without KVM's modules, or with what KVM does by default; update VirtualBox, and make its modules anew.",
        commands: [
          "sudo modprobe -r kvm_amd kvm_intel kvm",
          "grep -rs enable_virt_at_load /etc/modprobe.d /proc/cmdline",
          "sudo vboxconfig",
        ],
      },
    ],
    source: {
      message: "VirtualBox/virtualbox#222",
      meaning: "VirtualBox, src/VBox/HostDrivers/Support/linux/SUPDrv-linux.c (supdrvOSEnableHwvirt)",
    },
  },
  {
    id: "vbox-amd",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "blocks",
    needle: "verr_svm_",
    pattern: /VERR_SVM_(?<what>NO_SVM|DISABLED)/,
    what: "This is an AMD CPU: AMD-V (SVM), not VT-x, is missing or switched off.",
    outcome: "AMD",
    steps: [{ text: "Enable SVM mode in the firmware setup.", unless: ["said to be on"] }, HYPERV_OFF],
    source: { message: "VirtualBox, src/VBox/VMM/VMMR3/HM.cpp", meaning: HMVMX },
  },
  {
    id: "guest-32-bit",
    product: "Linux",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["requires an x86-64 cpu", "requires a x86-64 cpu", "cpu does not support long mode"],
    group: "guest-32-bit",
    pattern: /kernel requires an? x86-64 CPU|your CPU does not support long mode/i,
    what: "A 64-bit system was started on a CPU that shows no 64-bit mode. VirtualBox shows none where it has no VT-x (AMD-V) or the machine's type is a 32-bit one; QEMU where its CPU model or program is 32-bit (qemu32, kvm32, qemu-system-i386).",
    causes: [
      "VirtualBox: VT-x is off in the firmware setup, Windows' own hypervisor holds it, or the CPU has none.",
      "The machine is configured for a 32-bit system.",
    ],
    steps: [
      { text: "In VirtualBox, choose a 64-bit version of the system; where none is offered, VT-x is missing." },
      { text: "In QEMU, take a 64-bit program and model.", commands: ["qemu-system-x86_64 -cpu qemu64"] },
    ],
    source: {
      message: "hashicorp/vagrant#2481, IIC2133-PUC/2018-2#23, ArchipelProject/Archipel#1120",
      meaning: "hashicorp/vagrant#2481; VirtualBox manual, 64-bit guests",
    },
  },
  {
    id: "vbox-64-bit",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "degrades",
    needle: [
      "vt-x/amd-v hardware acceleration is not available",
      "will fail to detect a 64-bit cpu",
      "por hardware vt-x/amd-v",
      "de hardware vt-x/amd-v",
      "matérielle vt-x/amd-v",
      "hardware vt-x/amd-v",
      "vt-x/amd-v-hardware",
      "vt-x/amd-v 硬件加速",
      "vt-x/amd-v 하드웨어",
      "does not support hw virtualization",
      "has been enabled, but is not operational",
    ],
    group: "vbox-64-bit",
    pattern:
      /VT-x\/AMD-V hard\w{3,6} acceleration (?:is not available|has been enabled, but is not operational)|will fail to detect a 64-bit CPU|(?:acelera\S{2,4} (?:por|de) hardware|acc[ée]l[ée]ration matérielle|accelerazione hardware) VT-x\/AMD-V (?:no |não |n['’]est pas |non )|VT-x\/AMD-V-Hardware\S{2,20} [^\n]{0,40}(?:nicht|aber)|VT-x\/AMD-V 硬件加速[^\n]{0,12}(?:不可用|无法)|VT-x\/AMD-V 하드웨어[^\n]{0,16}없|host CPU does NOT support HW virtualization/i,
    what: "VirtualBox has no hardware virtualization to use, and without it there are no 64-bit guests.",
    causes: [OFF_IN_FIRMWARE, { text: "Hyper-V holds it.", unless: ["Windows 7", "on Linux", "macOS"] }],
    steps: [ENABLE_FIRMWARE, HYPERV_OFF],
    source: { message: "VirtualBox user interface; Ubuntu forum, 2010-02-07", meaning: HMVMX },
  },
  {
    id: "vbox-saved-cpu",
    product: "VirtualBox",
    layer: "user space",
    gravity: "blocks",
    needle: ["verr_ssm_load_cpuid_mismatch", "mismatch: host="],
    group: "vbox-saved-cpu",
    pattern: /cpum#\d{1,3}: [^\n]{1,60} mismatch: host=[^\n]{1,60}|VERR_SSM_LOAD_CPUID_MISMATCH/i,
    what: "The machine was saved (or snapshotted while running) on a CPU with other features, and VirtualBox does not resume it on this one. VT-x is not the reason.",
    causes: ["The saved state comes from another computer, or the host's firmware, microcode or hypervisor changed."],
    steps: [
      { text: "Discard the saved state and start the machine again.", commands: ["VBoxManage discardstate NAME"] },
      { text: "For machines that move between computers, take snapshots while they are off." },
    ],
    source: { message: "cuckoosandbox/cuckoo#2166", meaning: "cuckoosandbox/cuckoo#2166" },
  },
  {
    id: "vbox-in-vagrant",
    product: "VirtualBox",
    layer: "user space",
    gravity: "blocks",
    needle: ["'poweroff' state", "'aborted' state"],
    pattern: /machine is in the '(?<state>poweroff|aborted)' state/i,
    what: "Vagrant started the machine and found it in state {state}: VirtualBox refused or stopped it, and Vagrant does not know why. VirtualBox's own window and VBox.log say it.",
    causes: [
      "VT-x is missing: off in the firmware setup, held by Hyper-V, or this is a virtual machine without nested VT-x.",
      "Something else in the machine's settings, that VBox.log names.",
    ],
    depends: ["the error that VirtualBox itself gives"],
    steps: [
      { text: "Let VirtualBox say it.", commands: ["VBoxManage startvm NAME --type headless"] },
      VBOX_LOG,
      ENABLE_FIRMWARE,
      HYPERV_OFF,
    ],
    source: { message: "cloudfoundry-attic/bosh-lite#149", meaning: "cloudfoundry-attic/bosh-lite#149" },
  },
  {
    id: "boinc-extensions",
    product: "VirtualBox",
    layer: "firmware",
    gravity: "blocks",
    needle: ["cpu vm extensions", "vm extensions disabled"],
    pattern: /CPU VM extensions (?:disabled|not supported|in use)/i,
    what: "BOINC found in the log of VirtualBox that VT-x could not be used.",
    causes: [OFF_IN_FIRMWARE, "Hyper-V holds or held it; BOINC remembers that until it is made to check again."],
    steps: [
      VBOX_LOG,
      ENABLE_FIRMWARE,
      HYPERV_OFF,
      {
        text: "When VT-x works again, remove what BOINC remembers from its client_state.xml, with BOINC stopped.",
        commands: ["<p_vm_extensions_disabled>1</p_vm_extensions_disabled>"],
      },
    ],
    source: { message: "BOINC/boinc#3184", meaning: "BOINC, samples/vboxwrapper" },
  },
  {
    id: "vbox-em-internal",
    product: "VirtualBox",
    layer: "user space",
    gravity: "blocks",
    needle: "verr_em_internal_error",
    pattern: /VERR_EM_INTERNAL_ERROR/i,
    what: "VirtualBox stopped a running machine with an internal error of its execution manager: a fault of VirtualBox, and no setting of VT-x.",
    causes: ["A hypervisor in the machine (nested VT-x) met what this VirtualBox does not have."],
    steps: [
      {
        text: "Try a newer VirtualBox, and what ran inside without its hypervisor; report it with the log.",
        commands: ["VBoxManage --version"],
      },
    ],
    source: { message: "containers/krunvm#3", meaning: "VirtualBox, include/VBox/err.h" },
  },
  {
    id: "vbox-nested-paging",
    product: "VirtualBox",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["nestedtrap0ehandler", "verr_pgm_mapping_ipe"],
    pattern: /pgmR0Bth\w{2,24}NestedTrap0eHandler|VERR_PGM_MAPPING_IPE/i,
    what: "VirtualBox stopped the machine in its own code for the page tables of a nested guest (nested EPT): VT-x is on, and passed to the machine. The fault is in the VirtualBox on the host, not in the hypervisor that runs inside.",
    steps: [
      {
        text: "Try a newer VirtualBox, and a nested guest with one CPU; report it with the log.",
        commands: ["VBoxManage --version"],
      },
      VBOX_LOG,
    ],
    source: { message: "VirtualBox/virtualbox#450", meaning: "VirtualBox, src/VBox/VMM/VMMAll/PGMAllBth.h" },
  },
  {
    id: "vbox-status",
    product: "VirtualBox",
    layer: "user space",
    gravity: "blocks",
    needle: ["verr_vmx_", "verr_svm_", "verr_hm_", "verr_nem_", "vrc=-40", "vrc=-41", "vrc=-68", "resultdetail=-"],
    pattern:
      /VERR_(?<name>(?:VMX|SVM|HM|NEM)_\w{2,40})|^(?![^\n]*VERR_)[^\n]{0,400}?\b(?:vrc|aResultDetail)=(?<number>-(?:40|41|68)\d\d)\b/i,
    what: "VirtualBox ended with a status code of its code for hardware virtualization.",
    decoder: "vbox-status",
    steps: [VBOX_LOG],
    source: { message: "VirtualBox, include/VBox/err.h", meaning: HMVMX },
  },
] as const satisfies readonly MessageRow[];
