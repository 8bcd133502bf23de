/*
 * Words that name the system or the CPU of a text's machine, and words beside which they name another one.
 */

export const OF_FREEBSD =
  /\b(?:FreeBSD|TrueNAS CORE|pfSense|OPNsense|vm-bhyve|kldload|vmm\.ko|vmx_modinit|bhyvectl|GhostBSD)\b/;
export const OF_BSD =
  /\b(?:FreeBSD|TrueNAS CORE|pfSense|OPNsense|vm-bhyve|kldload|vmm\.ko|vmx_modinit|bhyvectl|GhostBSD|OpenBSD|NetBSD|DragonFly(?:BSD)?|nvmm)\b/;
/** Where it is a guest, or Linux one of it, commands of Linux are right as well. */
export const NOT_BSD_ALONE =
  /\b(?:Linux|Ubuntu|Debian|Fedora|CentOS|Arch|Alpine|Proxmox|PVE|KVM|QEMU|qemu|libvirt|Windows|VMware|ESXi|Hyper-V|VirtualBox on)\b|\/proc\/|\/dev\/kvm|\bmodprobe\b|\brdmsr\b/;
/** Flags have other names there. */
export const OF_MACOS =
  /\b(?:mac ?OS|OS X|Darwin|Hypervisor\.framework|kern\.hv_support)\b|\bclfsh\b[^\n]{0,160}\bdscpl\b/i;
export const NOT_MACOS_ALONE =
  /\b(?:Linux|Ubuntu|Debian|Fedora|Arch|CentOS|NixOS|Proxmox|Windows|WSL\d?|KVM|VMs?|guests?|virtual machines?|hackintosh|docker|containers?)\b|\/proc\/|\/dev\/kvm|\bmodprobe\b|\bdmesg\b|\bx86\/cpu:/i;

/** All Core i and Core Ultra, and Xeons since Nehalem. */
export const OF_EPT =
  /\b(?:Core(?:\(TM\)|™)? )?i[3579][- ](?:1\d{4}|[2-9]\d{3}|\d{3})[A-Z]{0,3}\d?\b|\bCore(?:\(TM\)|™)? Ultra\b|\bXeon(?:\(R\)|®)?(?: CPU)? (?:E[357]|D|W|Gold|Silver|Bronze|Platinum)\b|\bE[357]-\d{4,5}(?: ?v\d)?\b/i;

/** A CPU of Intel's. */
export const INTEL_NAMED =
  /\bGenuineIntel\b|\bIntel\(R\) (?:Core|Xeon|Celeron|Pentium|Atom)\b|\bIntel (?:Core|Xeon|Celeron|Pentium|Atom|Gold|Silver|CPUs?\b|N\d{2,3}\b)|\bi[3579]-\d{3,5}|\bXeon\b/i;

/** Errors of VirtualBox that only an Intel CPU brings, and the module for those. */
export const OF_INTEL =
  /\b(?:Skylake|Cascadelake|Icelake|Cooperlake|Haswell|Broadwell|SapphireRapids|GraniteRapids|SierraForest|Snowridge|Denverton|Westmere|Nehalem|Penryn|Conroe|IvyBridge|SandyBridge)(?![a-z ])|\bVERR_VMX_|\bkvm[_-]intel\b|\bvmx flags\b|^flags\s{0,8}:[^\n]{0,2000}\bvmx\b/m;

export const OF_AMD = /\bAMD|\bSVM\b|\bRyzen\b|\bEPYC\b/i;
