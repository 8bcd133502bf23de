import type { MessageRow } from "../../../answers/message.js";
import { causeIf, ENABLE_FIRMWARE, ENABLE_OUTER } from "../shared-advice.js";

const BHYVE = "FreeBSD, sys/amd64/vmm/intel/vmx.c";

/* FreeBSD's bhyve, and on macOS what came of it (xhyve, hyperkit) and rests on Hypervisor.framework. */

export const BHYVE_MESSAGES = [
  {
    id: "bhyve-front-check",
    product: "bhyve",
    layer: "user space",
    gravity: "blocks",
    needle: ["not seem to fully support bhyve", "lacks the basic feature to run bhyve", "cpu lacks the basic feature"],
    group: "bhyve-front-check",
    pattern:
      /Your CPU does not seem to fully support bhyve(?:\. Missing (?<name>\w{2,8}) feature)?|Your CPU lacks the basic feature to run bhyve/i,
    what: "A front end of bhyve (iohyve, chyves) looked for EPT and UG (unrestricted guest) in FreeBSD's boot messages, and did not find them there. Where those are cut, or printed in another way (boot_verbose), its check is wrong; what the CPU has, vmm says.",
    steps: [
      {
        text: "Read what FreeBSD and vmm found: EPT and UG in the first, 1 in the second.",
        commands: ["grep -A1 'VT-x:' /var/run/dmesg.boot", "kldload vmm; sysctl hw.vmm.vmx.cap.unrestricted_guest"],
      },
      { text: "Where they are there, update the front end, or take its check out." },
    ],
    source: { message: "pr1ntf/iohyve#259; chyves/chyves#3", meaning: "pr1ntf/iohyve#259; chyves/chyves#3" },
  },
  {
    id: "bhyve-controls",
    product: "bhyve",
    layer: "silicon",
    gravity: "blocks",
    needle: "processor does not support desired",
    pattern:
      /(?:vmx_(?:mod)?init: )?processor does not support desired (?<word>[\w-]{2,20}(?: [\w-]{2,20}){0,2} ?(?:capabilities|controls))/i,
    what: "bhyve (or a relative: hyperkit, xhyve, Docker Desktop on macOS) requires {word} that the CPU does not allow.",
    decoder: "control-request",
    causes: [
      "The CPU is too old: bhyve needs EPT, VPID and unrestricted guest, which is Westmere or later on Intel.",
      "An outer hypervisor hides them.",
    ],
    where: [
      {
        is: "macOS",
        what: "macOS's Hypervisor.framework does not offer {word} the way that xhyve (or hyperkit) wants them. It made a virtual machine before that, so VT-x works: macOS and the program do not fit each other.",
        steps: [
          {
            text: "Update xhyve or hyperkit, and macOS; the line `vmx_set_ctlreg:`, where there is one, names the control.",
          },
        ],
      },
    ],
    steps: [
      {
        text: "See what the CPU has.",
        commands: ["grep -E 'VT-x:|SVM:' /var/run/dmesg.boot", "sysctl -a | grep -E 'machdep.cpu.vmx|hw.vmm'"],
      },
      ENABLE_OUTER,
    ],
    source: {
      message: `${BHYVE}; Docker Desktop for Mac release notes; a review that ran FreeBSD on a ThinkPad X200`,
      meaning: BHYVE,
    },
  },
  {
    id: "bhyve-bios",
    product: "bhyve",
    layer: "firmware",
    gravity: "blocks",
    needle: "vmx operation disabled by bios",
    pattern: /vmx_(?:mod)?init: VMX operation disabled by BIOS/i,
    what: "The CPU has VMX, and the firmware locked IA32_FEATURE_CONTROL with VMX outside SMX off.",
    causes: [{ text: "VT-x is switched off in the firmware setup.", layer: "firmware" }],
    steps: [
      ENABLE_FIRMWARE,
      { text: "Read the register.", commands: ["kldload cpuctl; cpucontrol -m 0x3a /dev/cpuctl0"] },
    ],
    source: { message: BHYVE, meaning: BHYVE },
  },
  {
    id: "bhyve-no-vmx",
    product: "bhyve",
    layer: "silicon",
    gravity: "blocks",
    needle: ["does not support vmx operation", "hma_vmx_init: cpu does not"],
    pattern: /vmx_(?:mod)?init: processor does not support VMX operation|hma_vmx_init: CPU does not support VMX/i,
    what: "CPUID.1:ECX bit 5 is 0: FreeBSD or illumos sees a CPU without VMX. Without bhyve it runs as before.",
    causes: [
      causeIf(
        "virtual machine",
        "It is a virtual machine whose hypervisor does not pass VT-x (HAXM cannot pass it at all).",
      ),
      "The CPU is AMD's or has no VT-x.",
    ],
    steps: [ENABLE_OUTER],
    source: { message: "intel/haxm#479", meaning: BHYVE },
  },
  {
    id: "bhyve-create",
    product: "bhyve",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "vm_create: ",
      "unrestricted guest",
      "could not create vm ",
      "unable to create vm (",
      "error in initializing vm",
    ],
    group: "bhyve-create",
    pattern:
      /vm_create: (?<reason>Device not configured|Operation not supported by device|No such file or directory)|(?:VM|Guest) requires unrestricted guest|Could not create VM [\w-]{1,60}|Unable to create VM \(\d{1,3}\)|Error in initializing VM/i,
    what: "bhyve cannot create a virtual machine: its module vmm is not loaded, or found no usable VT-x with EPT (AMD-V with nested paging) when it was (`Device not configured`), or the guest needs unrestricted guest.",
    causes: [
      "vmm.ko did not find usable VMX: the boot log says which control is missing.",
      "Guests other than those of bhyveload need unrestricted guest.",
    ],
    steps: [
      {
        text: "Read what the module said.",
        commands: ["kldload vmm; dmesg | grep -iE 'vmx|vmm'", "sysctl hw.vmm.vmx.cap.unrestricted_guest"],
      },
    ],
    source: { message: "chyves/chyves#9", meaning: BHYVE },
  },
  {
    id: "bhyve-ug",
    product: "bhyve",
    layer: "another hypervisor",
    gravity: "degrades",
    needle: ["lacks the 'ug' feature", "feature of ept"],
    pattern: /This CPU lacks the '?UG'? feature of EPT/i,
    what: "The CPU that FreeBSD sees has no unrestricted guest (UG): bhyve cannot start UEFI or Linux guests and gives a guest one virtual CPU.",
    causes: [
      "FreeBSD runs in a virtual machine whose hypervisor (VMware) does not pass unrestricted guest; every Intel CPU since Westmere has it.",
      "The CPU is a Nehalem or older.",
    ],
    steps: [
      {
        text: "See what the CPU shows, and whether a hypervisor is below.",
        commands: ["grep -E 'VT-x:|Hypervisor:' /var/run/dmesg.boot", "sysctl hw.vmm.vmx.cap.unrestricted_guest"],
      },
      ENABLE_OUTER,
    ],
    source: { message: "chyves/chyves#9", meaning: "chyves/chyves#9; FreeBSD, sys/amd64/vmm/intel/vmx.c" },
  },
  {
    id: "xhyve-control",
    product: "bhyve",
    layer: "silicon",
    gravity: "blocks",
    needle: "vmx_set_ctlreg:",
    pattern:
      /vmx_set_ctlreg: cap_field: (?<cap>[0-4]) bit: (?<bit>\d{1,2}) (?<state>unspecified don't care|must be (?:one|zero)[^\n]{0,20}|[^\n]{1,40})/i,
    what: "xhyve (or hyperkit) names the control that it could not settle.",
    decoder: "control-request",
    steps: [
      { text: "Update xhyve or hyperkit: it has to say which value it wants for controls that came with newer CPUs." },
    ],
    source: {
      message: "machyve/xhyve#3",
      meaning: "machyve/xhyve#3 (its fix); Hypervisor.framework, hv_vmx_capability_t",
    },
  },
  {
    id: "bhyve-module-load",
    product: "bhyve",
    layer: "silicon",
    gravity: "blocks",
    needle: ["mod_load (vmm", "can't load vmm"],
    pattern:
      /MOD_LOAD \(vmm, (?:0x)?[0-9a-f]{1,16}, (?:0x)?[0-9a-f]{1,16}\) error (?<errno>\d{1,3})|kldload: can't load vmm: (?<reason>[\w /]{3,60})/i,
    what: "FreeBSD's module vmm did not load: vmx_modinit found no usable VMX, and the line before names what is missing (error 6, ENXIO, is that; 19 and 45 mean no such device, not supported).",
    causes: [
      "The CPU shows no VMX: a virtual machine without nested VT-x, or VT-x off in the firmware.",
      "A control that bhyve requires cannot be 1 (EPT, VPID, unrestricted guest).",
    ],
    steps: [
      {
        text: "Read what the CPU has.",
        commands: ["grep -E 'VT-x:|SVM:|Features2' /var/run/dmesg.boot", "dmesg | grep -i vmx"],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "intel/haxm#479",
      meaning: "FreeBSD, sys/amd64/vmm/vmm.c and sys/amd64/vmm/intel/vmx.c (vmx_modinit)",
    },
  },
  {
    id: "vm-bhyve",
    product: "bhyve",
    layer: "silicon",
    gravity: "blocks",
    needle: ["cpu supports bhyve", "kernel vmm not initialised", "unable to load vmm.ko"],
    pattern:
      /doesn't look like your cpu supports bhyve(?: \(missing (?<what>\w{2,12})\))?|kernel vmm not initialised|unable to load vmm\.ko/i,
    what: "vm-bhyve looked at the CPU's features before starting anything: without POPCNT it is older than Nehalem and so has no EPT, which bhyve requires; where `vmm` does not load or is not initialised, the module usually found no usable VMX or SVM.",
    causes: [
      "The CPU is a Core 2 or older: VT-x without EPT.",
      {
        text: "VT-x is off in the firmware, or this is a virtual machine that is not given it.",
        layer: "firmware",
        always: true,
      },
      "`unable to load vmm.ko` while kldstat lists vmm.ko: its start failed with VT-x missing, and it stays in the list without the module `vmm`.",
    ],
    steps: [
      {
        text: "See what the CPU shows.",
        commands: [
          "grep -E 'VT-x:|SVM:|Features2' /var/run/dmesg.boot",
          "dmesg | grep -iE 'vmx|vmm'",
          "kldstat -v -m vmm",
        ],
      },
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "churchers/vm-bhyve#293, #252, #322",
      meaning: "churchers/vm-bhyve#293 (bhyve needs EPT, which came with Nehalem)",
    },
  },
  {
    id: "hypervisor-framework",
    product: "bhyve",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["hv_vm_create", "hypervisor.framework", "hv_denied", "hv_unsupported", "hvf error: hv_", "0xfae940"],
    group: "hypervisor-framework",
    pattern:
      /hv_vm_create\W{0,3} (?:HV_ERROR\b|unknown error (?<code>-853770\d\d)|returned (?<code2>0xfae940[01][\da-f])|failed|unknown error|returned \S{1,20})|processor not supported by Hypervisor\.framework|Hypervisor\.framework cannot create a VM|\b(?<code3>HV_(?:DENIED|UNSUPPORTED)|(?<=HVF error: )HV_\w{3,20}|0xfae940(?:0[1-7]|0f))\b/i,
    decoder: "hv-status",
    what: "macOS's Hypervisor.framework, on which xhyve, hyperkit, Docker Desktop and QEMU's hvf run, did not create a virtual machine.",
    causes: [
      causeIf(
        "no EPT",
        "The CPU has no EPT with unrestricted guest (Core 2, first Nehalems): kern.hv_support is 0 then, and no setting brings it.",
      ),
      "macOS is itself a virtual machine (hosted CI runners are), and the hypervisor below passes no VT-x.",
      "Since macOS 11 the program needs the entitlement com.apple.security.hypervisor; without it the call is denied.",
    ],
    steps: [
      {
        text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
        commands: ["sysctl kern.hv_support kern.hv_vmm_present"],
      },
      {
        text: "With support there: sign the program with the entitlement, or take a release that is.",
        commands: ["codesign --force --sign - --entitlements hypervisor.entitlements PROGRAM"],
      },
    ],
    source: {
      message: "machyve/xhyve#18, moby/hyperkit#300, machine-drivers/docker-machine-driver-xhyve#109",
      meaning: "machyve/xhyve#18, #224; moby/hyperkit#300; smol-machines/smolvm#1323; Apple, Hypervisor.framework",
    },
  },
] as const satisfies readonly MessageRow[];
