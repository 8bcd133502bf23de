import type { MessageRow } from "../../../answers/message.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HYPERV_OFF,
  HYPERV_ON,
  OFF_IN_FIRMWARE,
  WINDOWS_STATE,
} from "../shared-advice.js";

/* Programs that start a virtual machine for their user, and macOS. */

export const DESKTOP_MESSAGES = [
  {
    id: "minikube-virtualization",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    needle: ["virtualization support is disabled on your computer", "host_virt_unavailable", "vbox_vtx_disabled"],
    group: "minikube-virtualization",
    pattern:
      /Virtualization support is disabled on your computer|(?:HOST_VIRT_UNAVAILABLE|VBOX_VTX_DISABLED)(?![^\n]{0,160}VT-X\/AMD-v enabled)/i,
    what: "minikube tried to start a virtual machine and found no VT-x. It looks only at CPUID flags and does not distinguish the causes.",
    causes: [
      causeIf(
        "Windows",
        "On Windows: Hyper-V (Docker, WSL2) runs and hides VT-x; minikube's own check is wrong then if its driver is hyperv.",
      ),
      OFF_IN_FIRMWARE,
      causeIf("virtual machine", "This is a virtual machine (a cloud) without nested VT-x."),
    ],
    steps: [
      {
        text: "Use a driver that needs no virtual machine, or the one of the hypervisor that runs.",
        commands: ["minikube start --driver=docker", "minikube start --driver=hyperv"],
      },
      { text: "Where VT-x is known to work, skip the check.", commands: ["minikube start --no-vtx-check"] },
      HYPERV_OFF,
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: "kubernetes/minikube#4517, #14212, #18365",
      meaning: "kubernetes/minikube#3900, #4730, #14212",
    },
  },
  {
    id: "player-virtualization",
    product: "tool",
    layer: "firmware",
    gravity: "blocks",
    needle: "hardware virtualization must be",
    pattern: /Hardware virtualization must be (?:turned on|enabled)/i,
    what: "An Android player for Windows (Google Play Games and its like) needs VT-x and does not find it.",
    causes: [OFF_IN_FIRMWARE, "Hyper-V holds it, and this edition of the player cannot run on top of Hyper-V."],
    steps: [
      { text: "See whether Task Manager, Performance, CPU says `Virtualization: Enabled`." },
      ENABLE_FIRMWARE,
      HYPERV_OFF,
      WINDOWS_STATE,
    ],
    source: {
      message: "Google Play Games on PC, as reported in the press",
      meaning: "BlueStacks support, how to enable virtualization",
    },
  },
  {
    id: "multipass-windows-version",
    product: "tool",
    layer: "user space",
    gravity: "blocks",
    needle: "multipass support for hyper-v requires windows 10",
    pattern: /Multipass support for Hyper-V requires Windows 10(?: or newer)?/i,
    what: "Multipass asks PowerShell for the version of Windows before it uses Hyper-V, and did not read the answer. VT-x is not the reason, and on Windows 10 and later neither is the version.",
    steps: [
      {
        text: "See what PowerShell answers; what a profile or a module of it prints beside that (PSReadLine, screen readers) has to go.",
        commands: [
          "powershell -NoProfile Get-ItemProperty -Path 'HKLM:\\Software\\Microsoft\\Windows NT\\CurrentVersion'",
        ],
      },
      { text: "Restart the service, and update Multipass.", commands: ["Restart-Service Multipass"] },
    ],
    source: { message: "canonical/multipass#2140, #2655", meaning: "canonical/multipass#2140, #2655" },
  },
  {
    id: "macos-hv-support",
    product: "tool",
    layer: "silicon",
    gravity: "blocks",
    needle: [
      "kern.hv_support",
      "hypervisor check failed",
      "reports no hypervisor support",
      "virtualization is not available on this hardware",
      "nested virtualization is not supported on this device",
    ],
    group: "macos-hv-support",
    pattern:
      /kern\.hv_support\s?[:=]\s?0\b|unknown oid '?kern\.hv_support|Hypervisor check failed|reports no hypervisor support|Virtualization is not available on this hardware|nested virtualization is not supported on this device/i,
    what: "macOS has no virtualization to use here (kern.hv_support is 0 or missing): Docker Desktop, Lima, Colima, hyperkit, xhyve and QEMU's hvf cannot start a virtual machine, or cannot give it one.",
    causes: [
      "macOS is itself a virtual machine, and the hypervisor below passes no VT-x (on Apple silicon, macOS guests get none).",
      "The Mac is too old: the framework needs VT-x with EPT and unrestricted guest (2010 and later).",
      "After Windows (Boot Camp) or a firmware reset VT-x can be off until the Mac was switched off and on.",
    ],
    steps: [
      {
        text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
        commands: ["sysctl kern.hv_support kern.hv_vmm_present machdep.cpu.features"],
      },
      {
        text: "Where macOS is itself a virtual machine: with it off, let the hypervisor below pass VT-x.",
        commands: [
          'vhv.enable = "TRUE"   # VMware, .vmx',
          "-cpu host,+vmx   # QEMU",
          "prlctl set NAME --nested-virt on",
        ],
      },
    ],
    source: {
      message:
        "machine-drivers/docker-machine-driver-xhyve#109, docker/for-mac#7287, lima-vm/lima#1879, actions/runner-images#9460",
      meaning: "machine-drivers/docker-machine-driver-xhyve#109, utmapp/UTM#3405; Apple, Hypervisor.framework",
    },
  },
  {
    id: "qemu-hvf",
    product: "QEMU",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["-accel hvf: ", "accelerator hvf", "error: hv_", "failed to initialize hvf"],
    group: "qemu-hvf",
    pattern:
      /-accel hvf: (?:Unknown Error|Error: (?<code>HV_\w{3,20})|invalid accelerator hvf)|invalid accelerator hvf|(?<!HVF )\bError: (?<code2>HV_(?:ERROR|BUSY|BAD_ARGUMENT|ILLEGAL_GUEST_STATE|NO_RESOURCES|NO_DEVICE))\b|failed to initialize HVF/i,
    decoder: "hv-status",
    what: "QEMU was asked to use macOS's Hypervisor.framework (hvf) and could not.",
    causes: [
      "macOS is itself a virtual machine (hosted CI runners are), and the hypervisor below passes no VT-x.",
      "`invalid accelerator hvf`: this QEMU was built without it, or macOS runs it as a program for the other architecture.",
      "The QEMU binary lacks the entitlement com.apple.security.hypervisor.",
      "HV_BUSY, HV_NO_RESOURCES: another hypervisor (VirtualBox, HAXM) uses VT-x, or too many machines run.",
    ],
    steps: [
      {
        text: "Ask macOS: 1 and 0 are good; 0 in the first means no support, 1 in the second a virtual machine.",
        commands: ["sysctl kern.hv_support kern.hv_vmm_present", "qemu-system-x86_64 -accel help"],
      },
      { text: "Run without it, slowly.", commands: ["-accel tcg"] },
      {
        text: "With support there: sign the program with the entitlement.",
        commands: ["codesign --force --sign - --entitlements hypervisor.entitlements PROGRAM"],
      },
    ],
    source: {
      message: "actions/runner-images#8113, #9460; utmapp/UTM#3313; Homebrew/homebrew-core#84271",
      meaning: "actions/runner-images#8113; abiosoft/colima#970; Apple, Hypervisor.framework",
    },
  },
  {
    id: "docker-preconditions",
    product: "tool",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "engine linux/wsl failed to start",
      "engine linux/hyperv failed to start",
      "cannot enable hyper",
      "required windows feature(s) not enabled",
    ],
    group: "docker-preconditions",
    pattern:
      /engine linux\/(?:wsl|hyperv) failed to start|(?<!\b(?:I|we|you|they|users?|and|still|but) )Cannot enable Hyper-?V\b|Required windows feature\(s\) not enabled/i,
    what: "Docker Desktop checked Windows before starting its virtual machine and was not satisfied; the lines after it say with what.",
    causes: [
      "`Virtual Machine Platform` is off, or VT-x is off in the firmware setup.",
      "Docker Desktop's check is wrong where WSL2 itself works: some versions need a distribution or a newer WSL.",
    ],
    steps: [
      { text: "See whether WSL2 works on its own.", commands: ["wsl --status"] },
      HYPERV_ON,
      WINDOWS_STATE,
      ENABLE_FIRMWARE,
    ],
    source: {
      message: "docker/for-win#14910; MicrosoftDocs/Virtualization-Documentation#1374, #1432",
      meaning: "docker/for-win#14910; Docker documentation",
    },
  },
] as const satisfies readonly MessageRow[];
