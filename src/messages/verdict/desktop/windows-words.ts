/* Words of Windows: its own hypervisor, what runs on it, and what runs beside it. */

export const WINDOWS =
  /\bWindows\b|\bWin ?1[01]\b|\bWSA\b|\bBlueStacks\b|\bLDPlayer\b|\bNox\b|\bMEmu\b|\bTask Manager\b|\bHyper-?V\b|\bWSL ?[12]?\b|\bbcdedit\b|\b(?:device|credential) guard\b/i;
export const HYPERVISOR_WORKS =
  /\bHCS: Available\b|\bWindows Sandbox\b[^.\n]{0,30}\bworks\b|\b(?:Hyper-? ?V|WSL ?2?)\b[^.\n]{0,30}\b(?:works|up and running|running without)\b|\b(?:WSL ?2?|Hyper-? ?V) (?:machines?|VMs?|distros?) (?:is |are )?(?:already )?running\b|\brunning (?:WSL ?2?|Hyper-? ?V) (?:machines?|VMs?|distros?)\b/i;

/** Products that use VT-x themselves on Windows, and what shows that Windows' own hypervisor is beside them. */
export const BESIDE = /\b(Virtual ?Box|VMware(?: (?:Workstation|Player)\b|\b|(?=\d)))/i;
export const OWN_HYPERVISOR =
  /\bturtle\b|\bNEM\b|\bWHPX\b|\bnative API\b|\bVBS\b|\bVirtuali[sz]ation[- ]based security\b|\bmemory integrity\b|\bcore isolation\b|\b(?:device|credential) guard\b|\bHyper-?V\b|\bhypervisorlaunchtype\b|\bWindows hypervisor\b/i;
/** It runs for these without Hyper-V being wanted. */
export const SECURITY =
  /\bVBS\b|\bVirtuali[sz]ation[- ]based security\b|\bmemory integrity\b|\bcore isolation\b|\b(?:device|credential) guard\b|\bHVCI\b|\bhypervisorlaunchtype\b/i;
/** Android players. */
export const PLAYER =
  /\b(?:BlueStacks|LDPlayer|Nox(?:Player)?|MEmu|GameLoop|MuMu(?:Player)?|Google Play Games|Genymotion|Andy|KoPlayer)\b|雷电|夜神|逍遥|蓝叠|MuMu/i;
/** What runs on Windows' hypervisor and not without it. */
export const CONSUMER =
  /\b(?:WSL ?2?|WSA|Windows Subsystem for (?:Linux|Android)|Docker(?: Desktop)?|Windows Sandbox|Hyper-?V|WHPX|Windows Hypervisor Platform|minikube|Podman|Rancher Desktop|multipass)\b/i;
/** Of those, what runs on the machine itself where VirtualBox or VMware is named, too. */
export const STARTS_HYPERVISOR =
  /\bWSL ?2\b|\bDocker (?:Desktop|for Windows)\b|\bWindows Sandbox\b|\bVirtual Machine Platform\b|\bWindows Hypervisor Platform\b/i;
