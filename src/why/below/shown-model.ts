/* The hypervisor or the cloud in which a machine runs, by what it shows of itself: its firmware, its prompt and its kernel. */

/** What the firmware of a virtual machine calls itself, as systeminfo, dmidecode, msinfo32 and lshw show it. */
const MODEL =
  /(?:\b(?:System (?:Manufacturer|Model)|Manufacturer|Product Name|sys_vendor|DMI|Hardware name)\s{0,20}[:=\s]\s{0,20}|^ {2,20}(?:vendor|product|version): |\bBIOS Vendor ID:\s{1,24})(?:(?<vmware>VMware)|(?<vbox>innotek|VirtualBox)|(?<kvm>QEMU|Red Hat|KVM|Standard PC)|(?<xen>Xen|HVM domU)|(?<parallels>Parallels)|(?<aws>Amazon EC2)|(?<google>Google)|(?<hyperv>Virtual Machine))/im;
const MODELS: { readonly [group: string]: string } = {
  vmware: "VMware",
  vbox: "VirtualBox",
  kvm: "KVM",
  xen: "Xen",
  parallels: "Parallels",
  aws: "Amazon EC2",
  google: "Google Compute Engine",
  hyperv: "Hyper-V",
};

/** The same in the prompt: Ubuntu's installer makes the name of a host of the user's and of what the firmware calls the machine. */
const PROMPT =
  /@[\w-]{1,40}-(?:(?<vbox>VirtualBox|vbox)|(?<vmware>VMware(?:-Virtual-Platform|7-1|20-1)|vmware)|(?<kvm>Standard-PC-[\w-]{4,40})|(?<hyperv>Virtual-Machine))(?=[:~ $#\]])/;

/** The name of the group that matched, of a pattern in which one does. */
function groupIn(found: RegExpExecArray | null): string | undefined {
  return Object.entries(found?.groups ?? {}).find(([, text]) => text !== undefined)?.[0];
}

/** The hypervisor whose machine a listing or a prompt shows. */
export function shownModel(text: string): string | undefined {
  return MODELS[groupIn(MODEL.exec(text) ?? PROMPT.exec(text)) ?? ""];
}

/** Kernels that are built for the machines of one cloud, as `uname -r` shows them. */
const CLOUD_KERNEL =
  /\b\d\.\d{1,2}\.\d{1,3}-[\w.]{1,24}(?:(?<aws>\.amzn\d{1,4}\b|-aws\b)|(?<gcp>-g(?:cp|ke)\b)|(?<azure>-azure\b)|(?<oracle>-oracle\b)|(?<vm>-(?:kvm|virt|virtual|cloud-amd64)\b))/;
/** Names that clouds give the machines in them, in a prompt or as `uname -a` shows them. */
const CLOUD_HOST =
  /(?:@|\bLinux )(?:(?<aws>ip-(?:\d{1,3}-){3}\d{1,3})|(?<azure>aks-\w{3,20}-\d{4,12}-vmss)|(?<gcp>gke-[\w-]{4,40}-pool)|(?<alibaba>iZ[0-9a-z]{12,24}Z)|(?<digitalocean>[\w-]{2,24}-s-\d{1,2}vcpu-))/;
const OF_CLOUD: { readonly [group: string]: string } = {
  aws: "Amazon EC2",
  gcp: "Google Compute Engine",
  azure: "Azure",
  oracle: "Oracle Cloud",
  alibaba: "Alibaba Cloud",
  digitalocean: "DigitalOcean",
  vm: "a virtual machine",
};

/** The cloud for which the kernel of a text is built, or which named the machine. */
export function builtFor(text: string): { readonly cloud: string; readonly by: string } | undefined {
  for (const [words, by] of [
    [CLOUD_KERNEL, "kernel"],
    [CLOUD_HOST, "host's name"],
  ] as const) {
    const cloud = OF_CLOUD[groupIn(words.exec(text)) ?? ""];
    if (cloud !== undefined) return { cloud, by };
  }
  return undefined;
}
