import type { MessageRow } from "../../../answers/message.js";
import {
  causeIf,
  ENABLE_FIRMWARE,
  ENABLE_OUTER,
  HYPERV_OFF,
  KVM_ON_LINUX,
  LOAD_KVM,
  PASS_DEVICE,
  WHPX_ON,
  WINDOWS_STATE,
} from "../shared-advice.js";

/*
 * What the Android emulator and Android Studio print about their accelerators (HAXM, the emulator's own hypervisor driver
 * AEHD, Windows' hypervisor WHPX, Hypervisor.framework), and QEMU on Windows, on which the emulator is based.
 */

const PROBE = "Android emulator, android/emulation/CpuAccelerator.cpp";
const STUDIO = "Android Studio, avdmanager/AccelerationErrorCode.java";
const CHECK = {
  text: "See which accelerator the emulator can use.",
  commands: ["emulator -accel-check", "emulator-check accel hyper-v cpu-info"],
} as const;

export const ANDROID_MESSAGES = [
  {
    id: "emulator-acceleration",
    product: "HAXM",
    layer: "host operating system",
    gravity: "blocks",
    needle: ["emulation currently requires hardware acceleration", "cpu acceleration: disabled"],
    pattern: /emulation currently requires hardware acceleration|CPU Acceleration: DISABLED/i,
    group: "emulator-acceleration",
    what: "The Android emulator found no accelerator that it can use: KVM on Linux, Windows' hypervisor (WHPX) or its own driver (AEHD) on Windows, Hypervisor.framework on macOS. It says what is missing in the line of its status.",
    where: [
      {
        is: "on Linux",
        what: "The Android emulator found no KVM that it can use. It says what is missing in the line of its status; in a container, the host's /dev/kvm has to be passed in.",
        steps: [CHECK, PASS_DEVICE, LOAD_KVM],
      },
    ],
    steps: [CHECK, KVM_ON_LINUX, WHPX_ON, ENABLE_FIRMWARE],
    source: {
      message:
        "TeamWin/android_device_emulator_twrp#15; aporter/coursera-android#42; mingchen/docker-android-build-box#18",
      meaning: PROBE,
    },
  },
  {
    id: "emulator-hyperv",
    product: "HAXM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "please disable hyper-v before using the android emulator",
      "android emulator is incompatible with hyper-v",
      "hyper-v detected and windows hypervisor platform",
    ],
    group: "emulator-hyperv",
    pattern:
      /Please disable Hyper-V before using the Android Emulator|Android Emulator is incompatible with Hyper-V|Hyper-V detected and Windows Hypervisor Platform is (?:not )?available/i,
    what: "Windows' hypervisor runs and holds VT-x, so the emulator's own accelerators (HAXM, AEHD) cannot have it; the emulator can run on top of Windows' hypervisor instead (WHPX), and that part is not switched on or too old.",
    steps: [WHPX_ON, CHECK, HYPERV_OFF],
    source: { message: PROBE, meaning: `${PROBE}; ${STUDIO}` },
  },
  {
    id: "emulator-no-vtx",
    product: "HAXM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "android emulator requires an intel",
      "your cpu does not support vt-x",
      "your cpu does not support required features (vt-x",
      "cpu doesn't support ept and/or ug",
    ],
    group: "emulator-no-vtx",
    pattern:
      /Android Emulator requires an Intel(?:\/AMD| or AMD)? processor with (?:VT-x and NX|virtualization extension) support(?:\. {0,4}(?:\((?<lacks>VT-x|NX|Virtualization extension) is not supported\)|Your CPU: '(?<vendor>\w{1,16})'))?|Your CPU does not support (?:VT-x|required features \(VT-x or SVM\))|CPU doesn't support EPT and\/or UG features/i,
    what: "The Android emulator asked CPUID and found no VT-x (or NX) for its accelerator; it runs x86 images only very slowly then.",
    where: [
      {
        is: "said to be on",
        what: "The emulator or its driver found neither VT-x nor SVM in CPUID, and by the text it is on in the firmware: then Windows' own hypervisor runs (Hyper-V, WSL 2, memory integrity) and hides it.",
        steps: [
          HYPERV_OFF,
          {
            ...WHPX_ON,
            text: "Or leave it, and let the emulator use it: switch `Windows Hypervisor Platform` on, and restart.",
          },
        ],
      },
    ],
    causes: [
      "`Your CPU: 'AuthenticAMD'`: an AMD CPU and an emulator that knows HAXM only, which is for Intel. Use WHPX or AEHD.",
      "Another hypervisor (Hyper-V, or the one that this machine is a guest of) hides VT-x.",
      causeIf(
        "no VT-x",
        "The CPU has no VT-x. (Off in the firmware setup, the emulator says `VT feature disabled in BIOS/UEFI`.)",
      ),
    ],
    steps: [CHECK, WHPX_ON, WINDOWS_STATE, ENABLE_OUTER, ENABLE_FIRMWARE],
    source: { message: `${PROBE}; dotnet/docs-maui#1000`, meaning: `${PROBE}; ${STUDIO}` },
  },
  {
    id: "emulator-snapshots",
    product: "HAXM",
    layer: "silicon",
    gravity: "degrades",
    needle: "snapshots not supported on this machine",
    pattern: /Snapshots not supported on this machine[^\n]{0,20}CPU with EPT \+ UG/i,
    what: "The Android emulator runs with hardware virtualization, and without its snapshots (Quick Boot): they need EPT and unrestricted guest (UG), which this CPU or the hypervisor below lacks. Core 2 CPUs have neither, and those of the first Core i design (Nehalem) no unrestricted guest; no setting of the firmware brings them. Without EPT every change of the guest's page tables costs an exit, so that it is slow.",
    steps: [
      {
        text: "Take an older, smaller system image without Google Play, a device of real hardware, or a CPU from Westmere (2010) on.",
      },
    ],
    source: { message: "intel/haxm#30", meaning: "Intel SDM volume 3C; by the atlas" },
  },
  {
    id: "emulator-nested",
    product: "HAXM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "android emulator does not support nested virtualization",
    pattern:
      /Android Emulator does not support nested virtualization(?:\. {0,4}Your VM host: '(?<host>[^'\n]{1,40})')?/i,
    what: "The emulator sees that it runs in a virtual machine, and HAXM does not work there.",
    causes: ["The machine is a guest; or it is Windows on its own hypervisor, which a newer emulator uses (WHPX)."],
    steps: [{ text: "Update the emulator." }, WHPX_ON, ENABLE_OUTER, HYPERV_OFF],
    source: { message: "Android emulator (accel-check), as parsed by React Native's doctor", meaning: PROBE },
  },
  {
    id: "emulator-nx",
    product: "HAXM",
    layer: "firmware",
    gravity: "blocks",
    needle: ["nx feature disabled", "nx is disabled in bios", "does not support nx"],
    pattern: /NX (?:feature )?(?:is )?disabled in BIOS|Your CPU does not support NX/i,
    what: "No-execute memory protection (NX, Execute Disable) is off, and HAXM requires it besides VT-x.",
    causes: ["`Execute Disable` (XD, No-Execute) is off in the firmware setup."],
    steps: [
      { text: "Enable Execute Disable (XD, NX) in the firmware setup." },
      { text: "Let Windows use it.", commands: ["bcdedit /set nx OptIn"] },
    ],
    source: { message: `${PROBE}; ${STUDIO}`, meaning: PROBE },
  },
  {
    id: "emulator-driver",
    product: "HAXM",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "emulator hypervisor driver is not installed",
      "emulator hypervisor driver device",
      "opening android emulator hypervisor driver failed",
      "aehd device",
      "4294967201",
      "service_name: aehd",
      "service_name: gvm",
    ],
    group: "emulator-driver",
    pattern:
      /Android Emulator hypervisor driver (?:is not installed|device is not found|device: (?:permission denied|open failed|ioctl denied))|Opening Android Emulator hypervisor driver failed|Unable to open AEHD device|(?:StartService|SERVICE|EXIT_CODE|driver|aehd|gvm)[^\n]{0,40}\b4294967201\b|\b4294967201 error\b|SERVICE_NAME: (?:aehd|gvm)\b[^\n]{0,80}STATE {1,16}: 1 {1,4}STOPPED/i,
    what: "The emulator's hypervisor driver for Windows (AEHD, before: GVM) is not there or did not start: it needs VT-x or AMD-V for itself.",
    causes: [
      "Windows' hypervisor runs (Hyper-V, WSL2, Sandbox, memory integrity): use WHPX then, the driver is not needed.",
      { text: "VT-x (AMD-V) is off in the firmware setup.", layer: "firmware" },
    ],
    steps: [
      { text: "See whether Windows' hypervisor runs.", commands: ["emulator-check hyper-v", "sc query aehd"] },
      WHPX_ON,
      HYPERV_OFF,
      ENABLE_FIRMWARE,
    ],
    source: {
      message: `google/android-emulator-hypervisor-driver#11, #99; ${PROBE}`,
      meaning: "google/android-emulator-hypervisor-driver README, #11, #99",
    },
  },
  {
    id: "emulator-cpu-info",
    product: "HAXM",
    layer: "another hypervisor",
    gravity: "informs",
    needle: ["cpu|inside a vm|", "supported|inside a vm|", "|hyper-v root partition|"],
    pattern: /(?:AMD|Intel) CPU\|(?:Virtualization is supported\|)?(?<where>Inside a VM|Hyper-V Root Partition)\|/i,
    what: "emulator-check sees a hypervisor below: {where}. Without `Virtualization is supported` before it, that hypervisor hides VT-x (AMD-V).",
    causes: [
      "`Inside a VM` is also what Windows looks like on top of its own hypervisor (Hyper-V, WSL2, memory integrity), on older emulators.",
    ],
    steps: [CHECK, WHPX_ON, HYPERV_OFF, ENABLE_OUTER],
    source: {
      message: "google/android-emulator-hypervisor-driver#30",
      meaning: `${PROBE}; google/android-emulator-hypervisor-driver#30`,
    },
  },
  {
    id: "hax-shared",
    product: "HAXM",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: ["does not allow multiple hypervisors to co-exist", "initial hax sync failed", "failed to sync vcpu reg"],
    group: "hax-shared",
    pattern:
      /VirtualBox [\d.+]{1,12} does not allow multiple hypervisors to co-exist|initial hax sync failed|Failed to sync vcpu reg/i,
    what: "HAXM is there, and the CPU refused it a guest: another hypervisor holds VT-x while it runs. The emulator suspects VirtualBox; Docker, xhyve or VMware do the same.",
    steps: [
      { text: "Stop the machines of the other hypervisor, then start the emulator." },
      {
        text: "Or update the emulator: on macOS it uses Hypervisor.framework now, which all share.",
        commands: ["emulator -accel-check"],
      },
    ],
    source: {
      message: "nlf/dlite#101; Android emulator, target/i386/hax-all.c",
      meaning: "nlf/dlite#101; VirtualBox ticket 14294",
    },
  },
  {
    id: "whpx-missing",
    product: "QEMU",
    layer: "host operating system",
    gravity: "blocks",
    needle: [
      "whpx: no accelerator found",
      "whpx is either not available",
      "whvgetcapability failed",
      "winhvplatform.dll",
      "winhvemulation.dll",
      "whpx: failed to ",
      "ensure windows hypervisor platform",
    ],
    group: "whpx-missing",
    pattern:
      /WHPX: No accelerator found, hr=(?<hr>[0-9a-f]{8})|WHPX is either not available or not installed|WHvGetCapability failed\. hr=0x(?<hr2>[0-9a-f]{8})[^\n]{0,60}|(?:Could not load library|(?:Failed|Unable) to load) '?WinHv(?:Platform|Emulation)\.dll|WHPX: Failed to (?:create|setup) partition, hr=(?<hr3>(?!c0350)[0-9a-f]{8})|ensure Windows Hypervisor Platform \(WHPX\) is properly installed/i,
    what: "QEMU (or the Android emulator) should run on Windows' hypervisor (WHPX), which is not available: the hypervisor does not run, or `Windows Hypervisor Platform` is not switched on.",
    causes: [
      "The feature `Windows Hypervisor Platform` is off: WinHvPlatform.dll is missing then (and for a 32-bit program always), or no hypervisor is reported (hr=00000000).",
      { text: "VT-x is off in the firmware setup, or `hypervisorlaunchtype` is off.", layer: "firmware", always: true },
      "Windows is itself a virtual machine whose hypervisor does not pass VT-x (Azure and others: by machine type).",
    ],
    steps: [
      WHPX_ON,
      { text: "Let Windows start its hypervisor, then restart.", commands: ["bcdedit /set hypervisorlaunchtype auto"] },
      WINDOWS_STATE,
      ENABLE_FIRMWARE,
      ENABLE_OUTER,
    ],
    source: {
      message: `MicrosoftDocs/xamarin-docs#765; ${PROBE}; QEMU, target/i386/whpx/whpx-all.c`,
      meaning: "QEMU, target/i386/whpx/whpx-all.c; Microsoft, Windows Hypervisor Platform",
    },
  },
  {
    id: "whpx-nested",
    product: "QEMU",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: "whpx: failed to enable nested",
    pattern: /WHPX: Failed to enable nested virtuali[sz]ation(?:, hr=(?<hr>[0-9a-f]{8}))?/i,
    what: "QEMU reached Windows' hypervisor (WHPX), so VT-x (or AMD-V) is on, and asked it for nested virtualization in the guest, which this Windows does not give here. Plain guests need none.",
    causes: [
      "This Windows, or this CPU, offers its partitions no nested virtualization.",
      "Windows is itself a virtual machine.",
    ],
    steps: [
      {
        text: "Start the guest without it: a QEMU or a setting that does not ask for it, and a CPU model without vmx and svm.",
      },
      { text: "For guests with VT-x of their own, update Windows, or use Hyper-V itself.", commands: ["winver"] },
    ],
    source: {
      message: "omacom/try-omarchy-windows#19",
      meaning: "QEMU, target/i386/whpx/whpx-all.c; Microsoft, Windows Hypervisor Platform",
    },
  },
  {
    id: "whpx-runtime",
    product: "QEMU",
    layer: "another hypervisor",
    gravity: "blocks",
    needle: [
      "whpx: unexpected vp exit",
      "whpx: failed to e",
      "whpx: injection failed",
      "whpx: kernel irqchip",
      "whpx: failed to s",
      "whpx: failed to g",
      "whpx: failed to m",
      "whpx: failed to c",
      "unexpected vp exit code",
    ],
    group: "whpx-runtime",
    pattern:
      /WHPX: (?:Unexpected VP exit code (?<code>(?:0x)?[0-9a-f]{1,8})|Failed to (?!enable nested)[^\n]{3,60}|injection failed[^\n]{0,100}|kernel irqchip requested, but unavailable)|Unexpected VP exit code \d{1,5}/i,
    decoder: "windows-status",
    what: "QEMU runs over Windows' hypervisor (WHPX), so VT-x works; one operation of the guest was not carried out there.",
    causes: [
      "The interrupt controller in Windows' hypervisor does not suit this guest: it is what most of these go away with.",
      "A CPU model that promises what WHPX does not give (`-cpu max`, nested VMX: WHPX passes no VMX to guests).",
      "The guest does something that QEMU's emulation for WHPX does not know (memory-mapped accesses of old systems).",
    ],
    where: [
      {
        is: "vmx given to a guest",
        what: "QEMU runs over Windows' hypervisor (WHPX), which passes no VMX to guests, and the text gives the guest vmx: the guest uses what is not there, and ends in a triple fault or a failed operation.",
        steps: [
          { text: "Leave vmx out of the guest's CPU.", commands: ["-cpu qemu64,vmx=off"] },
          {
            text: "For guests with VT-x, use Hyper-V itself, or KVM on Linux.",
            commands: ["Set-VMProcessor -VMName NAME -ExposeVirtualizationExtensions $true"],
          },
        ],
      },
    ],
    steps: [
      {
        text: "Keep the interrupt controller in QEMU.",
        commands: ["-accel whpx,kernel-irqchip=off"],
        instead: {
          is: "in the Android emulator",
          text: "Update the emulator and Windows, and start the device cold; where it fails all the same, the emulator's own driver (AEHD) runs with Windows' hypervisor off.",
          commands: ["emulator -avd NAME -no-snapshot-load"],
        },
      },
      {
        text: "Take a named CPU model in place of host or max, without VMX.",
        commands: ["-cpu qemu64", "-cpu Skylake-Client"],
        unless: ["in the Android emulator"],
        instead: { is: "AMD", text: "Take a named CPU model in place of host or max.", commands: ["-cpu qemu64"] },
      },
      { text: "Or run without acceleration.", commands: ["-accel tcg"], unless: ["in the Android emulator"] },
    ],
    source: {
      message: "Tech-FZ/EmuGUI#72, Tech-FZ/EmuGUI-PreRelease#47, kjliew/qemu-3dfx#44",
      meaning: "QEMU issue 346; QEMU, target/i386/whpx/whpx-all.c; Tech-FZ/EmuGUI#72",
    },
  },
] as const satisfies readonly MessageRow[];
