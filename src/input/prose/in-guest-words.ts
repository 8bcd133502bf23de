/*
 * Words that say that Linux, and with it what failed of KVM, runs in a virtual machine: in a product without KVM of its own, or
 * rented; and what only a virtual machine shows.
 */

const LINUX =
  "(?:Linux|Ubuntu|Debian|Kali|Mint|Fedora|CentOS|RHEL|Red Hat|Rocky|Alma|(?:open)?SUSE|Arch|Manjaro|Proxmox|PVE|Gentoo|Alpine|Oracle Linux)";
const PRODUCT =
  "(?:VM_?ware(?: (?:Workstation|Player|Fusion))?(?: (?:Pro|\\d{1,2}))?|Virtual ?Box|Hyper-?V|Parallels|UTM|XCP-?ng|Nutanix|AHV)";

/** Linux in a product without KVM: "VMware Workstation 17 with a Kali guest", "Hyper-V gen2 VM with Ubuntu". */
const IN_PRODUCT = new RegExp(
  [
    `\\b${PRODUCT}\\b[^.\\n]{0,30} (?:with|running|and) (?:an? |my )?${LINUX}\\b[^.\\n]{0,12} (?:guest|VM|machine)\\b`,
    `\\b${PRODUCT}(?: gen ?[12]| AHV)? (?:VM|guest|instance)s? (?:with|running|of) (?:an? )?${LINUX}\\b`,
    `\\b${PRODUCT}\\b[^.\\n]{0,60}\\bguest (?:is|OS|system)\\b[^.\\n]{0,12}${LINUX}\\b`,
    `\\bhost (?:is|OS|system)? ?(?:is |= ?|: ?)?Windows\\b[^.\\n]{0,40}\\bguest\\b[^.\\n]{0,12}${LINUX}\\b`,
    `\\b${LINUX}\\b[^.\\n]{0,20} (?:dentro (?:do|de|del)|su|sous|unter|unterm|auf|em|no) ${PRODUCT}\\b`,
    `\\bmacchina virtuale\\b[^.\\n]{0,12}\\b${PRODUCT}\\b`,
    `\\b${PRODUCT} ?上の ?${LINUX}`,
    `(?:виртуалк|виртуальн)[а-яё]{1,4}[^.\\n]{0,20}${PRODUCT}\\b`,
  ].join("|"),
  "i",
);

/** Machines that are rented out, and build services. */
const RENTED =
  /\b(?:my|an?|this|our|the|on|in) (?:\w{2,12} )?(?:VPS|vServer|v-server|cloud (?:server|VM|machine|instance)|VSI)\b|\b(?:VPS|vServer)\b[^.\n]{0,20}\b(?:with|running|mit|con|avec|com|chez|bei|Debian|Ubuntu|CentOS|Alma|Rocky)\b|\b(?:VPS|vServer) ?(?:у|от|на|で|上)|\b(?:CircleCI|Scaleway|Ionos|UpCloud|Kamatera|netcup|IBM Cloud|Exoscale|Travis CI)\b|\bVDI\b|\bvirtuali[sz]ed server\b|\bvagrant ssh\b|(?:in|inside) (?:an? |my |the )?(?:Multipass|Lima|Colima|Crostini)\b|\bCrostini\b|(?:сервер|машина) виртуальн|виртуальн[а-яё]{2,3} (?:сервер|машин)/i;

/** A whole machine, or one who rents them out. */
const WHOLE =
  /\bmetal\b|\bbaremetal\b|\bdedicated\b|\bdedizierte|\broot[- ]?server\b|\bphysical\b|\b(?:host|sell|offer|provide|run|resell|create|spin up|rent out)\w{0,3} (?:\w{2,10} ){0,2}VPS(?:es|s)?\b|\bVPS(?:es|s)? (?:for|to) (?:customers|clients|users)\b/i;

/** What only a virtual machine shows: its prompt, its devices, the modules for guests. */
const SHOWS =
  /^\s{0,8}\[?(?:vagrant|azureuser|gitpod|codespace)@|@(?:vps|vm|droplet)[-\d][\w.-]{0,40}[:~ $#\]]|^\s{0,20}Chassis: vm\b|^[0-9a-f:.]{5,12} [^\n]{0,40}\bRed Hat, Inc\. (?:Virtio|QXL)|^(?:[├└]─)?vda\d{0,2} {1,20}25[0-9]:\d|^(?:vboxguest|vmw_balloon|vmw_vsock_vmci_transport|hv_vmbus|hyperv_drm|vboxsf) {1,24}\d|\bProduct(?: Name)?: OpenStack\b|\bhypervisor ?[=:] ?(?:1|yes|true|present)\b/m;

/** A longer text is a log, which names what it likes. */
const LONGEST = 20_000;

export function isOfGuest(text: string): boolean {
  if (text.length > LONGEST) return false;
  if (SHOWS.test(text)) return true;
  return (IN_PRODUCT.test(text) || RENTED.test(text)) && !WHOLE.test(text);
}
