import type { KernelConfig } from "../rules/condition.js";

/*
 * Who builds a kernel, known from what `uname -r` shows after the version, and how far such a kernel can be from the
 * kernel.org release whose number it has. Suffixes as the distributions' packages have them; general knowledge, no text at
 * hand. Builds: banner lines in public logs, and Debian's changelog of 6.1. What single kernels do differently is in the tables
 * of rules.
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
  /** The series of its kernels, by their suffix; a kernel of another series with that mark is not its own. */
  readonly series?: { readonly [mark: string]: string };
  /** Build options in which all of its kernels are known to differ from Debian's; WSL2: `config-wsl` of its tree. */
  readonly config?: Partial<KernelConfig>;
  /** Build from which on the vendor's modelled kernel is the same as the one in the table, by series. */
  readonly sameFrom?: { readonly [series: string]: number };
}

/** The release of kernel.org that the kernels of a major release of RHEL are named after. */
export const EL_BASES: { readonly [line: string]: string } = { el8: "4.18", el9: "5.14", el10: "6.12" };

/** Major releases of RHEL that get no further minor one. */
export const EL_ENDED: readonly string[] = ["el8"];

/** CloudLinux 7h has the kernels of RHEL 8. */
const RHEL_SERIES = {
  ".el6": "2.6",
  ".el7": "3.10",
  ".el7h": "4.18",
  ".el8": "4.18",
  ".el9": "5.14",
  ".el10": "6.12",
} as const;

/** The first whose suffix fits. */
export const KERNEL_VENDORS = [
  { id: "uek", title: "Oracle UEK", follows: "backports", suffix: /\.el\d+uek\b|uek\b/ },
  { id: "elrepo", title: "ELRepo", follows: "stable", suffix: /\.elrepo\b/ },
  { id: "virtuozzo", title: "Virtuozzo", follows: "backports", suffix: /\.vz\d/ },
  {
    id: "rhel",
    title: "RHEL",
    follows: "backports",
    suffix: /\.el\d+/,
    line: "el",
    series: RHEL_SERIES,
  },
  { id: "openeuler", title: "openEuler", follows: "backports", suffix: /\.oe\d|\.hce\d|\.euleros/ },
  { id: "kylin", title: "Kylin", follows: "backports", suffix: /\.ky\d/ },
  { id: "anolis", title: "Anolis OS", follows: "backports", suffix: /\.an\d/ },
  { id: "alibaba", title: "Alibaba Cloud Linux", follows: "backports", suffix: /\.al\d|\.alios\d|\.alnx\d/ },
  { id: "tencent", title: "TencentOS", follows: "backports", suffix: /\.tl\d|-tlinux|\.oc\d/ },
  { id: "amazon", title: "Amazon Linux", follows: "backports", suffix: /\.amzn\d/ },
  { id: "azurelinux", title: "Azure Linux", follows: "backports", suffix: /\.azl\d|\.cm\d/ },
  { id: "photon", title: "Photon OS", follows: "backports", suffix: /\.ph\d/ },
  { id: "sles", title: "SLES", follows: "backports", suffix: /^-(?:\d{5,6}|122)\.\d/ },
  { id: "android", title: "Android", follows: "backports", suffix: /^-android\d|-android\d+-/ },
  { id: "chromeos", title: "ChromeOS", follows: "backports", suffix: /^-\d{5}-g[0-9a-f]|-cos\b/ },
  { id: "xenserver", title: "XenServer", follows: "backports", suffix: /\.xs\d|\+[01]$/ },
  {
    id: "wsl",
    title: "WSL2",
    follows: "stable",
    suffix: /-microsoft-standard/,
    line: "wsl-",
    config: {
      CONFIG_X86_SGX: false,
      CONFIG_X86_SGX_KVM: false,
      CONFIG_INTEL_TXT: false,
      CONFIG_CPU_SUP_ZHAOXIN: false,
    },
  },
  { id: "pop", title: "Pop!_OS", follows: "stable", suffix: /^-\d{8}-generic/, line: "pop-" },
  {
    id: "proxmox",
    title: "Proxmox VE",
    follows: "stable",
    suffix: /^-\d+(?:-\d+)?-pve/,
    line: "ubuntu-",
  },
  // Ubuntu builds kernel.org's releases, too: 6.12.9-061209-generic.
  { id: "mainline", title: "Ubuntu mainline build", follows: "stable", suffix: /^-0\d{5}(?:rc\d+)?-[a-z]/ },
  {
    id: "ubuntu",
    title: "Ubuntu",
    follows: "series",
    suffix:
      /^-\d+-(?:generic|lowlatency|realtime|aws|azure|gcp|gke|gkeop|oracle|ibm|kvm|nvidia|oem|intel|iot|fips|hwe|raspi|snapdragon|virtual|server|xilinx|bluefield|laptop)/,
    line: "ubuntu-",
    builds: {
      "5.4": [
        [26, 30],
        [42, 44],
        [136, 218],
        [144, 229],
        [150, 233],
        [166, 252],
        [205, 284],
        [216, 291],
      ],
      "5.15": [
        [25, 30],
        [43, 39],
        [48, 53],
        [52, 60],
        [56, 64],
        [57, 74],
        [58, 74],
        [60, 78],
        [67, 85],
        [71, 92],
        [72, 98],
        [76, 99],
        [91, 131],
        [100, 143],
        [113, 152],
        [124, 163],
        [125, 167],
        [136, 178],
        [138, 178],
        [160, 189],
        [185, 200],
      ],
    },
    sameFrom: { "5.4": 216, "5.15": 138, "6.5": 14, "6.8": 31 },
  },
  { id: "kali", title: "Kali", follows: "series", suffix: /^-kali\d|^\+kali/ },
  {
    id: "debian",
    title: "Debian",
    follows: "series",
    suffix:
      /^(?:\+deb\d+|\+bpo|\+rpt|\+[\w.]*)?(?:-\d+|\+?)?-?(?:cloud-|rt-)?(?:amd64|686(?:-pae)?)(?:-unsigned)?$|^-\d+(?:\.(?:bpo|deb\d+)\.\d+)?-(?:cloud-|rt-)?(?:amd64|686(?:-pae)?)/,
    builds: {
      "5.10": [
        [1, 4],
        [2, 9],
        [3, 12],
        [4, 19],
        [5, 24],
        [6, 28],
        [7, 38],
        [8, 46],
        [9, 70],
        [10, 84],
        [11, 92],
        [12, 103],
        [13, 106],
        [14, 113],
        [15, 120],
        [16, 127],
        [17, 136],
        [18, 140],
        [19, 148],
        [20, 158],
        [21, 162],
        [22, 178],
        [23, 179],
        [25, 191],
        [26, 197],
        [27, 205],
        [28, 209],
        [29, 216],
        [30, 218],
        [31, 221],
        [32, 223],
        [33, 226],
        [34, 234],
        [35, 237],
        [36, 244],
        [39, 251],
        [45, 259],
      ],
      "6.1": [
        [1, 4],
        [2, 7],
        [3, 8],
        [4, 11],
        [5, 12],
        [6, 15],
        [7, 20],
        [8, 25],
        [9, 27],
        [10, 37],
        [11, 38],
        [12, 52],
        [13, 55],
        [14, 64],
        [15, 66],
        [16, 67],
        [17, 69],
        [18, 76],
        [19, 82],
        [20, 85],
        [21, 90],
        [22, 94],
        [23, 98],
        [24, 106],
        [26, 112],
        [27, 115],
        [28, 119],
        [29, 123],
        [30, 124],
        [31, 128],
        [32, 129],
        [33, 133],
        [34, 135],
        [35, 137],
        [36, 139],
        [37, 140],
        [38, 147],
        [50, 176],
      ],
    },
  },
  // They build the stable release that the number says.
  { id: "fedora", title: "Fedora", follows: "stable", suffix: /\.fc\d/ },
  { id: "alpine", title: "Alpine", follows: "stable", suffix: /^-0-(?:lts|virt|edge)$|^-r\d+$/ },
  {
    id: "arch",
    title: "Arch",
    follows: "stable",
    suffix: /^[-.](?:arch|zen|hardened)\d|^-\d+-(?:ARCH|lts|rt|rt-lts|hardened)$/,
  },
  { id: "manjaro", title: "Manjaro", follows: "stable", suffix: /-MANJARO\b/ },
  { id: "cachyos", title: "CachyOS", follows: "stable", suffix: /-cachyos\b/ },
  {
    id: "tumbleweed",
    title: "openSUSE",
    follows: "stable",
    suffix: /^-\d+(?:\.g[0-9a-f]+)?-(?:default|vanilla|preempt|longterm)$/,
  },
  { id: "liquorix", title: "Liquorix", follows: "stable", suffix: /liquorix/ },
  { id: "xanmod", title: "XanMod", follows: "stable", suffix: /xanmod/ },
  { id: "clear", title: "Clear Linux", follows: "stable", suffix: /^-\d+\.(?:native|kvm|ltscurrent|lts\d+)$/ },
  { id: "solus", title: "Solus", follows: "stable", suffix: /^-\d+\.(?:current|lts)$/ },
  { id: "void", title: "Void", follows: "stable", suffix: /^_\d+$/ },
  { id: "gentoo", title: "Gentoo", follows: "stable", suffix: /^-(?:r\d+-)?gentoo|-gentoo\b/ },
] as const satisfies readonly KernelVendor[] as readonly KernelVendor[];

/** A numbered build with a mark that is not in the table. */
export const UNKNOWN_BUILDER: KernelVendor = {
  id: "unknown",
  title: "a builder that is not known",
  follows: "backports",
  suffix: /^[-.]\d/,
};
