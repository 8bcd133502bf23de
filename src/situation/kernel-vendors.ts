/*
 * Who builds a kernel, known from what `uname -r` shows after the version, and how far such a kernel can be from the
 * kernel.org release whose number it has. Suffixes as the distributions' packages have them; general knowledge, no text at
 * hand. What single kernels do differently is in the tables of rules.
 */

/**
 * How a vendor's kernel follows kernel.org.
 *
 * - `stable`: the third number is the stable release, and KVM is that of the release.
 * - `series`: of the series that the first two numbers name; only builds show which stable release it is (`builds`).
 * - `backports`: of the release that it names, with what the vendor took from newer ones.
 */
export type Following = "stable" | "series" | "backports";

export interface KernelVendor {
  readonly id: string;
  /** For people, before a version: `RHEL`, `Ubuntu`. */
  readonly title: string;
  readonly follows: Following;
  /** On `uname -r` from the first character behind the version. */
  readonly suffix: RegExp;
  /** Prefix of the lines of `KERNELS` that are the vendor's: `el`, `ubuntu`. */
  readonly line?: string;
  /**
   * Stable releases of single builds by series, `build` being the first number behind the version: a build between two of
   * them has a stable release between theirs. Banner lines of these kernels.
   */
  readonly builds?: { readonly [series: string]: readonly (readonly [build: number, patch: number])[] };
  /** Build from which on the vendor's modelled kernel is the same as the one in the table, by series. */
  readonly sameFrom?: { readonly [series: string]: number };
}

/** The first whose suffix fits. */
export const KERNEL_VENDORS = [
  { id: "uek", title: "Oracle UEK", follows: "backports", suffix: /\.el\d+uek\b|uek\b/ },
  { id: "rhel", title: "RHEL", follows: "backports", suffix: /\.el\d+/, line: "el" },
  { id: "sles", title: "SLES", follows: "backports", suffix: /^-(?:\d{5,6}|122)\.\d/ },
  { id: "openeuler", title: "openEuler", follows: "backports", suffix: /\.oe\d/ },
  { id: "anolis", title: "Anolis OS", follows: "backports", suffix: /\.an\d/ },
  { id: "alibaba", title: "Alibaba Cloud Linux", follows: "backports", suffix: /\.al\d|\.alios\d/ },
  { id: "tencent", title: "TencentOS", follows: "backports", suffix: /\.tl\d|-tlinux|\.oc\d/ },
  { id: "amazon", title: "Amazon Linux", follows: "backports", suffix: /\.amzn\d/ },
  { id: "android", title: "Android", follows: "backports", suffix: /^-android\d/ },
  { id: "chromeos", title: "ChromeOS", follows: "backports", suffix: /^-\d{5}-g[0-9a-f]|-cos\b/ },
  { id: "xenserver", title: "XenServer", follows: "backports", suffix: /\.xs\d|\+[01]$/ },
  { id: "wsl", title: "WSL2", follows: "stable", suffix: /-microsoft-standard/, line: "wsl-" },
  { id: "pop", title: "Pop!_OS", follows: "stable", suffix: /^-\d{8}-generic/, line: "pop-" },
  {
    id: "proxmox",
    title: "Proxmox VE",
    follows: "stable",
    suffix: /^-\d+(?:-\d+)?-pve/,
    line: "ubuntu-",
  },
  {
    id: "ubuntu",
    title: "Ubuntu",
    follows: "series",
    suffix:
      /^-\d+-(?:generic|lowlatency|realtime|aws|azure|gcp|gke|gkeop|oracle|ibm|kvm|nvidia|oem|intel|raspi|snapdragon|virtual|server|xilinx|bluefield|laptop)/,
    line: "ubuntu-",
    builds: {
      "5.4": [
        [26, 30],
        [42, 44],
        [150, 233],
        [216, 291],
      ],
      "5.15": [
        [25, 30],
        [46, 39],
        [60, 78],
        [76, 99],
        [91, 131],
        [138, 178],
        [185, 200],
      ],
    },
    sameFrom: { "5.4": 216, "5.15": 138, "6.5": 14, "6.8": 31 },
  },
  {
    id: "debian",
    title: "Debian",
    follows: "series",
    suffix:
      /^(?:\+deb\d+|\+bpo|\+kali|\+rpt|\+[\w.]*)?(?:-\d+|\+?)?-?(?:cloud-|rt-)?(?:amd64|686(?:-pae)?)(?:-unsigned)?$|^-\d+(?:\.bpo\.\d+)?-(?:cloud-|rt-)?(?:amd64|686(?:-pae)?)/,
    builds: {
      "5.10": [
        [8, 46],
        [28, 209],
        [32, 223],
        [34, 234],
      ],
      "6.1": [
        [9, 27],
        [13, 55],
        [18, 76],
        [28, 119],
        [37, 140],
      ],
    },
  },
] as const satisfies readonly KernelVendor[];

/** What people call a system, and the kernel that its newest installation has, as `uname -r` shows it. */
export const SYSTEMS: readonly { readonly name: RegExp; readonly kernel: string }[] = [
  {
    name: /^(?:rhel|red ?hat(?: enterprise linux)?|rocky(?: linux)?|alma(?: ?linux)?|centos|el) ?(\d+)[._](\d+)$/,
    kernel: "el$1.$2",
  },
  {
    name: /^(?:rhel|red ?hat(?: enterprise linux)?|rocky(?: linux)?|alma(?: ?linux)?|centos(?: stream)?|el) ?(\d+)$/,
    kernel: "el$1",
  },
  { name: /^ubuntu 20\.04(?: lts)?$/, kernel: "5.4.0-216-generic" },
  { name: /^ubuntu 22\.04(?: lts)?$/, kernel: "5.15.0-185-generic" },
  { name: /^ubuntu 22\.10$/, kernel: "5.19.0-50-generic" },
  { name: /^ubuntu 23\.04$/, kernel: "6.2.0-40-generic" },
  { name: /^ubuntu 23\.10$/, kernel: "6.5.0-14-generic" },
  { name: /^ubuntu 24\.04(?: lts)?$/, kernel: "6.8.0-49-generic" },
  { name: /^ubuntu 24\.10$/, kernel: "6.11.0-8-generic" },
  { name: /^ubuntu 25\.04$/, kernel: "6.14.0-15-generic" },
  { name: /^ubuntu 25\.10$/, kernel: "6.17.0-5-generic" },
  { name: /^(?:proxmox(?: ve)?|pve) ?7(?:\.\d+)?$/, kernel: "5.15.158-2-pve" },
  { name: /^(?:proxmox(?: ve)?|pve) ?8(?:\.\d+)?$/, kernel: "6.8.12-4-pve" },
  { name: /^(?:proxmox(?: ve)?|pve) ?9(?:\.\d+)?$/, kernel: "6.14.8-2-pve" },
  { name: /^debian (?:11|bullseye)$/, kernel: "5.10" },
  { name: /^debian (?:12|bookworm)$/, kernel: "6.1" },
  { name: /^debian (?:13|trixie)$/, kernel: "6.12" },
  {
    name: /^(?:sles?|suse(?: linux enterprise(?: server)?)?) ?15[ -.]?sp[45]$/,
    kernel: "5.14.21-150500.55.88-default",
  },
  { name: /^(?:sles?|suse(?: linux enterprise(?: server)?)?) ?15[ -.]?sp[67]$/, kernel: "6.4.0-150600.23.25-default" },
  { name: /^amazon ?linux ?2023$|^al2023$/, kernel: "6.1.112-122.189.amzn2023" },
  { name: /^openeuler 22\.03(?:[ -].*)?$/, kernel: "5.10.0-136.12.0.86.oe2203sp1" },
  { name: /^openeuler 24\.03(?:[ -].*)?$/, kernel: "6.6.0-28.0.0.34.oe2403" },
  { name: /^pop!?_?os 22\.04$/, kernel: "6.9.3-76060903-generic" },
  { name: /^wsl ?2?$/, kernel: "6.1.21.2-microsoft-standard-WSL2" },
];
