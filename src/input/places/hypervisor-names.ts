/* Hypervisors and clouds, by the words that people use for them. */

/** Hypervisors that a text can name in passing; the words hold one of the hints, in lower case. */
export const NAMED_OUTER = [
  [/\bHAXM\b/i, "HAXM", ["haxm"]],
  [/\b(?:WSL|(?:[Oo]n|[Ii]n|inside|under|within) wsl) ?2?\b|microsoft-standard/, "WSL", ["wsl", "microsoft-standard"]],
  [/\bHyper-?V\b/i, "Hyper-V", ["hyperv", "hyper-v"]],
  [
    /\bVM_?ware\b|\bVM ?(?:fusion|player)\b|\bESXi?\b|\bvSphere\b|\bpyvmomi\b|\bFusion(?![\w-])|\bVirtuali[sz]e Intel VT-x\/EPT\b/i,
    "VMware",
    ["vmware", "vm_ware", "esx", "vsphere", "pyvmomi", "fusion", "vmplayer", "vm player", "vt-x/ept"],
  ],
  [/\bVirtual ?Box\b/i, "VirtualBox", ["virtualbox", "virtual box"]],
  [/\bAWS\b|\bEC2\b|\bEKS\b|\bAmazon Linux\b/i, "Amazon EC2", ["aws", "ec2", "eks", "amazon"]],
  [
    /\bGCP\b|\bGCE\b|\bGKE\b|\bgcloud\b|\bGoogle(?:[ -]Cloud| Compute)\b/i,
    "Google Compute Engine",
    ["gcp", "gce", "gke", "gcloud", "google"],
  ],
  [
    /\b[Aa]zure\b|\bTrusted Launch\b|\b(?:Standard_)?[DEFLM]\d{1,3}[a-z]{0,4}_v[2-6]\b/,
    "Azure",
    ["azure", "_v", "trusted launch"],
  ],
  [
    /腾讯的?(?:云|轻量|服务器)|\bTencent ?Cloud\b|\btencent ?(?:轻量|云|的?(?:服务器|主机|机器|VPS))|\bTencent (?:Lighthouse|CVM)\b/i,
    "Tencent Cloud",
    ["腾讯", "tencent"],
  ],
  [/阿里|\bAlibaba Cloud\b|\bAliyun\b/i, "Alibaba Cloud", ["阿里", "alibaba", "aliyun"]],
  [
    /\bQubes(?: ?OS)?\b|\bdom[0U]\b|\b(?:on|under|in|from|inside|with|using) (?:a )?Xen\b(?!-)|\bXen (?:guest|VM|HVM|host|server|machine|virtual)/i,
    "Xen",
    ["qube", "dom0", "domu", "xen"],
  ],
  [/\bDocker Desktop\b|-linuxkit\b|-ce-(?:win|mac)\d/i, "Docker Desktop", ["docker", "linuxkit"]],
  [/\bDigital ?Ocean\b|\bdroplet\b/i, "DigitalOcean", ["digitalocean", "digital ocean", "droplet"]],
  [
    /\bOracle Cloud\b|\bOCI (?:VM|instance|compute)\b|\bVM\.Standard\d?\b/i,
    "Oracle Cloud",
    ["oracle", "oci ", "vm.standard"],
  ],
  [/\bScaleway\b/i, "Scaleway", ["scaleway"]],
  [/\bIBM Cloud\b/i, "IBM Cloud", ["ibm cloud"]],
  [/\bIONOS\b/i, "IONOS", ["ionos"]],
  [/\bnetcup\b/i, "netcup", ["netcup"]],
  [/华为云|\bHuawei Cloud\b/i, "Huawei Cloud", ["华为", "huawei"]],
  [/\bYandex[ .]?Cloud\b/i, "Yandex Cloud", ["yandex"]],
  [/\bLinode\b/i, "Linode", ["linode"]],
  [/\bVultr\b/i, "Vultr", ["vultr"]],
  [/\bOVH(?:cloud)?\b/i, "OVHcloud", ["ovh"]],
  [/\bContabo\b/i, "Contabo", ["contabo"]],
  [/\bHetzner\b/i, "Hetzner Cloud", ["hetzner"]],
  [
    /\bGitHub(?:-hosted)? (?:Actions (?:- )?(?:\w{2,10} )?)?runners?\b|\bubuntu-latest\b|\bruns-on: ?ubuntu-\d|^.{0,40}\bshell: \/usr\/bin\/bash -\S{1,20}(?: pipefail)? \{0\}|\/home\/runner\/work\//im,
    "GitHub Actions",
    ["github", "ubuntu-latest", "runs-on:", "shell: /usr/bin/bash", "/home/runner"],
  ],
  [/\bCodespaces?\b/i, "GitHub Codespaces", ["codespace"]],
  [
    /\b(?:Codeany(?:where|ware)|Gitpod|Firebase Studio|Project IDX|Google Colab|Colab notebook|Kaggle)\b/i,
    "a rented workspace",
    ["codeany", "gitpod", "firebase", "idx", "colab", "kaggle"],
  ],
  [
    /\bBitbucket(?:-| (?:Cloud )?)Pipelines?\b|\bCircleCI\b|\bTravis(?: |-)?CI\b/i,
    "a hosted CI service",
    ["bitbucket", "circleci", "travis"],
  ],
  [/\bCirrus[ -]CI\b|\/home\/cirrus\b|\.cirrus\.yml\b/i, "Cirrus CI", ["cirrus"]],
  [/\bgitlab\.com\b|\bGitLab (?:CI )?(?:shared )?runners?\b/i, "GitLab CI", ["gitlab"]],
  [
    /\b(?:inside|in|on|within) (?:a|an|my|this|the) (?:\w{2,12} )?(?:VM|virtual machine|VPS)\b(?! (?:guest|on|in))|\b[Mm]y (?:\w{2,12} )?(?:VPS|vps)\b|\b(?:The|This|the|this) (?:VM|VPS|virtual machine) (?:lacks|has no|does(?:n't| not))\b|\b(?:[Nn]odes?|[Ww]orkers?) (?:that |which )?(?:is|are) (?:\w{2,12} )?(?:VMs?|virtual machines?)\b|\b(?:set up|provisioned|hosted) (?:by|on|in|with) VMs\b|\bVMs as (?:\w{2,12} )?nodes\b|在虚拟机(?:里|中|内)|嵌套虚拟化/,
    "a virtual machine",
    ["vms", "virtual machine", "vps", "虚拟"],
  ],
] as const satisfies readonly (readonly [words: RegExp, name: string, hints: readonly [string, ...string[]]])[];

/** Further hints, of the patterns for what something runs in, and of what a firmware calls itself. */
const HINTS = [
  "microsoft",
  "xcp",
  "proxmox",
  "pve",
  "parallels",
  "vbox",
  "vagrant",
  "manufacturer",
  "system model",
  "sys_vendor",
  "product name",
  "standard-pc-",
  "virtual-machine",
];
const IN_WORDS = /\b(?:in|inside|under|on) (?:KVM|QEMU)\b|\bKVM guest\b|\b(?:nested|VM)\b/i;

/** Whether a text can name one: to make all the patterns costs more than to look for a hint, and most texts have none. */
export function mayName(text: string): boolean {
  const lower = text.toLowerCase();
  const has = (hint: string) => lower.includes(hint);
  return HINTS.some(has) || NAMED_OUTER.some(([, , hints]) => hints.some(has)) || IN_WORDS.test(text);
}
