/*
 * Windows hosts with a known truth, and what Windows and the programs on it show there. Facts: Microsoft, "Troubleshooting WSL"
 * and "Hyper-V requirements" (systeminfo shows no requirements once a hypervisor is there); Win32_ComputerSystem.HypervisorPresent;
 * Sysinternals Coreinfo; Oracle, VirtualBox's status codes (err.mac); VMware's and Docker's own messages.
 */

/** Why a program that uses VT-x or AMD-V itself does not get it, or that it does. */
export type DirectTruth = "free" | "held" | "firmware" | "CPU" | "outer";

/** Why a program that runs over Windows' own hypervisor does not run, or that it does. */
export type OverTruth = "runs" | "no feature" | "launch off" | "firmware" | "CPU" | "outer";

export interface WindowsHost {
  readonly vendor: "intel" | "amd";
  readonly has: boolean;
  readonly on: boolean;
  /** Features of Windows that start its hypervisor. */
  readonly starts: "none" | "features" | "memory integrity";
  readonly launch: "Auto" | "Off";
  /** What Windows itself is a guest of. */
  readonly below?: "VMware" | "VirtualBox" | "KVM";
  readonly runs: boolean;
  readonly direct: DirectTruth;
  readonly over: OverTruth;
}

const BELOW = [undefined, "VMware", "VirtualBox", "KVM"] as const;

export const WINDOWS_HOSTS: readonly WindowsHost[] = (["intel", "amd"] as const).flatMap((vendor) =>
  BELOW.flatMap((below) =>
    [true, false].flatMap((has) =>
      (below === undefined && has ? [true, false] : [has]).flatMap((on) =>
        (["none", "features", "memory integrity"] as const).flatMap((starts) =>
          (["Auto", "Off"] as const).map((launch): WindowsHost => {
            // Memory integrity can be locked on by the firmware.
            const runs = has && on && (starts === "memory integrity" || (starts === "features" && launch === "Auto"));
            const lacks = !has ? (below === undefined ? "CPU" : "outer") : on ? undefined : "firmware";
            const over = lacks ?? (launch === "Off" ? "launch off" : starts === "features" ? "runs" : "no feature");
            const host = {
              vendor,
              has,
              on,
              starts,
              launch,
              runs,
              direct: lacks ?? (runs ? "held" : "free"),
              over,
            } as const;
            return below === undefined ? host : { ...host, below };
          }),
        ),
      ),
    ),
  ),
);

const isSeen = ({ runs, below }: WindowsHost): boolean => runs || below !== undefined;
const yes = (is: boolean): string => (is ? "Yes" : "No");
const shell = (command: string, output: string): string => `C:\\Users\\me>${command}\n${output}`;
const DETECTED = "A hypervisor has been detected. Features required for Hyper-V will not be displayed.";
const CPU = {
  intel: ["Intel64 Family 6 Model 158 Stepping 10 GenuineIntel ~3192 Mhz", "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz"],
  amd: ["AMD64 Family 23 Model 113 Stepping 0 AuthenticAMD ~3593 Mhz", "AMD Ryzen 5 3600 6-Core Processor"],
} as const;
const SYSTEM = {
  VMware: ["VMware, Inc.", "VMware7,1"],
  VirtualBox: ["innotek GmbH", "VirtualBox"],
  KVM: ["QEMU", "Standard PC (Q35 + ICH9, 2009)"],
} as const;

const usesDirect = ({ direct }: WindowsHost): boolean => direct !== "free";

/** What a command or a program shows; undefined where people would not show it. */
export const WINDOWS_OUTPUTS: { readonly [name: string]: (host: WindowsHost) => string | undefined } = {
  systeminfo: (host) =>
    shell(
      "systeminfo",
      [
        "OS Name:                   Microsoft Windows 10 Pro",
        `System Manufacturer:       ${host.below === undefined ? "Dell Inc." : SYSTEM[host.below][0]}`,
        `System Model:              ${host.below === undefined ? "OptiPlex 7060" : SYSTEM[host.below][1]}`,
        "Processor(s):              1 Processor(s) Installed.",
        `                           [01]: ${CPU[host.vendor][0]}`,
        ...requirements(host),
      ].join("\n"),
    ),
  requirements: (host) => requirements(host).join("\n"),
  msinfo: (host) =>
    [
      `Virtualization-based security\t${host.starts === "memory integrity" && host.runs ? "Running" : "Not enabled"}`,
      ...(isSeen(host)
        ? [DETECTED]
        : [
            `Hyper-V - VM Monitor Mode Extensions\t${yes(host.has)}`,
            "Hyper-V - Second Level Address Translation Extensions\tYes",
            `Hyper-V - Virtualization Enabled in Firmware\t${yes(host.on)}`,
            "Hyper-V - Data Execution Protection\tYes",
          ]),
    ].join("\n"),
  computerInfo: (host) =>
    shell(
      'powershell Get-ComputerInfo -Property "HyperV*"',
      isSeen(host)
        ? [
            "HyperVisorPresent                                 : True",
            "HyperVRequirementDataExecutionPreventionAvailable :",
            "HyperVRequirementSecondLevelAddressTranslation    :",
            "HyperVRequirementVirtualizationFirmwareEnabled    :",
            "HyperVRequirementVMMonitorModeExtensions          :",
          ].join("\n")
        : [
            "HyperVisorPresent                                 : False",
            "HyperVRequirementDataExecutionPreventionAvailable : True",
            "HyperVRequirementSecondLevelAddressTranslation    : True",
            `HyperVRequirementVirtualizationFirmwareEnabled    : ${host.on ? "True" : "False"}`,
            `HyperVRequirementVMMonitorModeExtensions          : ${host.has ? "True" : "False"}`,
          ].join("\n"),
    ),
  processor: (host) =>
    shell(
      "powershell Get-CimInstance Win32_Processor",
      [
        `Name                          : ${CPU[host.vendor][1]}`,
        `VirtualizationFirmwareEnabled : ${host.on && host.has && !isSeen(host) ? "True" : "False"}`,
        `VMMonitorModeExtensions       : ${host.has && !host.runs ? "True" : "False"}`,
      ].join("\n"),
    ),
  taskManager: (host) =>
    host.below === undefined
      ? host.has
        ? `The Task Manager shows under CPU: Virtualization: ${host.on ? "Enabled" : "Disabled"}`
        : undefined
      : "The Task Manager shows under CPU: Virtual machine: Yes",
  coreinfo: (host) =>
    shell(
      "coreinfo -v",
      [
        "Coreinfo v3.52 - Dump information on system CPU and memory topology",
        CPU[host.vendor][1],
        ...(host.vendor === "intel" ? ["Intel64 Family 6 Model 158 Stepping 10, GenuineIntel"] : []),
        `HYPERVISOR      ${isSeen(host) ? "*" : "-"}       Hypervisor is present`,
        ...(host.vendor === "intel"
          ? [
              `VMX             ${host.has && !host.runs ? "*" : "-"}       Supports Intel hardware-assisted virtualization`,
              `EPT             ${host.has && !host.runs ? "*" : "-"}       Supports Intel extended page tables (SLAT)`,
            ]
          : [
              `SVM             ${host.has && !host.runs ? "*" : "-"}       Supports AMD hardware-assisted virtualization`,
              `NP              ${host.has && !host.runs ? "*" : "-"}       Supports AMD nested page tables (SLAT)`,
            ]),
      ].join("\n"),
    ),
  bcdedit: ({ launch }) =>
    shell(
      "bcdedit /enum {current}",
      `Windows Boot Loader\n-------------------\nidentifier              {current}\nnx                      OptIn\nhypervisorlaunchtype    ${launch}`,
    ),
  feature: ({ starts }) =>
    shell(
      "powershell Get-WindowsOptionalFeature -Online -FeatureName VirtualMachinePlatform",
      `FeatureName      : VirtualMachinePlatform\nDisplayName      : Virtual Machine Platform\nState            : ${starts === "features" ? "Enabled" : "Disabled"}`,
    ),
  virtualBox: (host) =>
    usesDirect(host)
      ? `VirtualBox 5.2:\n${
          host.direct === "firmware"
            ? host.vendor === "intel"
              ? "VT-x is disabled in the BIOS for all CPU modes (VERR_VMX_MSR_ALL_VMX_DISABLED)."
              : "AMD-V is disabled in the BIOS (or by the host OS) (VERR_SVM_DISABLED)."
            : host.vendor === "intel"
              ? "VT-x is not available (VERR_VMX_NO_VMX)."
              : "AMD-V is not available (VERR_SVM_NO_SVM)."
        }`
      : undefined,
  vmware: (host) => {
    if (!usesDirect(host)) return undefined;
    if (host.direct === "held")
      return host.starts === "memory integrity"
        ? "VMware Workstation and Device/Credential Guard are not compatible. VMware Workstation can be run after disabling Device/Credential Guard."
        : "VMware Workstation and Hyper-V are not compatible. Remove the Hyper-V role from the system before running VMware Workstation.";
    const name = host.vendor === "intel" ? "Intel VT-x" : "AMD-V";
    return host.direct === "firmware"
      ? `This host supports ${name}, but ${name} is disabled.\n${name} might be disabled if it has been disabled in the BIOS/firmware settings or the host has not been power-cycled since changing this setting.`
      : `This host does not support ${name}.`;
  },
  wsl: ({ over }) =>
    over === "runs"
      ? undefined
      : shell(
          "wsl -d Ubuntu",
          "WslRegisterDistribution failed with error: 0x80370102\nError: 0x80370102 The virtual machine could not be started because a required feature is not installed.",
        ),
  docker: ({ over }) =>
    over === "runs"
      ? undefined
      : "Docker Desktop: Hardware assisted virtualization and data execution protection must be enabled in the BIOS.",
  emulator: ({ runs }) =>
    runs ? shell("emulator -accel-check", "accel:\n0\nWHPX(10.0.19041) is installed and usable.\naccel") : undefined,
  haxm: (host) => {
    if (host.vendor === "amd" || !usesDirect(host)) return undefined;
    if (host.direct === "held")
      return "Intel HAXM installation failed. To install Intel HAXM follow the instructions found at...\nThis computer does not support Intel Virtualization Technology (VT-x) or it is being exclusively used by Hyper-V. HAXM cannot be installed.";
    return host.direct === "firmware"
      ? "Failed to install HAXM: This computer meets the requirements for HAXM, but Intel Virtualization Technology (VT-x) is not turned on."
      : "This computer does not support Intel Virtualization Technology (VT-x) or it is being exclusively used by Hyper-V. HAXM cannot be installed.";
  },
  event: ({ direct, starts, launch, vendor }) =>
    direct === "firmware" && starts !== "none" && launch === "Auto"
      ? `Event 41, Hyper-V-Hypervisor: Hypervisor launch failed; ${vendor === "intel" ? "Either VMX not present or not enabled in BIOS." : "Either SVM not present or not enabled in BIOS."}`
      : undefined,
};

function requirements(host: WindowsHost): readonly string[] {
  return isSeen(host)
    ? [`Hyper-V Requirements:      ${DETECTED}`]
    : [
        `Hyper-V Requirements:      VM Monitor Mode Extensions: ${yes(host.has)}`,
        `                           Virtualization Enabled In Firmware: ${yes(host.on)}`,
        "                           Second Level Address Translation: Yes",
        "                           Data Execution Prevention Available: Yes",
      ];
}
