import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * Debian's kernels by the system's own package tool. A kernel that the system's lists do not have is looked for in the
 * other suites of the same mirror, with lists of its own in the scratch folder, so that the system is left as it is.
 */

const SUITES = ["trixie-backports", "trixie", "sid", "forky", "bookworm-backports", "bookworm", "bullseye"];
const SECURITY_SUITES = ["trixie-security", "bookworm-security", "bullseye-security"];
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Newer kernels come in three packages; the first name is the one that people know. */
const PACKAGES = ["linux-image", "linux-binary", "linux-modules"] as const;

/** Another user than root could not write into the scratch folder. */
const AS_ROOT = ["-o", "APT::Sandbox::User=root"];

/** Files of a package that a kernel is run from. */
const WANTED = ["*/kvm.ko*", "*/kvm-intel.ko*", "./boot/vmlinuz*", "*/lib/modules/*/vmlinuz"];

/** Downloads and unpacks what is needed of a kernel; the folder, or a sentence that says why it cannot be had. */
export function fetchKernel(
  version: string,
  scratch: string,
): { readonly folder: string } | { readonly problem: string } {
  const folder = join(scratch, version);
  try {
    mkdirSync(folder, { recursive: true });
    if (!hasPackages(folder)) {
      const options = listedBySystem(version) ? [] : ownLists(version, join(scratch, "apt"));
      const names = PACKAGES.map((name) => `${name}-${version}`).filter((name) => isListed(name, options));
      if (names.length === 0) return { problem: "no package linux-image of it is in the lists of this mirror" };
      execFileSync("apt-get", [...options, ...AS_ROOT, "-qq", "download", ...names], {
        cwd: folder,
        stdio: ["ignore", "ignore", "inherit"],
      });
    }
    for (const name of readdirSync(folder).filter((each) => each.endsWith(".deb"))) unpack(folder, name);
    return { folder };
  } catch (error) {
    return { problem: (error as Error).message.split("\n")[0] ?? "apt failed" };
  }
}

function hasPackages(folder: string): boolean {
  return readdirSync(folder).some((name) => name.endsWith(".deb"));
}

function unpack(folder: string, name: string): void {
  // No package has files of all these patterns; tar complains of those that it does not find.
  const patterns = WANTED.map((pattern) => `'${pattern}'`).join(" ");
  execFileSync(
    "sh",
    ["-c", `dpkg-deb --fsys-tarfile "$0" | tar -x --wildcards ${patterns} 2>/dev/null || true`, name],
    {
      cwd: folder,
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
}

function isListed(name: string, options: readonly string[]): boolean {
  try {
    return execFileSync("apt-cache", [...options, "show", name], { stdio: ["ignore", "pipe", "ignore"] }).length > 0;
  } catch {
    return false;
  }
}

function listedBySystem(version: string): boolean {
  return isListed(`linux-image-${version}`, []);
}

/**
 * Options for apt with lists of its own in a folder: of one suite after the other, until one has the kernel. A suite that
 * the mirror lacks would take all the others with it, were they asked for together.
 */
function ownLists(version: string, home: string): readonly string[] {
  const list = join(home, "sources.list");
  const options = [
    `Dir::State=${join(home, "state")}`,
    `Dir::Cache=${join(home, "cache")}`,
    `Dir::Etc::sourcelist=${list}`,
    "Dir::Etc::sourceparts=-",
    "Dir::State::status=/var/lib/dpkg/status",
    "APT::Get::List-Cleanup=0",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
    "Acquire::Languages=none",
  ].flatMap((option) => ["-o", option]);
  for (const part of ["state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(home, part), { recursive: true });
  for (const source of sources(mirrors())) {
    writeFileSync(list, source);
    // What was read in an earlier run is still there.
    if (isListed(`linux-image-${version}`, options)) return options;
    try {
      execFileSync("apt-get", [...options, ...AS_ROOT, "-qq", "update"], { stdio: "ignore" });
    } catch {
      continue;
    }
    if (isListed(`linux-image-${version}`, options)) return options;
  }
  return options;
}

/** The mirrors that the system's lists come from. */
function mirrors(): readonly string[] {
  const text = execFileSync("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"], {
    encoding: "utf8",
  });
  return [...new Set(text.split("\n").filter((line) => /\/debian(?:-security)?\/?$/.test(line)))];
}

/** One line of sources.list for each suite of each mirror. */
function sources(uris: readonly string[]): readonly string[] {
  const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : "";
  return uris.flatMap((uri) =>
    (/-security\/?$/.test(uri) ? SECURITY_SUITES : SUITES).map((suite) => `deb ${signed}${uri} ${suite} main\n`),
  );
}
