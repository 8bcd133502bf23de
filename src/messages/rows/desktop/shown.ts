import {
  BCDEDIT_REFUSED,
  BEFORE_PLATFORM,
  HYPERV_NEEDED,
  hasPlatform,
  LAUNCH_AUTO,
  SAYS_HYPERV_RUNS,
} from "../../../input/prose/done-on-windows.js";
import { isOfGuest } from "../../../input/prose/in-guest-words.js";
import { saysNestedOn } from "../../../input/prose/nested-in-words.js";
import { saysNoSwitch, saysOff, saysOn } from "../../../input/prose/said-on.js";
import {
  saysDefaultsLoaded,
  saysLocked,
  saysNewestFirmware,
  saysPowerTaken,
  saysTxtOff,
} from "../../../input/prose/tried-words.js";
import { HYPERVISOR_WORKS, isInWsl2, isWindows10, namesRival } from "../../../input/prose/windows-words.js";
import { INTEL_CPU, svmNamed, VTX_WORDS } from "../../../input/text/svm-named.js";
import { namedOuter } from "../../../why/below/named-outer.js";
import { shownModel } from "../../../why/below/shown-model.js";
import { cpusNamed } from "../../../why/cpus/named-cpu.js";
import type { Shown } from "../../desktop-messages.js";
import { wantsHypervisor } from "../../verdict/desktop/hosts/wanted-hypervisor.js";
import { windowsShows } from "../../verdict/desktop/hosts/windows-verdict.js";
import { isSupposed, saysInside, vboxBelow } from "../../verdict/desktop/said-inside.js";
import { showsLog } from "../../verdict/desktop/shown/already-set.js";
import { lacksPlugin } from "../../verdict/desktop/shown/device-plugin.js";
import { isTypedInContainer } from "../../verdict/desktop/shown/in-container.js";
import {
  INTEL_NAMED,
  NOT_BSD_ALONE,
  NOT_MACOS_ALONE,
  OF_AMD,
  OF_BSD,
  OF_EPT,
  OF_FREEBSD,
  OF_INTEL,
  OF_MACOS,
} from "../../verdict/desktop/shown/named-systems.js";
import { isWindowsDriver } from "../../verdict/desktop/windows-driver.js";
import { isMacGuest } from "../../verdict/guests/guest-kinds.js";
import { runsGuest } from "../../verdict/guests/kvm-runs.js";
import { OWN_COMPUTER, rentedCloud } from "../../verdict/rented-cloud.js";

const OF_WINDOWS =
  /\bWHPX\b[^.\n]{0,24}\bon Windows\b|\bWindows[ -]{0,2}(?:7|8|10|11|Vista|Server|build|features?)\b|\bWin ?1[01]\b|\b[A-Z]:\\|\bTask[- ]?Manager\b/i;
/** Its own program failed there, whatever runs in its machines. */
const RUNS_WINDOWS =
  /\bGNS3 [\d.]{1,8} on Windows (?:7|8|10|11)\b|\bon Windows (?:10|11)\b[^.\n]{0,24} with VMware (?:Workstation|Player)\b|\bVBoxManage\.exe: error:|^#{1,4} (?:Host )?(?:Operating system|OS)\s{1,6}(?:Microsoft )?Windows (?:7|8|10|11)\b/im;
const OF_LINUX =
  /\/dev\/kvm|\buname\b|\b(?:EVE-NG|GNS3 VM|PNETLab|Ubuntu|Proxmox|KVM|QEMU|libvirt|modprobe|dmesg|Linux host|on Linux)\b/i;
/** VirtualBox in a machine. */
const NESTED_VBOX =
  /\bV(?:irtual)?Box\b[^\n]{0,20}>[^\n]{0,20}\bV(?:irtual)?Box\b|\b(?:VirtualBox|VBox|vagrant|minikube|docker-machine)\b[^.\n]{0,30} (?:inside|within|in) (?:a|an|my|the|another) (?:\w{2,12} ){0,2}(?:VM|virtual machine|VPS)\b|\bnested VirtualBox\b/i;
/** Its firmware is the one of the machine, and no setup of the computer's. */
const WINDOWS_GUEST = /\bWindows(?: \d{2})? guest (?:under|in|on) (?:Cloud Hypervisor|KVM|QEMU)\b/i;
function saysNestedVbox(text: string): boolean {
  const at = text.search(NESTED_VBOX);
  return at >= 0 && !isSupposed(text, at);
}
/** QEMU over Windows' own hypervisor. */
const ACCELERATED = /\bWHPX\b|\baccel[= ]whpx\b/i;

/** Another hypervisor that runs, or its module in a list of lsmod. */
const RIVAL_RUNS =
  /\b(?:VMware|Virtual ?Box|VBox)\b(?: \w{2,12}){0,3} (?:is|are|was|were) (?:also |already |still )?(?:running|open|started|up|active)\b|\b(?:VMware|Virtual ?Box) VMs? (?:at the same time|simultaneously|start(?:s|ed|ing)|running)\b|\bVirtualBoxVM\b|\bVBoxHeadless\b|\bvmware-vmx\b|^(?:vboxdrv|vmmon) {1,20}\d/im;
const IN_RIVAL = /\b(?:inside|in|on) (?:a |my |the )?(?:VMware|Virtual ?Box)\b/i;
const AFTER_SUSPEND =
  /\bsystemctl (?:suspend|hibernate|hybrid-sleep)\b|\bpm-suspend\b|\brtcwake\b|\b(?:before|until) (?:going to )?(?:sleep|suspend\w{0,3})\b|\blid (?:close|open|clos|was closed)|\b(?:suspend|resume|sleep)\/(?:resume|wake)\b|\bnach (?:dem |jedem )?(?:Standby|Ruhezustand|Aufwachen|Suspend|Bereitschaft\w{0,6})\b|\baprès (?:la |une )?(?:mise en )?veille\b|\b(?:tras|después de) (?:la )?(?:suspen\w{2,5}|hibern\w{2,6})|после (?:сна|пробуждения|выхода из сна|спящего режима|ждущего режима)|(?:睡眠|休眠|挂起|待机)[^，。\n]{0,6}(?:后|唤醒|恢复)|(?:スリープ|サスペンド)[^。\n]{0,6}(?:後|復帰)|\bwak(?:es?|ing) up from (?:S3|sleep|suspend)\b|\b(?:until|till) (?:the |my )?(?:next |first )?suspend\b|\b(?:after|since|following) (?:(?:a|an|the|each|every|any) )?(?:\w{2,12} )?(?:suspend(?:ing)?|resum(?:e|ing)|S3|sleep|standby|waking up|wake-?up|hibernat\w{1,5})\b|\bPM: (?:suspend|hibernation) exit\b|\bPM: Finishing wakeup\b/i;

/** Names of machines, and not of what may run in them. */
const PHYSICAL =
  /\b\w{2,8}\.metal\b|\bdedicated (?:root )?server\b|\b(?:an? |this |the |old )(?:\w{2,12} ){0,2}(?:laptop|notebook|desktop|workstation|(?:HP|Dell|Lenovo|Fujitsu) server)\b|ноутбук|компьютер|电脑|笔记本|台式机|ノート(?:PC|パソコン)|\b(?:[Mm]ein|unser|dieser) (?:PC|Rechner|Laptop|Notebook)\b|\bmon (?:ordinateur|PC|portable)\b|\bmi (?:portátil|PC|ordenador)\b|\b(?:bare[- ]?metal|my (?:\w{2,12} )?(?:laptop|notebook|desktop|PC|workstation)|(?:mother|main)board|NUC\w{0,8}|Surface (?:Pro|Book|Laptop|Go)|ThinkPad|ThinkServer|ThinkCentre|PowerEdge|ProLiant|OptiPlex|Latitude|EliteBook|ProBook|Dell [RT]\d{3}|Supermicro|ASRock)\b|\b(?:I|I['’]ve)\b[^.\n]{0,60}\b(?:the|my|its) (?:BIOS|UEFI)\b/i;
/** Words that are of another machine where the text has a computer of its own. */
const OTHERS = /\bcloud\b|\bVPS\b|\bhttps?:\/\/\S{1,200}/gi;
const IN_ANOTHER =
  /\b(?:in|inside|within|on|as|is|from) (?:an?|my|the|this) (?:\w{2,12} )?(?:VM|virtual machine|guest|VPS|instance|container)\b|\b(?:VPS|nest(?:ed|ing)|cloud|L[12]|guests?)\b|\b(?:in|inside|within|under|on)(?: an?| my| the)? (?:ESXi?|vSphere|VMware|VirtualBox|Hyper-?V|WSL2?|Proxmox)\b/i;
const PRODUCT = /\b(?:ESXi?|vSphere|VMware|VirtualBox|Hyper-?V|WSL2?|Proxmox)\b/gi;
/** The one product that a text names may be the one that runs on the machine. */
const isInAnother = (text: string): boolean =>
  IN_ANOTHER.test(OWN_COMPUTER.test(text) ? text.replace(OTHERS, "") : text) ||
  new Set(text.match(PRODUCT)?.map((name) => name.toLowerCase())).size > 1;

const HYPERV_OFF =
  /\b(?:Hyper-?V|Windows hypervisor)\b[^.\n]{0,24}?\b(?:(?:is|was|has been|already) (?:already |also )?(?:disabled|turned off|off|uninstalled|removed)|(?:not|n['’]t) (?:installed|enabled|running|active|on))\b|\b(?:I(?:['’]ve| have)?|already|also) (?:already |also )?(?:disabled|turned off|uninstalled|removed) (?:the )?Hyper-?V\b/i;
const HYPERV_WANTED = /\b(?:need|want|enable|use|install)\w{0,3} (?:the )?Hyper-?V\b/i;

const BY_PROXMOX =
  /\bqm (?:set|config|start|create|list)\b|\bProxmox\b|\bPVE\b|\broot@pve|\bpveversion\b|\bTASK ERROR\b|\bstart failed: QEMU exited with code\b/i;
const BY_LIBVIRT =
  /\bvirsh\b|\bvirt-(?:manager|install|host-validate|viewer)\b|\blibvirt(?:d|Error)?\b|<(?:domain|cpu mode|feature policy)\b|\/var\/log\/libvirt\b/i;
/** They write what libvirt or QEMU is given. */
const BY_OTHERS =
  /\b(?:OpenStack|nova|oVirt|RHV|vdsm|OpenNebula|CloudStack|KubeVirt|virt-(?:handler|launcher)|VirtualMachineInstance|Harvester|vagrant|terraform|multipass|minikube|Proxmox|PVE|LXD|incus|quickemu|GNS3|EVE-NG|bhyve|ganeti)\b/i;
const BY_HAND =
  /\bqemu-system-(?:x86_64|i386)\b[^\n]{0,400} -(?:cpu|enable-kvm|accel|machine|M|m|hda|drive|kernel)\b|^\s{0,8}-(?:cpu|enable-kvm|machine)\b/m;

/** So long a text names what its programs run in. */
const STORY = 400;
/** In their own words people need fewer. */
const FEW_OWN_WORDS = 200;
const IN_FIRST_PERSON = /\b(?:I|I['’]m|I['’]ve|my) [a-z]/;
const CONTAINER =
  /\b(?:docker|containers?|podman (?:run|build|exec|compose)|LX[CD]|kubernetes|k8s|k3s|pods?|WSL|flatpak|snap)\b/i;
const REPOSITORY = /github\.com\/containers\b/gi;
const ON_MACHINE =
  /\b(?:podman machine|colima|limactl|multipass|virt-manager|virt-install|GNOME Boxes|quickemu|vagrant|virsh|(?:VMware|VirtualBox) VM|Kali Linux)\b/i;

/** Ubuntu's -kvm and -virtual, Alpine's -virt, Debian's cloud kernel, and that of LinuxKit (Docker Desktop). */
const KERNEL_FOR_GUESTS =
  /\b\d\.\d{1,3}\.\d{1,3}(?:-\d{1,4}(?:\.\d{1,4})?-(?:kvm|virtual|virt)|-[\w.+~]{1,20}-cloud-(?:amd64|arm64)|-linuxkit)\b/;
const MODULES_OF_WSL2 = /\/lib\/modules\/\d[\w.+-]{2,24}-microsoft-standard/;
const NO_RIGHT =
  /\/dev\/kvm\b[^\n]{0,40}\b[Pp]ermission denied|\bKVM kernel module: Permission denied|\bpermissions to use KVM\b/;
const DEVICE_PASSED = /^[ \t]{0,24}- ?["']?\/dev\/kvm\b|--device[= ]["']?\/dev\/kvm\b/m;
const NO_HYPERVISOR =
  /\(HVP=0\)|\bNot in a hyperv\w{0,3}sor partition\b|\bHyper-V disabled[ \t]{1,12}\*[ \t]{1,6}Yes\b/;
/** The machine runs in one that needs no Windows below it, and no Windows is named. */
const isOnBareMetal = (text: string): boolean =>
  text.length < 20_000 &&
  /\bESXi\b|\bv(?:Sphere|Center)\b|\bXCP-?ng\b|\bXenServer\b|\bProxmox\b|\bPVE\b|\bUnraid\b|\boVirt\b/i.test(text) &&
  !/\bWin(?:dows)?\b|\bWin ?1[01]\b|\bWorkstation\b|\bPlayer\b|\bHyper-?V\b/i.test(text);
const SAID_IN_CONTAINER =
  /\bdocker (?:image|run|container|compose)\b|\b(?:inside|in) (?:an? |the )?(?:docker )?container\b/i;
/** Its engine runs in a machine of its own there. */
const ON_ANOTHER = /\bWindows\b|\bWSL|\b[A-Z]:\\|\bmac ?OS\b/;

/** A longer text is a log, which names what it likes. */
const LONGEST = 20_000;

/** KVM, what can be KVM, and what people name beside the Windows that it is a part of. */
const OF_KVM =
  /^(?:KVM|QEMU|Proxmox|a virtual machine|OpenStack|Nutanix|oVirt|Unraid|Apple|WSL|Hyper-V|Windows|Docker|HAXM)/;
function isInOther(text: string): boolean {
  const outer = namedOuter(text, undefined);
  return outer?.isBelow === true && !OF_KVM.test(outer.name);
}

/** What a text shows of its machine in words: a pattern, and one that rules it out. */
export const SHOWN: readonly Shown[] = [
  // Where programs and files are on Linux and nowhere else, and what VirtualBox calls a failure everywhere but on Windows.
  [
    "on Linux",
    /\/dev\/kvm\b|(?:^|\n)\[[a-z][\w.-]{0,31}@[\w.-]{1,63} [^\]\n]{1,40}\][#$] |\bKVM_CAP_|\bUnraid\b|\bKVM is properly installed\b|\bKVM requires a CPU\b|\bdocker run\b[^\n]{0,40}--privileged\b|\b(?:pre-?built )?docker image\b[^.\n]{0,40}\bemulator\b|\/usr\/(?:lib\/virtualbox|bin\/(?:VBoxManage|VirtualBox))\b|\/proc\/(?:sys|cpuinfo)\b|\bGNU\/Linux\b|\bNS_ERROR_FAILURE\b|\blsb_release\b|\blsmod\b|\bflatpak (?:run|info|--version)\b|\bswupd\b|\brpm-ostree\b|\bRed Hat Enterprise Linux\b|\b(?:I have|I['’]?m on|I am on|I use|I run|minikube v[\d.]{3,10} on|(?:running|using|installed) (?:it )?on) (?:[^.\n]{0,40}\W)?(?:Ubuntu|Debian|Fedora|CentOS|RHEL|Red ?hat|Arch|openSUSE|Linux Mint|Manjaro) ?(?:\d|\(|Linux\b|LTS\b)|\bminikube v[\d.]{3,10} on linux\b|^[a-z][\w-]{0,31}@[\w-]{1,63}:~[^\n#$]{0,60}[$#] |\n[a-z][\w-]{0,31}@[\w-]{1,63}:~[^\n#$]{0,60}[$#] |\b(?:Intel|AMD)\b[^\n]{0,60} \u00d7 \d{1,3}\b|\b(?:VirtualBox|VMware|vagrant)\b[^.\n]{0,24}\b(?:working|fail\w{0,3}|problems?|errors?|installed|runs?|running|broken|start\w{0,3})\b[^.\n]{0,16} on (?:Ubuntu|Debian|Fedora|CentOS|Arch|openSUSE|Linux Mint|Manjaro)\b(?! (?:VM|guest|virtual))|\b(?:VirtualBox|VMware) on my (?:Ubuntu|Debian|Fedora|Arch|openSUSE|Linux)\b(?! (?:VM|guest|virtual))|\b(?:in|inside|on) (?:an? |my |the )?(?:Ubuntu|Debian|Fedora|CentOS|RHEL|Arch|Linux)(?: [\d.]{1,5})? (?:droplet|VM|instance|server|guest|container|VPS)\b|\bHost (?:OS|operating system|platform)\b(?: Type)?(?: is|[\s:#*=]{1,8})(?:\$ [^\n]{1,40}\n)?[^\n]{0,16}\b(?:Linux|Ubuntu|Debian|Fedora|Arch|CentOS|openSUSE|Mint|NixOS|Manjaro)\b/i,
    /\b[A-Z]:\\|\bWSL|\bWindows (?:host|\d\d|Pro)\b|\bVBoxManage\.exe\b|\bmac ?OS\b|\bOS X\b|\bDarwin\b/i,
  ],
  [
    "on Windows",
    {
      test: (text) =>
        RUNS_WINDOWS.test(text) || (OF_WINDOWS.test(text) && (!OF_LINUX.test(text) || ACCELERATED.test(text))),
    },
  ],
  [
    "an Intel CPU named",
    { test: (text) => INTEL_NAMED.test(text) && !/\bAMD\b|\bRyzen\b|\bEPYC\b|\bSVM\b/i.test(text) },
  ],
  ["the CPU named", { test: (text) => text.length <= LONGEST && cpusNamed(text).length === 1 }],
  ["a model typed", /(?:^|\s)-cpu\s{1,3}(?!host\b|max\b)[A-Za-z]/m, /-cpu\s{1,3}(?:host|max)\b/],
  ["a driver on Windows", { test: isWindowsDriver }],
  ["Windows 10", { test: isWindows10 }],
  ["Windows' hypervisor runs", { test: (text) => SAYS_HYPERV_RUNS.test(text) || windowsShows.runs(text) }],
  ["Virtual Machine Platform on", { test: hasPlatform }],
  ["hypervisor launch auto", LAUNCH_AUTO, BCDEDIT_REFUSED],
  ["Hyper-V needed", HYPERV_NEEDED],
  ["before Virtual Machine Platform", BEFORE_PLATFORM],
  ["in the Android emulator", /\bAVDs?\b|\bAndroid (?:Studio|emulator)\b|\bemulator(?:\.exe)? -avd\b/i],
  [
    "Intel",
    { test: (text) => INTEL_CPU.test(text) || OF_INTEL.test(text) || (VTX_WORDS.test(text) && !OF_AMD.test(text)) },
  ],
  ["another product below", { test: (text) => text.length <= LONGEST && isInOther(text) }],
  ["KVM runs a guest", { test: (text) => text.length <= LONGEST && runsGuest(text) }],
  [
    "an old system",
    /\bUbuntu (?:[0-9]|1[0-4])\.(?:04|10)\b|\b(?:CentOS|RHEL|Red Hat Enterprise Linux)(?: Linux)?(?: Server)?(?: release)? ?[4-6](?:\.\d{1,2})?\b|\bDebian [4-8]\b|\bel[56]\.x86_64\b|\bQEMU emulator version [01]\.|\bqemu-kvm-[01]\.\d|\bkvm_run returned -\d/i,
  ],
  [
    "in dom0",
    /\bx[lm] (?:info|list|dmesg|top|vcpu-list|create)\b|\(XEN\) (?:VMX|HVM|SVM|CPU\d)|\bxen_(?:version|commandline|caps)\s{0,24}:|\bcontrol_d\b|(?<!\bnot )\b(?:in|on|my|the|from) (?:Xen(?:'s)? )?dom(?:ain-?)?0\b/i,
    /\bdom[uU]\b|\b(?:HVM|PV|PVH) (?:guest|VM)\b[^\n]{0,40}(?:#|\$) |\bInsid?e (?:the |an? )?(?:guest|VM)\b/,
  ],
  ["Proxmox starts the guests", BY_PROXMOX, /\bvirsh\b|\bvirt-manager\b|\blibvirtd?\b|<(?:domain|cpu|feature)\b/i],
  ["libvirt starts the guests", BY_LIBVIRT, BY_OTHERS],
  ["OpenStack starts the guests", /\bOpenStack\b|\bnova(?:\.conf|\.virt|-compute)\b/i],
  ["HAXM's own log", /\bhaxm_(?:warning|error|info|debug|panic)\b/],
  ["nested kept off", /^[^#\n]{0,80}\boptions kvm[-_]intel\b[^#\n]{0,80}\bnested=(?:0|n)\b/im],
  [
    "QEMU is started by hand",
    BY_HAND,
    { test: (text) => BY_PROXMOX.test(text) || BY_LIBVIRT.test(text) || BY_OTHERS.test(text) },
  ],
  ["in KubeVirt", /\bKube-?Virt\b|\bHarvester\b|\bvirt-(?:launcher|handler)\b|\bVirtualMachineInstance/i],
  ["no device plugin", { test: lacksPlugin }],
  ["a named model", /(?:^|\s)-cpu\s{1,3}(?!host\b|max\b|qemu|kvm)[A-Za-z]|<model\b[^>\n]{0,60}>(?!host)[A-Z]/m],
  // Its author sets the registers, and no QEMU.
  [
    "a program of its own on KVM",
    /\b(?:KVM_EXIT_FAIL_ENTRY|hardware_entry_failure_reason|KVM_EXIT_INTERNAL_ERROR|KVM_SET_SREGS|set_sregs|kvm[-_]ioctls|kvm_run\.|VcpuExit|rust-vmm|KVM_CREATE_VCPU|[Uu]hyve)\b/,
    /\b(?:QEMU|qemu-\w{2,12}|libvirt|Proxmox|VirtualBox)\b/i,
  ],
  ["macOS as the guest", { test: (text) => text.length <= LONGEST && isMacGuest(text) }],
  [
    "model with AVX2",
    /(?:-cpu\s{1,3}|\b[Uu]sing |<model[^>]{0,40}>)(?:Haswell|Broadwell|Skylake|Cascadelake|Icelake)\b/,
  ],
  ["MSRs of KVM's own", /\bfaulty MSR 0x4b564d(?![^\0]{0,4000}\bfaulty MSR 0x4[89])/],
  ["vmx given to a guest", /-cpu\s{1,3}[\w.,=+-]{0,200}[,+]\+?vmx(?:=on)?(?![-=\w])/],
  ["vmx asked for", /\bvmx\b/i],
  ["snapshot of a guest", /\brevert requires force\b/],
  ["exits traced", /\bkvm_exit:|\bkvm:kvm_exit\b/],
  // One of another architecture, or one that is emulated on purpose.
  [
    "other guest",
    /\bmachine_arch ?= ?['"](?!x86|i[3-6]86)|\bqemu-system-(?!x86_64|i386)\w|\bdriver ?= ?['"]qemu['"]|<domain type=['"]qemu['"]|\B--?kvm[ =]0\b|^kvm: 0$|\baccel[= ]tcg\b/m,
  ],
  // Programs that start QEMU on the machine itself, or a whole thread, where no container is named.
  [
    "in the group kvm",
    /\[kvm:x:\d{1,6}:[^\]\s]{1,60}\]|(?:^|\n)[^\n]{0,40}\b(?:id -n?G\w?|groups)\b[^\n]{0,60}\n[^\n]{0,300}\bkvm\b|\bgroups=[^\n]{0,300}\(kvm\)/,
  ],
  [
    "no container",
    {
      test: (text) =>
        text.length > STORY || ON_MACHINE.test(text) || (text.length > FEW_OWN_WORDS && IN_FIRST_PERSON.test(text)),
    },
    { test: (text) => CONTAINER.test(text.replace(REPOSITORY, "")) },
  ],
  ["privileged container", /\bdocker run\b[^\n]{0,80} --privileged\b|^\s{2,12}privileged: true\b/m],
  ["Docker alone named", /\bdocker\b/i, /\b(?:LX[CD]|LXC|incus|Proxmox|PVE|nspawn)\b/i],
  // Their text is about KVM's own way with EPT, and no hypervisor of the poster's.
  ["a parameter of KVM named", /\bkvm(?:[-_]intel)?\.[a-z_]{3,40}\b(?!\.)|\bmodinfo -p kvm/],
  ["kernel log shown", { test: showsLog }],
  [
    "CPUs said to differ",
    /\b(?:BSP|boot(?:strap)? (?:CPU|processor)|(?:CPU|core) ?#?0|some (?:of the )?(?:CPUs|cores)|one (?:CPU|core|socket))\b[^.\n]{0,60}(?:\n[> \t]{0,8}[^.\n]{0,60}){0,2}\b(?:enabled|on|0x[57]|has (?:VMX|VT-?x))\b[^.\n]{0,60}(?:\n[> \t]{0,8}[^.\n]{0,60}){0,2}\b(?:APs?|(?:the |all )?other(?: CPU| core| socket)?s?|another (?:CPU|core|one)|(?:CPU|core)s? ?#?[1-9]\d{0,2})\b[^.\n]{0,60}(?:\n[> \t]{0,8}[^.\n]{0,60}){0,1}\b(?:disabled|off|0x1|not|n['’]t)\b|\bdivergent feature\s{1,4}(?:> )?support across CPUs\b/i,
  ],
  // What its hypervisor has to do with it is left open there.
  ["no Windows named", /^(?![^\0]*(?:windows|hyper-?v|wsl|bcdedit|\bwin ?\d|\.exe\b|\b[a-z]:\\|credential guard))/i],
  ["on a BSD", OF_BSD, NOT_BSD_ALONE],
  ["on FreeBSD", OF_FREEBSD, NOT_BSD_ALONE],
  [
    "vmm loaded",
    /\bvmm(?:\.ko)?(?: kernel)?(?: module)? (?:is|was|are|gets) (?:already )?loaded\b|\bvmm\b[^.\n]{0,16}: File exists\b|^[^\n]{0,40}0x[0-9a-f]{4,16}[^\n]{0,16} vmm\.ko$/im,
  ],
  [
    "vmx among the flags",
    /\bgrep -\w?c\w? ['"]?vmx['"]?(?: \/proc\/cpuinfo)? (?:is|gives|returns|says|shows|prints) [1-9]\d{0,3}\b/,
  ],
  ["on illumos", /\b(?:illumos|SmartOS|OmniOS(?:ce)?|OpenIndiana|add_drv|isainfo)\b/],
  ["no firmware switch", { test: saysNoSwitch }],
  ["on a Chromebook", /\bChromebooks?\b|\bcrouton\b/i],
  ["rival beside KVM", RIVAL_RUNS, IN_RIVAL],
  ["after a suspend", AFTER_SUSPEND],
  ["bare metal", { test: windowsShows.isPhysical }],
  ["said to be physical", { test: (text) => PHYSICAL.test(text) || OWN_COMPUTER.test(text) }, { test: isInAnother }],
  ["Hyper-V said to be off", HYPERV_OFF, HYPERV_WANTED],
  ["no rival named", { test: (text) => !namesRival(text) }],
  ["Windows' hypervisor wanted", { test: wantsHypervisor }],
  // No hypervisor of Windows' own, on a desktop.
  [
    "Windows 7",
    /\bWindows ?-? ?(?:7|Vista|XP)\b(?! ?(?:guest|VM|image|iso|virtual))/i,
    /\bWindows (?:8|10|11|Server)\b|\bHyper-?V\b|\bguest (?:OS|operating system)\b[^\n]{0,20}\n{0,2}[^\n]{0,20}Windows|\bLinux\b|\bUbuntu\b|\bmac ?OS\b|\bOS X\b|\b(?:run|install|boot|start)(?:s|ning|ing|ed)? (?:a |an )?Windows (?:7|Vista|XP)\b(?! (?:host|machine|PC|laptop|system))/i,
  ],
  // WHPX came with Windows 10.
  ["Windows 8", /\bWindows ?8(?:\.1)?\b(?! ?(?:guest|VM|image|iso|virtual))/i, /\bWindows (?:10|11|Server)\b/i],
  [
    "macOS",
    /\b(?:mac ?OS|OS X|MacBook|iMac|Darwin|x?hyve|hyperkit|IntelHAXM_[\d.]{3,8}\.dmg)\b|\/usr\/local\/Cellar\b/i,
    /\bFreeBSD\b|\billumos\b|\bWindows (?:7|8|10|11)\b|\b[A-Z]:\\|\bVBoxManage\.exe\b/,
  ],
  // The one that both vendors share, by words.
  [
    "kvm.ko loaded",
    /(?<![-_\w])["'`“]?kvm["'`”]? (?:kernel )?module (?:is|was|shows as) (?:already )?loaded\b/i,
    /\bkvm[-_](?:intel|amd)\b/i,
  ],
  ["macOS alone", OF_MACOS, NOT_MACOS_ALONE],
  // What CPUID says to VirtualBox on Windows.
  // And to HAXM's check.
  [
    "no hypervisor below",
    { test: (text) => NO_HYPERVISOR.test(text) || windowsShows.runsNone(text) || isOnBareMetal(text) },
  ],
  ["AMD", { test: (text) => text.length <= LONGEST && svmNamed(text) !== undefined }],
  ["in WSL2", { test: (text) => isInWsl2(text) || MODULES_OF_WSL2.test(text) }],
  ["typed in a container", { test: isTypedInContainer }],
  ["no right to the device", NO_RIGHT],
  ["device passed", DEVICE_PASSED],
  [
    "kvm_intel left out",
    /^[^\n]{0,120}(?:# CONFIG_(?:KVM(?:_INTEL)?|VIRTUALIZATION) is not set|CONFIG_(?:KVM(?:_INTEL)?|VIRTUALIZATION)=n)\s*$/m,
  ],
  [
    "on ESXi",
    /\bESXi? (?:\d|host client)|\bESXi\b[^.\n]{0,24}\b(?:host client|installer|hosts?)\b/i,
    /\bWindows\b|\bKVM\b|\bLinux\b/i,
  ],
  ["a kernel for guests", KERNEL_FOR_GUESTS],
  [
    "in a container",
    { test: (text) => isTypedInContainer(text) || (SAID_IN_CONTAINER.test(text) && !ON_ANOTHER.test(text)) },
  ],
  ["VT-x in use", /\bKVM_CREATE_VM\)?(?: failed)?: (?:16 )?Device or resource busy/i],
  ["without SMM", /\bsmm=off\b|<smm state=['"]off\b/],
  ["a host model given", /-cpu (?:host|max)\b|\bhost-passthrough\b/],
  ["enforced", /-cpu\s{1,3}[\w.,=+-]{0,200},enforce\b|\b(?:Host|TCG) doesn't support requested features/],
  ["in a cloud", { test: (text) => rentedCloud(text) !== undefined }],
  ["bcdedit refused", /\bbcdedit\b[^\0]{0,300}\baccess (?:is )?denied\b/i],
  [
    "hypervisor launch off",
    /\bhypervisorlaunchtype\W{1,8}(?:is |to |set to )?\W?off\b|\bhypervisorlaunchtype\b[^.\n]{0,12}\b(?:ignored|no effect)\b/i,
    /\bhypervisorlaunchtype\W{1,8}(?:is |to |set to )?\W?auto\b|^(?=[^\0]*\b(?:in|inside) the (?:guest|VM|virtual machine)\b)[^\0]*\b(?:on|at) (?:the|my) host\b[^.\n]{0,80}\bhypervisorlaunchtype\b|\b(?:do|should|must|can) I\b[^\n.?]{0,60}\bhypervisorlaunchtype\b|\bhypervisorlaunchtype\b[^\0]{0,400}\b(?:access (?:is )?denied|parameter is incorrect)\b/i,
  ],
  // People who looked.
  [
    "said to be on",
    { test: (text) => saysOn(text) || HYPERVISOR_WORKS.test(text) || windowsShows.isOn(text) },
    { test: saysOff },
  ],
  // Of a program that starts machines itself, only what says that it runs in one.
  [
    "said to be nested",
    { test: (text) => WINDOWS_GUEST.test(text) || saysNestedVbox(text) || vboxBelow(text) !== undefined },
  ],
  ["Nyx on plain KVM", /\bNYX runs in fallback mode\b/, /\bKVM_CAP_DIRTY_LOG_RING\b|\[QEMU-Nyx\] Error:/],
  // Linux, drivers/acpi/acpi_processor.c.
  ["CPU added", /\bCPU ?\d{1,5} has been hot-added\b/],
  ["power taken away", { test: saysPowerTaken }],
  ["newest firmware", { test: saysNewestFirmware }],
  ["firmware defaults loaded", { test: saysDefaultsLoaded }],
  ["TXT said to be off", { test: saysTxtOff }],
  ["setup said to be locked", { test: saysLocked }],
  ["a CPU with EPT named", OF_EPT],
  ["said to be virtual", { test: (text) => saysInside(text) || isOfGuest(text) || windowsShows.isGuest(text) }],
  ["shown to be virtual", { test: (text) => shownModel(text) !== undefined }],
  ["said to have nested on", { test: saysNestedOn }],
  [
    "said to use KVM",
    /\bdomain type:?\s{0,8}=?['"]?kvm\b|\bqemu:\/{2,3}\w|\bvagrant-libvirt\b|\b(?:kvm2|kvm) driver\b|\bqemu-kvm\b/i,
    /\b(?:Xen|Qubes|dom0|XCP-?ng|XenServer)\b/i,
  ],
];
