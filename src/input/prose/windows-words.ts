/* Words of Windows: its own hypervisor, what runs on it, and what runs beside it. */

export const WINDOWS =
  /\bWindows\b|\bWin ?1[01]\b|\bSurface (?:Pro|Book|Laptop|Go)\b|WSA(?:Builds)?\b|\bBlueStacks\b|\bLDPlayer\b|\bNox\b|\bMEmu\b|\bTask Manager\b|\bHyper-?V\b|\bWSL ?[12]?\b|\bbcdedit\b|\b(?:device|credential) guard\b/i;
export const HYPERVISOR_WORKS =
  /\b(?:Hyper-? ?V|WSL ?2?)\b[^.\n]{0,24}\b(?:läuft|funktioniert|fonctionne|tourne|funciona|funzion\w{1,3}|działa)\b|\b(?:Hyper-? ?V|WSL ?2?) ?(?:可以|正常|能)[^，。\n]{0,4}(?:用|使用|运行|启动)|\b(?:Hyper-? ?V|WSL ?2?)[^.\n]{0,12}(?:работает|запускается)|\bHCS: Available\b|\bWindows Sandbox\b[^.\n]{0,30}\bworks\b|\b(?:Hyper-? ?V|WSL ?2?)\b[^.\n]{0,30}\b(?:works|up and running|installed and running|running without)\b|\busing (?:WSL ?2|Hyper-? ?V) (?:\w{2,12} )?(?:successfully|fine|without (?:an?y? )?(?:problem|issue)s?)\b|\b(?:WSL ?2?|Hyper-? ?V) (?:machines?|VMs?|distros?) (?:is |are )?(?:already )?running\b|\brunning (?:WSL ?2?|Hyper-? ?V) (?:machines?|VMs?|distros?)\b/i;

/** Products that use VT-x themselves on Windows, and what shows that Windows' own hypervisor is beside them. */
export const BESIDE = /\b(Virtual ?Box|VMware(?: (?:Workstation|Player)\b|\b|(?=\d)))/i;
export const OWN_HYPERVISOR =
  /\b(?:Virtualisierungsbasierte Sicherheit|S[ée]curité basée sur la virtualisation|Seguridad basada en (?:la )?virtualización|Segurança baseada em virtualização)(?=[ :]{1,4}(?:Wird ausgeführt|En cours|En ejecución|Em execução))|基于虚拟化的安全性?(?=[ :：]{1,4}正在运行)|仮想化ベースのセキュリティ(?=[ :：]{1,4}実行中)|(?:内核隔离|内存完整性)(?=[^，。\n]{0,6}(?:打开|开启|启用|开着))|\bturtle\b|\bNEM\b|\bWHPX\b|\bnative API\b|\bVBS\b|\bVirtuali[sz]ation[- ]based security\b|\bmemory integrity\b|\bcore isolation\b|\b(?:device|credential) guard\b|\bHyper-?V\b|\bhypervisorlaunchtype\b|\bWindows hypervisor\b/i;
/** By the name of what starts it, or by what shows it. */
export const shownBy = (own: string | undefined): string =>
  own === undefined || /launchtype|Windows hypervisor/i.test(own)
    ? ""
    : /turtle/i.test(own)
      ? " (the green turtle shows it)"
      : /^NEM$|native API/i.test(own)
        ? ` (${own} shows it)`
        : ` (${own})`;
/** It runs for these without Hyper-V being wanted. */
export const SECURITY =
  /\bVBS\b|\bVirtuali[sz]ation[- ]based security\b|\bmemory integrity\b|\bcore isolation\b|\b(?:device|credential) guard\b|\bHVCI\b|\bhypervisorlaunchtype\b/i;
/** Android players. */
export const PLAYER =
  /\b(?:BlueStacks|LDPlayer|Nox(?:Player)?|MEmu|GameLoop|MuMu(?:Player)?|Google Play Games|Genymotion|Andy|KoPlayer)\b|雷电|夜神|逍遥|蓝叠|MuMu/i;
/** Drivers and programs that take VT-x themselves on Windows, or that people who write a hypervisor run. */
const TAKES_VTX =
  /\bHAXM\b|\bAEHD\b|\bhypervisor driver\b|\bAVDs?\b|\bAndroid (?:Studio|emulator)\b|\bemulators?\b|\bDBVM\b|\bCheat Engine\b|\bGNS3\b|\bEVE-NG\b|\bvagrant\b|\bvboxmanage\b|\bVMX\b|\bVT-?x\b|\bcoreinfo\b|模拟器|虚拟机/i;
/** Something is named that cannot have VT-x while Windows' own hypervisor runs. */
export const namesRival = (text: string): boolean => BESIDE.test(text) || PLAYER.test(text) || TAKES_VTX.test(text);
/** What runs on Windows' hypervisor and not without it. */
export const CONSUMER =
  /\b(?:WSL ?2?|(?:MagiskOn)?WSA(?:Builds)?|Windows Subsystem for (?:Linux|Android)|Docker(?: Desktop)?|Windows Sandbox|Hyper-?V|WHPX|Windows Hypervisor Platform|minikube|Podman|Rancher Desktop|multipass)\b/i;
/** Of those, what is a program of its own: it wants that hypervisor on. */
export const CONSUMER_ALONE =
  /\b(?:Podman|Docker Desktop|Rancher Desktop|minikube|multipass|(?:MagiskOn)?WSA(?:Builds)?|Windows Subsystem for \w{5,7})\b/i;
/** Of those, what runs on the machine itself where VirtualBox or VMware is named, too. */
export const STARTS_HYPERVISOR =
  /\bWSL ?2\b|\bDocker (?:Desktop|for Windows)\b|\bWindows Sandbox\b|\bVirtual Machine Platform\b|\bWindows Hypervisor Platform\b/i;

/** A form that asks for the host's system, and a Mac. */
export const HOST_IS_MAC = /\bHost OS\b[^\n]{0,24}(?:\n\s{0,4}){0,3}(?:mac ?OS|OS ?X)\b/i;

/** A guest of QEMU: other products that are named run in it. */
export const IN_QEMU = /(?:^|\s)-cpu\b|(?<!\w)\+vmx\b/m;

/** Windows' own hypervisor, or what starts it, where a text says that it is off. */
const STARTERS = String.raw`(?:Hyper-? ?V|VBS|virtuali[sz]ation[- ]based security|memory integrity|core isolation|(?:device|credential) guard|HVCI|WSL ?2?|Virtual Machine Platform|Windows Hypervisor Platform|Windows Sandbox)(?: ?\([\w -]{2,24}\))?`;
const OFF =
  "(?:disabled|turned off|switched off|uninstalled|removed|deactivated|off|not (?:installed|enabled|running|active|used)|unchecked|unticked)";
export const DENIED = new RegExp(
  String.raw`\b${STARTERS}(?:(?:,|,? and|,? or| ?\/) ${STARTERS}){0,4}(?: (?:features?|options?|settings?|boxes|isolation|service))?(?:,? (?:is|are|was|were|has been|have been|both|all|already|also|completely|fully)){0,3}[ :]{1,3}${OFF}\b|\bHyper-V disabled[ \t]{1,12}\*[ \t]{1,6}Yes\b|\b(?:disabled|(?<=\bI (?:enabled? [\w-]{2,8},? (?:and )?)?)disable|disabling|turned off|turning off|switched off|uninstalled|removed|deactivated|unchecked|no|without)(?: (?:the|all|my|both|Windows|Microsoft)){0,2} ${STARTERS}(?:(?:,|,? and|,? or| ?\/) ${STARTERS}){0,4}`,
  "gi",
);
export const isWithoutHyperV = (text: string): boolean => text.replace(DENIED, "").length < text.length;

// Windows 11 begins with build 22000, and still calls itself version 10.0.
const TEN = /\bWin(?:dows)? ?10\b|\b10\.0\.1\d{4}\b|\bVersion \d\dH\d \(?(?:OS )?Build 1\d{4}\b/i;
const ELEVEN = /\bWin(?:dows)? ?11\b|\b10\.0\.2[2-9]\d{3}\b|\bBuild 2[2-9]\d{3}\b/i;
export const isWindows10 = (text: string): boolean => TEN.test(text) && !ELEVEN.test(text);

const WSL = /microsoft-standard|\bWSL ?2?\b/i;
const RUN_IN_IT = /\/dev\/kvm|\bKVM\b|\bmodprobe\b|\bqemu-system/i;
/** What WSL itself says when it does not start is about Windows; WSL 1 has no kernel of Linux. */
const NOT_STARTED =
  /\bVirtual Machine Platform\b|\b0x8037\d|\bWSL_E_|\bWSL2 is not supported\b|\d-Microsoft\b(?!-standard)|\bWSL ?1\b/i;
/** Something of Linux runs in WSL 2. */
export const isInWsl2 = (text: string): boolean => WSL.test(text) && RUN_IN_IT.test(text) && !NOT_STARTED.test(text);

/** Of WSL, beside its line about nested virtualization. */
const NOT_STARTING =
  /\bWSL\W{0,4} (?:(?:can ?not|can['’]t|won['’]t|will not|does ?n['’]t|fails to|refuses to) )(?:even )?(?:start|boot|launch)|\bCreateVm\/0x8/i;
const NO_VTX_IN_WSL =
  "WSL's virtual machine gets no VT-x; that alone does not keep WSL from starting, and the code of the error after it says what does (0x800705b4: the time ran out).";
export const ofWsl = (text: string): string | undefined => (NOT_STARTING.test(text) ? NO_VTX_IN_WSL : undefined);
