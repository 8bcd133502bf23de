import { namedWithoutVmx } from "../../host/without-vmx.js";

/* What a text says in words of where it was written. */

/** Questions and choices of forms, and conditions in what programs print: they do not describe this machine. */
const ASKED =
  /\bAre you running inside a virtuali[sz]ed Windows[^:\n]{0,60}(?::(?![\s*_`]{0,6}(?:yes|VM|virtual machine|VMware|VirtualBox|Parallels|Hyper-?V|Azure|AWS)\b)[^\n]{0,80}|(?![^:\n]{0,60}:))|\bif you(?: are|'re)\b[^.\n]{0,80}|\((?:[\w ]{1,16}, ?){1,4}(?:\.\.\.|…|etc\.?)\)|\bIntel (?:chip )?or Apple (?:chip|silicon)\b/gi;
export const saidOf = (text: string): string => text.replace(ASKED, "");

export const IN_A_MACHINE =
  /\bdockurr?\/windows\b|\b(?:is|as|in|inside) an? (?:Hyper-?V|VMware|KVM|VirtualBox|ESXi|Proxmox|Xen|QEMU) (?:guest|VM|virtual machine)\b|\b(?:Windows|Server)\b[^.\n]{0,24}\bas an? (?:VM|virtual machine|guest)\b|\bKVM running on\b|\b(?:am|are|['’]m|['’]re) (?:using|in|under|running (?:it |this |Windows )?(?:in|under|on)) (?:QEMU\/)?KVM\b|\bWi?n?dows ?(?:\d\d |Server \d{0,4} ?)?VM\b|\bWin ?(?:7|8|10|11) VM\b|\b(?:installed|running|runs|hosted) (?:on|in|inside) (?:an? |the |my )?(?:VirtualBox|VMware(?: \w{3,12})?|Hyper-?V|Parallels|ESXi|Proxmox) (?:VM|machine|guest)\b|\bvirtuali[sz]ed Windows ?\d{1,2}\b|\bVDI\b|\bvirtual desktop\b|\bVM_?ware (?:image|VM|guest|instance)\b|\bvirtuali[sz]ed (?:VMware|Windows)\b|\b(?:VM|Windows|Win\d\d)(?: (?:10|11|7|8|Pro|Home|Enterprise|Server|20\d\d)){0,3} (?:running |hosted )?(?:on|under|in|through|via) (?:my |an? |the )?(?:ESXi|Parallels|Proxmox|vSphere|vCloud|VM_?ware|KVM|QEMU|Unraid)\b|\b(?:have|using|use|on|run|running|is|in) (?:an? )?Windows(?: (?:10|11|7|8|Pro|Home|Enterprise|Server|20\d\d)){0,3} (?:virtual machine|VM)\b|\b(?:inside|in|on|within) (?:a|an|my|this|the) (?:\w{2,12} )?(?:VM|virtual machine|VPS)\b/i;

export const APPLE =
  /\bhyperkit\b|\bDarwin \d|\bmac ?OS(?![a-z])|(?<!docker-)\bOS ?X\b|\bApple[- ](?:Silicon|M\d|Hypervisor|Virtuali[sz]ation)\b|\bMacBook\b|\biMac\b|\bMac ?(?:mini|Pro|Studio)\b|\bXserve\b|\bmachdep\.cpu\.|\bIntel[- ](?:based )?Macs?\b|\bon (?:an? |my |the )?Macs?\b|\bHypervisor[. ]?Framework\b|hackintosh\b|(?<![A-Za-z:])\/Users\/\w/i;
const MAC_IS_HOST =
  /\b(?:UTM|Parallels|Fusion|hvf|xhyve|hyperkit|Tart|Lima|Colima|OrbStack)\b|\bHypervisor[. ]?Framework\b|\bMac (?:chip|mini|Pro|Studio)\b|\bMacPro\d|\bXserve\b|\bmachdep\.cpu\.|\bIntel[- ]based Mac\b|\bMacBook|\biMac\b|\bApple[- ](?:Silicon|M\d)\b|hackintosh\b|(?<![A-Za-z:])\/Users\/\w|\bApple chip\b|\bmac ?OS host\b|\b(?:Intel|M\d) Mac\b|\bon (?:my |a |an |the )?(?:mac ?OS|OS ?X|Macs?)\b/i;
const WINDOWS_IS_HOST = /\bWindows host\b|\bhost\w{0,4}(?: \w{1,10}){0,3}[:=]? ?Windows\b|\b[A-Z]:\\/i;

/** Linux in place of macOS. */
const LINUX_ALONE =
  /\b(?:Mac(?:Book)?(?: ?(?:mini|Pro|Air|Studio))?|iMac)\b[^.\n]{0,24} (?:with|running|runs) (?:\w{2,10} )?(?:Linux|Ubuntu|Debian|Fedora|Arch|Proxmox|Mint)\b[^.\n]{0,24}\b(?:bare ?metal|natively|only|instead)\b/i;

/** A Mac runs the hypervisor; elsewhere macOS is named as a guest. */
export const isOnMac = (text: string): boolean =>
  APPLE.test(text) &&
  !WINDOWS_IS_HOST.test(text) &&
  !LINUX_ALONE.test(text) &&
  (MAC_IS_HOST.test(text) || !/\bWindows\b/.test(text));

const SILICON =
  /\bApple[- ](?:Silicon|sill?ic?i?on|M[1-9])\b(?: (?:m[1-9])?(?: ?(?:Pro|Max|Ultra)))?|\bApple chip\b|\bM[1-9] (?:or|and) (?:later|newer|up)\b|\bMac chip\W{1,4}(?:Apple )?M[1-9]\b|\bM[1-9](?: (?:Pro|Max|Ultra))? (?:Silicon|Macs?|MacBook|chips?|CPU|processor|runners?)\b|(?<=\b(?:on|using|an?|my|with|the|have|is) )M[1-9]\b(?: (?:Pro|Max|Ultra)\b)?/i;
const MAC_OF_INTEL =
  /\bGenuineIntel\b|\bIntel\(R\)|\bIntel (?:Core|Xeon|Macs?\b|MacBook|\()|\bi[3579]-\d{3,5}|\bXeon\b|\bx86_64 Macs?\b/i;

/** Apple's own chip, as the text names it, where it names no Mac of Intel. */
export function appleSilicon(text: string): string | undefined {
  const said = saidOf(text);
  return MAC_OF_INTEL.test(said) ? undefined : SILICON.exec(said)?.[0].replace(/^Mac chip\W{1,4}/i, "");
}

/** People who know that their CPU has no VT-x; what a program prints has other words. */
const CPU_LACKS =
  /\b(?:which|that|my (?:\w{2,10} ){0,4}(?:CPU|processor|PC|laptop|computer)s?) (?:does(?: not|n['’]t)|do(?: not|n['’]t)) (?:support|have) (?:VT-?x\b|Intel VT|(?:hardware(?:[- ]assisted)? )?virtuali[sz]ation)(?!\w{0,4}(?: technology| support)? or\b)|\bnon-VT-?x\b|\b(?:i[3579]|Core|Celeron|Pentium|Atom|CPU|processor)\b[^.\n]{0,40}\b(?:do(?:es)? ?n['’]t|does not|do not) (?:have|support) (?:any )?(?:VT-?x\b(?!\/AMD)|vi(?:rt|s)uali[sz]ation technology)|\b(?:PC|CPU|processor|machine|computer|laptop)s? without (?:VT(?:-?x)?\b|virtuali[sz]ation)|\bVT-?x\b[^\n]{0,120}\b(?:CPU|core|processor|Intel|model|chip)s? w(?:\/o(?:ut)?|ithout) it\b/i;
/** What VT-x is for. */
const OF_VIRTUALIZATION =
  /\bVT-?x\b|\bvmx\b|\bvirtuali[sz]|\bVirtuali[sz]ierung|\bVirtual ?Box\b|\bKVM\b|\bHAXM\b|\bHyper-?V\b|虚拟/i;
export const cpuLacks = (text: string): boolean =>
  CPU_LACKS.test(text) || (namedWithoutVmx(text) !== undefined && OF_VIRTUALIZATION.test(text));
