/*
 * What people call a system, and the kernels that its installations have, as `uname -r` shows them: the one of its release
 * with all updates, or several where updates brought another series. General knowledge; no source was available.
 */

/** The kernels of a system that people name. */
export interface SystemKernels {
  readonly name: string;
  /** As `uname -r` shows them, or ids of the tables. */
  readonly kernels: readonly [string, ...string[]];
}

type SystemRow = { readonly name: RegExp; readonly title: string; readonly kernels: readonly [string, ...string[]] };

const SYSTEMS: readonly SystemRow[] = [
  {
    name: /^(?:rhel|red ?hat(?: enterprise linux)?|rocky(?: linux)?|alma(?: ?linux)?|centos(?: linux)?|cloudlinux(?: os)?|el) ?(\d{1,2})[._](\d{1,2})$/,
    title: "RHEL $1.$2",
    kernels: ["el$1.$2"],
  },
  {
    name: /^(?:rhel|red ?hat(?: enterprise linux)?|rocky(?: linux)?|alma(?: ?linux)?|centos(?: linux| stream)?|cloudlinux(?: os)?|el) ?(\d{1,2})$/,
    title: "RHEL $1",
    kernels: ["el$1"],
  },
  { name: /^ubuntu 20\.04/, title: "Ubuntu 20.04", kernels: ["5.4.0-216-generic"] },
  { name: /^ubuntu 22\.04/, title: "Ubuntu 22.04", kernels: ["5.15.0-185-generic"] },
  { name: /^ubuntu 22\.10/, title: "Ubuntu 22.10", kernels: ["5.19.0-50-generic"] },
  { name: /^ubuntu 23\.04/, title: "Ubuntu 23.04", kernels: ["6.2.0-40-generic"] },
  { name: /^ubuntu 23\.10/, title: "Ubuntu 23.10", kernels: ["6.5.0-14-generic"] },
  { name: /^ubuntu 24\.04/, title: "Ubuntu 24.04", kernels: ["6.8.0-49-generic"] },
  { name: /^ubuntu 24\.10/, title: "Ubuntu 24.10", kernels: ["6.11.0-8-generic"] },
  { name: /^ubuntu 25\.04/, title: "Ubuntu 25.04", kernels: ["6.14.0-15-generic"] },
  { name: /^ubuntu 25\.10/, title: "Ubuntu 25.10", kernels: ["6.17.0-5-generic"] },
  { name: /^(?:linux )?mint 22/, title: "Linux Mint 22", kernels: ["6.8.0-49-generic"] },
  { name: /^(?:linux )?mint 21/, title: "Linux Mint 21", kernels: ["5.15.0-185-generic"] },
  { name: /^(?:linux )?mint 20/, title: "Linux Mint 20", kernels: ["5.4.0-216-generic"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?6(?:\.\d+)*$/, title: "Proxmox VE 6", kernels: ["5.4.203-1-pve"] },
  {
    name: /^(?:proxmox(?: ve)?|pve) ?7$/,
    title: "Proxmox VE 7",
    kernels: ["5.11.22-7-pve", "5.13.19-6-pve", "5.15.158-2-pve"],
  },
  { name: /^(?:proxmox(?: ve)?|pve) ?7\.0/, title: "Proxmox VE 7.0", kernels: ["5.11.22-7-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?7\.1/, title: "Proxmox VE 7.1", kernels: ["5.13.19-6-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?7\.\d/, title: "Proxmox VE 7", kernels: ["5.15.158-2-pve"] },
  {
    name: /^(?:proxmox(?: ve)?|pve) ?8$/,
    title: "Proxmox VE 8",
    kernels: ["6.2.16-20-pve", "6.5.13-6-pve", "6.8.12-4-pve"],
  },
  { name: /^(?:proxmox(?: ve)?|pve) ?8\.0/, title: "Proxmox VE 8.0", kernels: ["6.2.16-20-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?8\.1/, title: "Proxmox VE 8.1", kernels: ["6.5.13-6-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?8\.\d/, title: "Proxmox VE 8", kernels: ["6.8.12-4-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?9$/, title: "Proxmox VE 9", kernels: ["6.14.8-2-pve", "6.17.2-1-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?9\.0/, title: "Proxmox VE 9.0", kernels: ["6.14.8-2-pve"] },
  { name: /^(?:proxmox(?: ve)?|pve) ?9\.\d/, title: "Proxmox VE 9", kernels: ["6.17.2-1-pve"] },
  { name: /^debian (?:11(?:\.\d+)?|bullseye)$/, title: "Debian 11", kernels: ["5.10"] },
  { name: /^debian (?:12(?:\.\d+)?|bookworm)$/, title: "Debian 12", kernels: ["6.1"] },
  { name: /^debian (?:13(?:\.\d+)?|trixie)$/, title: "Debian 13", kernels: ["6.12"] },
  {
    name: /^(?:sles?|suse(?: linux enterprise(?: server)?)?|opensuse leap|leap) ?15(?:[ -.]?sp[45]|\.[45])$/,
    title: "SLES 15 SP4 and SP5",
    kernels: ["5.14.21-150500.55.88-default"],
  },
  {
    name: /^(?:sles?|suse(?: linux enterprise(?: server)?)?|opensuse leap|leap) ?15(?:[ -.]?sp[67]|\.6)$/,
    title: "SLES 15 SP6 and SP7",
    kernels: ["6.4.0-150600.23.25-default"],
  },
  {
    name: /^(?:sles?|suse(?: linux enterprise(?: server)?)?|opensuse leap|leap) ?16(?:\.\d)?$/,
    title: "SLES 16",
    kernels: ["6.12.0-160000.5-default"],
  },
  { name: /^(?:oracle )?uek ?r?6$/, title: "Oracle UEK 6", kernels: ["5.4.17-2136.330.7.1.el8uek.x86_64"] },
  { name: /^(?:oracle )?uek ?r?7$/, title: "Oracle UEK 7", kernels: ["5.15.0-204.147.6.2.el9uek.x86_64"] },
  { name: /^(?:oracle )?uek ?r?8$/, title: "Oracle UEK 8", kernels: ["6.12.0-100.28.2.el9uek.x86_64"] },
  {
    name: /^amazon ?linux ?2023$|^al2023$/,
    title: "Amazon Linux 2023",
    kernels: ["6.1.112-122.189.amzn2023", "6.12.20-23.97.amzn2023"],
  },
  { name: /^openeuler 22\.03/, title: "openEuler 22.03", kernels: ["5.10.0-136.12.0.86.oe2203sp1"] },
  { name: /^openeuler 24\.03/, title: "openEuler 24.03", kernels: ["6.6.0-28.0.0.34.oe2403"] },
  { name: /^pop!?_?os 22\.04$/, title: "Pop!_OS 22.04", kernels: ["6.9.3-76060903-generic"] },
  {
    name: /^wsl ?2?$/,
    title: "WSL2",
    kernels: [
      "5.15.167.4-microsoft-standard-WSL2",
      "6.1.21.2-microsoft-standard-WSL2",
      "6.6.87.2-microsoft-standard-WSL2",
    ],
  },
];

/** The kernels of a system: `ubuntu 24.04.1 lts`, `rocky linux release 9.4 (blue onyx)`; in small letters. */
export function systemKernels(text: string): SystemKernels | undefined {
  const plain = text
    .replace(/ \([\w ]{1,40}\)$/, "")
    .replace(/ lts$/, "")
    .replace(/^debian gnu\/linux/, "debian")
    .replace(/ release (?=\d)/, " ")
    .replace(/ (?:server|workstation)(?= \d)/, "");
  for (const { name, title, kernels } of SYSTEMS) {
    const found = name.exec(plain);
    if (found === null) continue;
    const filled = (pattern: string) => pattern.replace(/\$(\d)/g, (_, at: string) => found[Number(at)] ?? "");
    return { name: filled(title), kernels: kernels.map(filled) as unknown as SystemKernels["kernels"] };
  }
  return undefined;
}
