import { KERNEL_VENDORS, type KernelVendor, SYSTEMS } from "./kernel-vendors.js";

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
}

/** The id of a modelled kernel, a system that people name, or the name of one kernel. */
export type ReadName = { readonly id: string } | { readonly name: KernelName };

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
  for (const { name, kernel } of SYSTEMS) {
    const found = name.exec(folded);
    if (found === null) continue;
    const named = kernel.replace(/\$(\d)/g, (_, at: string) => found[Number(at)] ?? "");
    if (isId(named) || /^el\d+(?:\.\d+)?$/.test(named)) return { id: named };
    return readKernelName(named, isId);
  }
  const release = releaseIn(given);
  const version = release === undefined ? null : VERSION.exec(release);
  if (release === undefined || version === null) return undefined;
  return { name: named(given, release, version) };
}

/** The release in a text that is nothing else: behind `Linux version`, the name of a package, `v`. */
function releaseIn(text: string): string | undefined {
  const banner = /^(?:\[ *[\d.]+\] )?Linux version (\S+)/.exec(text)?.[1];
  if (banner !== undefined) return banner;
  const uname = /^Linux \S+ (\d{1,2}\.\d{1,3}(?:[^\d\s]\S*)?) #/.exec(text)?.[1];
  if (uname !== undefined) return uname;
  const packaged =
    /^(?:(?:linux|kernel|pve|proxmox)[a-z-]*-)?v?(\d{1,2}\.\d{1,3}(?![\d]*:)[\w.+~-]*)(?:[ :]\S.*)?$/i.exec(text)?.[1];
  return packaged?.replace(/\.(?:rpm|deb)$/, "");
}

function named(text: string, release: string, version: RegExpExecArray): KernelName {
  const [whole, major, minor, third] = version as unknown as [string, string, string, string | undefined];
  const suffix = release.slice(whole.length);
  const vendor: KernelVendor | undefined = KERNEL_VENDORS.find((row) => row.suffix.test(suffix));
  const series = `${Number(major)}.${Number(minor)}`;
  const build = /^[-+]\D{0,8}?(\d+)/.exec(suffix)?.[1];
  const el = /\.(el\d+)(?:_(\d+))?/.exec(suffix);
  const patch = patchOf(text, series, third, suffix, vendor);
  return {
    release,
    series,
    ...(patch === undefined ? {} : { patch }),
    ...(build === undefined ? {} : { build: Number(build) }),
    ...(el?.[1] === undefined ? {} : { line: el[1] }),
    ...(el?.[2] === undefined ? {} : { minor: Number(el[2]) }),
    ...(vendor === undefined ? {} : { vendor }),
    ...(/^-?rc\d|-rc\d/.test(suffix) ? { candidate: true as const } : {}),
    ...(/-686\b|\.i[3-6]86\b|-i[3-6]86\b|\bi686\b|-pae\b/i.test(suffix) ? { bits32: true as const } : {}),
  };
}

/** The stable release: behind the banner of Debian and Ubuntu, else the third number where it is one. */
function patchOf(
  text: string,
  series: string,
  third: string | undefined,
  suffix: string,
  vendor: KernelVendor | undefined,
): number | undefined {
  const escaped = series.replace(".", "\\.");
  const behind = new RegExp(`\\(Ubuntu \\S{1,64} ${escaped}\\.(\\d{1,4})\\)|[ (]${escaped}\\.([1-9]\\d{0,3})-\\d`).exec(
    text,
  );
  const banner = behind?.[1] ?? behind?.[2];
  if (banner !== undefined && (vendor?.follows ?? "series") === "series") return Number(banner);
  if (third === undefined) return undefined;
  // Distributions count from .0 and take stable updates on top: 6.1.0-18-amd64 does not say which.
  if (Number(third) === 0 && (vendor !== undefined || /^-\d/.test(suffix))) return undefined;
  return vendor?.id === "rhel" || vendor?.id === "uek" ? undefined : Number(third);
}
