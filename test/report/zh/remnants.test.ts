import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { atlas } from "../../../src/input/atlas/atlas.js";
import type { Line } from "../../../src/report/text.js";
import { KERNELS } from "../../../src/rules/kernels.js";
import { FEATURE_LIST } from "../../../src/why/features.js";
import { oneIn } from "../../deep.js";
import { tinyFiles } from "../../prove/tiny/module.js";

/*
 * What stays English in `layers`, `why` and `replay` with --lang zh: nothing but names, numbers, commands and the kernel's
 * own words. Whole commands are run, so that what the command line adds to a report is among it.
 */

const { english, translated } = vi.hoisted(() => ({ english: [] as string[], translated: { lines: 0 } }));

vi.mock("../../../src/report/zh/lines.js", async (original) => {
  const real = await original<typeof import("../../../src/report/zh/lines.js")>();
  const inChinese = (lines: readonly Line[], width: number) => {
    english.push(...real.untranslated(lines));
    translated.lines += lines.length;
    return real.inChinese(lines, width);
  };
  return { ...real, inChinese };
});

// Other files of tests have loaded the modules without the one that listens.
vi.resetModules();
const { runCli } = await import("../../cli/run.js");

beforeEach(() => {
  english.length = 0;
  translated.lines = 0;
});

/** Words that no name has, in what is neither a command nor quoted: half of a sentence stayed English. */
function halfEnglish(out: string): readonly string[] {
  return out
    .split("\n")
    .filter(
      (line) => /[\u4e00-\u9fff]/.test(line) && !/grep|日志|Offset|kvm(?:_intel)?: |x86\/cpu: |replay: |"/.test(line),
    )
    .filter((line) =>
      /\b(?:the|is|are|was|were|which|asked|not|this|that|with)\b/.test(line.replace(/`[^`]*`|\[.*/g, "")),
    );
}

async function check(args: readonly string[], options: Parameters<typeof runCli>[1] = {}): Promise<void> {
  const { out, err, code } = await runCli([...args, "--lang", "zh"], options);
  expect([args, code < 2, english, halfEnglish(out)], err).toEqual([args, true, [], []]);
  if (code === 0) expect(translated.lines, args.join(" ")).toBeGreaterThan(0);
}

const CPU = (flags: string, vendor = "GenuineIntel", name = "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz") =>
  `processor\t: 0\nvendor_id\t: ${vendor}\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: ${name}\nstepping\t: 4\nmicrocode\t: 0x2006906\nflags\t\t: fpu vme ${flags}\n`;

/** What people paste, with the firmware off, a lock without its bit, no VMX, an outer hypervisor, AMD, other architectures. */
const PASTES: readonly string[] = [
  ...["0x1", "0x5", "0x0", "0x3", "0x4"].map((value) => `0x3a: ${value}`),
  "0x3a: 0x1\n0x3a: 0x5",
  "kvm: disabled by bios",
  "kvm: no hardware support",
  "x86/cpu: VMX (inside TXT) disabled by BIOS",
  "kvm_intel: VMX not fully enabled on CPU 0.  Check kernel logs and/or BIOS",
  ...["Operation not supported", "Input/output error", "Invalid argument", "Cannot allocate memory"].map(
    (error) => `modprobe: ERROR: could not insert 'kvm_intel': ${error}`,
  ),
  CPU("vmx"),
  CPU("msr"),
  CPU("vmx hypervisor"),
  CPU("svm", "AuthenticAMD", "AMD EPYC 7543 32-Core Processor"),
  `${CPU("vmx")}vmx flags\t: vnmi ept vpid\nLinux version 6.12.9-amd64 (x)\n`,
  "Module                  Size  Used by\nkvm_amd 380928 0\nkvm 1142784 1 kvm_amd",
  "Module                  Size  Used by\nkvm_intel 380928 0\nkvm 1142784 1 kvm_intel",
  "/sys/module/kvm_intel/parameters/nested:N",
  "/sys/module/kvm_intel/parameters/nested:Y\n/sys/module/kvm_intel/parameters/ept:N",
  "options kvm_intel nested=1 ept=0",
  ...["aarch64", "ppc64le", "s390x", "riscv64"].map((arch) => `Architecture: ${arch}\nModel name: A1`),
  ...["VMware, Inc. VMware Virtual Platform", "Microsoft Corporation Virtual Machine", "innotek GmbH VirtualBox"].map(
    (dmi) => `DMI: ${dmi}/x, BIOS 1.0 01/01/2020\n0x3a: 0x1`,
  ),
  ...[
    "Google Google Compute Engine",
    "Amazon EC2 m5.large",
    "QEMU Standard PC (Q35 + ICH9, 2009)",
    "Alibaba Cloud Alibaba Cloud ECS",
    "DigitalOcean Droplet",
    "Hetzner vServer",
  ].map((dmi) => `DMI: ${dmi}/x, BIOS 1.0 01/01/2020\n${CPU("hypervisor")}`),
];

const QUESTIONS = ["vmx", "kvm", "nested", "ept", "0x48b bit 54", "adjust_vmx_controls"] as const;

it.each(
  oneIn(
    4,
    PASTES.map((paste, at) => ({ paste, at })),
  ),
)("of the answers to $paste", async ({ paste, at }) => {
  for (const question of ["vmx", "kvm", "nested"]) await check(["why", question, "-"], { stdin: `${paste}\n` });
  const other = QUESTIONS[3 + (at % 3)] as string;
  await check(["why", other, "-", "--kernel", at % 2 === 0 ? "6.12" : "5.10"], { stdin: `${paste}\n` });
  await check([at % 2 === 0 ? "layers" : "replay", "-"], { stdin: `${paste}\n` });
});

it.each(["amd", "unprivileged", "with-ept-off"])("of the answers about a machine: %s", async (machine) => {
  for (const args of [["layers"], ["replay"], ["why", "ept"], ["why", "vmx"], ["why", "nested"], ["why", "0x48b"]]) {
    await check(args, { machine });
  }
});

/** Kernels with every way to be understood. */
const ASKED = [
  ...KERNELS.map(({ id }) => id),
  ...["7.4", "6.7", "5.10.0-28-amd64", "5.15.0-91-generic", "4.18.0-553.el8_10.x86_64", "5.14.0-427.el9"],
  ...["6.6.87.2-microsoft-standard-WSL2", "5.14.21-150500.55-default", "6.5.11-8-pve"],
];
const SETTINGS = ["firmware=off", "firmware=unlocked", "ept=0", "nested=0", "enable_apicv=0", "pt_mode=5", "sgx=0", ""];
const CPUS = atlas().map(({ id }) => id);

const layersCases = ASKED.map((kernel, at) => {
  const setting = SETTINGS[at % SETTINGS.length];
  return `${CPUS[(at * 7) % CPUS.length]}@${kernel}${setting === "" ? "" : `,${setting}`}`;
});

it.each(oneIn(24, layersCases))("of the layers and the run of %s", async (host) => {
  await check(["layers", host]);
  await check(["replay", host]);
});

const whyCases = FEATURE_LIST.map(({ id }, at) => ({
  id,
  host: `${CPUS[(at * 11) % CPUS.length]}@${ASKED[(at * 5) % ASKED.length]}`,
}));

it.each(oneIn(20, whyCases))("of the reasons for $id on $host", async ({ id, host }) => {
  await check(["why", id, host]);
});

const NAMES = [
  ...["struct cpuinfo_x86", "vmx_capability", "CONFIG_X86_VMX_FEATURE_NAMES", "MISC_FEATURES", "VMX_F()"],
  ...["BUILD_BUG_ON", "rdmsr", "supported >> 16", "(funcs >> 4)", "X86_FEATURE_VMX", "tboot_enabled()", "default1"],
  ...["hardware_enable", "kvm_is_vmx_supported", "vmx_disabled_by_bios", "FEAT_CTL_LOCKED", "0x3a", "0x485", "0x492"],
];

it.each(oneIn(3, NAMES))("of where the name %s leads", async (name) => {
  await check(["why", name, "skylake-x", "--kernel", "6.12"]);
});

it("of what a module's own code decides", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vmxlens-zh-"));
  const { module, btf } = tinyFiles();
  writeFileSync(join(folder, "kvm-intel.ko"), module);
  writeFileSync(join(folder, "types"), btf);
  const files = ["--module", join(folder, "kvm-intel.ko"), "--btf", join(folder, "types"), "--lang", "zh"];
  for (const args of [["replay"], ["layers"], ["why", "preemption-timer"]])
    await runCli([...args, "haswell", ...files]);
  rmSync(folder, { recursive: true });
  // Messages of the kernel and instructions are its own words.
  expect(english.filter((text) => !/^<\d>|^\w[\w.]*\+0x/.test(text))).toEqual([]);
});
