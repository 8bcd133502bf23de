import { ARCHITECTURES } from "../input/text/kernel-arch.js";
import { EL_BASES, KERNEL_VENDORS, type KernelVendor, UNKNOWN_BUILDER } from "./kernel-vendors.js";
import { type SystemKernels, systemKernels } from "./systems.js";

/** A kernel as a text names it. */
export interface KernelName {
  /** The text that was read as its name. */
  readonly release: string;
  /** `6.1` */
  readonly series: string;
  /** The stable release, where the text says which it is. */
  readonly patch?: number;
  /** First number behind the version: the build, or Ubuntu's and Debian's ABI. */
  readonly build?: number;
  /** RHEL and rebuilds: `el9`, and 4 of `el9_4`. */
  readonly line?: string;
  readonly minor?: number;
  readonly vendor?: KernelVendor;
  /** A candidate for the release, as in 6.13-rc3: what is in the release need not be in it. */
  readonly candidate?: true;
  /** Built for 32 bits. */
  readonly bits32?: true;
  /** Built for another architecture, by its name: `ARM`. */
  readonly elsewhere?: string;
}

/** The id of a modelled kernel, the name of one, or a system that people name, with its kernels. */
export type ReadName = { readonly id: string } | { readonly name: KernelName } | { readonly system: SystemKernels };

const VERSION = /^(\d{1,2})\.(\d{1,3})(?:\.(\d{1,4}))?(?![\d.]*\.\d+\.\d+\.\d)/;

/**
 * Takes a text apart that names a kernel: `uname -r`, a package with its version, a log's `Linux version …`, an id of the
 * tables, `Ubuntu 24.04`. `undefined` for text that names none. `isId` says which ids there are.
 */
export function readKernelName(text: string, isId: (id: string) => boolean): ReadName | undefined {
  const given = text.trim();
  if (given === "" || given.length > 400) return undefined;
  const folded = given
    .toLowerCase()
    .replace(/^linux[ -](?=\d)/, "")
    .replace(/^v(?=\d)/, "");
  if (isId(folded)) return { id: folded };
  if (/^el\d{1,2}(?:[._]\d{1,2})?$/.test(folded)) return { id: folded.replace("_", ".") };
  const system = systemKernels(folded);
  if (system !== undefined) return { system };
  const release = releaseIn(given);
  const version = release === undefined ? null : VERSION.exec(release);
  if (release === undefined || version === null) return undefined;
  return { name: named(given, release, version) };
}

/** The release in a text that is nothing else: behind `Linux version`, the name of a package, `v`. */
function releaseIn(text: string): string | undefined {
  const banner = /(?:^|[\s:\]])Linux version (\d\S*)/.exec(text)?.[1];
  if (banner !== undefined) return banner;
  const uname = /^Linux \S+ (\d{1,2}\.\d{1,3}(?:[^\d\s]\S*)?) #/.exec(text)?.[1];
  if (uname !== undefined) return uname;
  // /proc/version_signature: the build comes after the ABI, and the flavour after both.
  const signature = /^Ubuntu (\d{1,2}\.\d{1,3}\.0-\d{1,4})\.\d{1,6}[\d.~]{0,20}(-[a-z][\w-]{0,30})? \d/.exec(text);
  if (signature !== null) return `${signature[1]}${signature[2] ?? ""}`;
  const bare = text
    .replace(/^(?:BOOT_IMAGE=)?(?:\/\S{0,80}?)?(?:vmlinu[xz]|bzImage|config|System\.map)-/, "")
    .replace(/\.(?:rpm|deb|x86_64\.rpm|pkg\.tar(?:\.\w{1,4})?)$/, "")
    // A package of Debian's has its version and architecture behind underscores.
    .replace(/_\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60}_\w{1,10}$/, "");
  const packaged =
    /^(?:(?:linux|kernel|pve|proxmox)[a-z-]*[-_])?v?(\d{1,2}\.\d{1,3}(?![\d]*:)[\w.+~-]*)(?:[ :]\S.*)?$/i.exec(bare);
  return packaged?.[1];
}

function named(text: string, release: string, version: RegExpExecArray): KernelName {
  const [whole, major, minor, third] = version as unknown as [string, string, string, string | undefined];
  const suffix = release.slice(whole.length);
  const series = `${Number(major)}.${Number(minor)}`;
  const candidate = /(?:^|[-~.+]|\d{6})rc\d/.test(suffix);
  const el = /\.(el\d+)(?:_(\d+))?/.exec(suffix);
  const vendor: KernelVendor | undefined =
    KERNEL_VENDORS.find((row) => row.suffix.test(suffix) && isOwnSeries(row, series, suffix)) ??
    (/^[-.]\d/.test(suffix) && !candidate ? UNKNOWN_BUILDER : undefined);
  const build = /^[-+]\D{0,8}?(\d+)(?!\.(?:bpo|deb\d))/.exec(suffix)?.[1];
  const patch = patchOf(text, series, third, suffix, vendor);
  const elsewhere = ARCHITECTURES.find(({ suffix: sign, machine }) => sign.test(suffix) || machine.test(text))?.name;
  return {
    release,
    series,
    ...(patch === undefined ? {} : { patch }),
    ...(build === undefined ? {} : { build: Number(build) }),
    ...(el?.[1] === undefined || vendor?.id !== "rhel" ? {} : { line: lineOf(el[1], series) }),
    ...(el?.[2] === undefined || vendor?.id !== "rhel" ? {} : { minor: Number(el[2]) }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(candidate ? { candidate: true as const } : {}),
    ...(/-686\b|\.i[3-6]86\b|-i[3-6]86\b|\bi686\b|-pae\b/i.test(suffix) ? { bits32: true as const } : {}),
    ...(elsewhere === undefined ? {} : { elsewhere }),
  };
}

/** A kernel that another vendor builds for a release of RHEL has another number. */
function isOwnSeries({ series }: KernelVendor, one: string, suffix: string): boolean {
  return series === undefined || Object.entries(series).some(([sign, own]) => suffix.includes(sign) && own === one);
}

/** The major release whose kernels have this number: CloudLinux 7h has those of RHEL 8. */
function lineOf(line: string, series: string): string {
  const own = EL_BASES[line];
  if (own === undefined || own === series) return Object.keys(EL_BASES).find((id) => EL_BASES[id] === series) ?? line;
  return line;
}

/** The stable release: behind the banner of Debian and Ubuntu, else the third number where it is one. */
function patchOf(
  text: string,
  series: string,
  third: string | undefined,
  suffix: string,
  vendor: KernelVendor | undefined,
): number | undefined {
  const follows = vendor?.follows ?? "series";
  const escaped = series.replace(".", "\\.");
  const behind = new RegExp(
    `Ubuntu \\S{1,64} ${escaped}\\.(\\d{1,4})\\b|[ (_]${escaped}\\.([1-9]\\d{0,3})(?:[-+~]\\S)`,
  ).exec(text);
  const banner = behind?.[1] ?? behind?.[2];
  if (banner !== undefined && follows === "series") return Number(banner);
  if (third === undefined || vendor?.id === "rhel" || vendor?.id === "uek") return undefined;
  // Distributions count from .0 and take stable updates on top: 6.1.0-18-amd64 does not say which.
  const own =
    follows === "stable" ||
    (vendor === undefined && /^(?:\+|[-+]?(?:dirty|g[0-9a-f]{6,40}(?:-dirty|\+)?))?$/.test(suffix));
  return Number(third) === 0 && !own ? undefined : Number(third);
}
