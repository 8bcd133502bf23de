import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compact } from "../../tools/gen-goldens-captures.js";
import { checkCapture } from "../oracles/captures/capture-check.js";
import { type Capture, parseCapture, type Scenario } from "../oracles/captures/capture-parse.js";

const root = resolve(import.meta.dirname, "../..");
const whole = resolve(root, "../shared/captures");
const GOLDENS = join(import.meta.dirname, "captures.jsonl.gz");
const captures = gunzipSync(readFileSync(GOLDENS))
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as Capture);
const named = (part: string) => captures.find(({ name }) => name.includes(part)) as Capture;

describe("kernels booted on emulated CPUs", () => {
  it.each(captures.map((capture) => [capture.name, capture] as const))(
    "agree with the replay: %s",
    (_name, capture) => {
      const results = checkCapture(capture);
      expect(results.length).toBeGreaterThan(0);
      expect(results.filter(({ differences }) => differences.length > 0)).toEqual([]);
    },
  );

  it("are of three releases, five CPU models, refusals and many parameters", () => {
    expect(new Set(captures.map(({ release }) => release))).toEqual(new Set(["5.10.223", "6.1", "7.2"]));
    const scenarios = captures.flatMap((capture) => capture.scenarios);
    expect(scenarios.length).toBeGreaterThan(80);
    expect(new Set(scenarios.map(({ exit }) => exit))).toEqual(new Set([0, 95]));
    const given = new Set(scenarios.flatMap((scenario) => Object.keys(scenario.given.kvm_intel)));
    expect(given.size).toBeGreaterThan(20);
    expect(scenarios.filter(({ vmcsConfig }) => vmcsConfig !== undefined).length).toBeGreaterThan(30);
  });

  it("see a kernel that locks IA32_FEAT_CTL itself, and one that finds it locked", () => {
    expect(named("featctl-unlocked").cpus[0]).toMatchObject({ featCtl: "0x5", msrs: { "0x3a": "0x0" } });
    expect(named("featctl-0x1").bootMessages).toEqual(["x86/cpu: VMX (outside TXT) disabled by BIOS"]);
  });
});

describe("an altered capture", () => {
  const capture = named("7.2-");
  const cpu = capture.cpus[0] as Capture["cpus"][number];
  const plain = capture.scenarios[0] as Scenario;
  const paths = (changed: Capture) =>
    checkCapture(changed).flatMap(({ differences }) => differences.map(({ path }) => path));
  const withBoot = (change: Partial<typeof cpu>) => paths({ ...capture, scenarios: [], cpus: [{ ...cpu, ...change }] });
  const withLoad = (change: Partial<Scenario>) =>
    paths({ ...capture, cpus: [cpu], scenarios: [{ ...plain, ...change }] });

  it("fails for every word of vmcs_config, with the name of the field", () => {
    const offsets = Object.keys(plain.vmcsConfig ?? {}).map(Number);
    expect(offsets).toHaveLength(40);
    const failing = offsets.map((offset) => {
      const word = `0x${(BigInt(plain.vmcsConfig?.[offset] ?? "0x0") ^ 1n).toString(16)}`;
      return withLoad({ vmcsConfig: { ...plain.vmcsConfig, [offset]: word } })[0];
    });
    expect(failing[3]).toBe("load.vmcsConfig.cpu_based_exec_ctrl");
    // Bytes 20 to 23 are a gap before an aligned field.
    expect(offsets.filter((_offset, position) => failing[position] === undefined)).toEqual([20]);
  });

  it("fails for every parameter, feature register and flag", () => {
    for (const [name, value] of Object.entries(plain.params.kvm_intel)) {
      if (name === "vmentry_l1d_flush") continue;
      const changed = {
        ...plain.params,
        kvm_intel: { ...plain.params.kvm_intel, [name]: value === "Y" ? "N" : `${value}1` },
      };
      expect(withLoad({ params: changed })).toEqual([`load.params.kvm_intel.${name}`]);
    }
    for (const [index, value] of Object.entries(plain.features ?? {})) {
      const features = { ...plain.features, [index]: `0x${(BigInt(value) ^ 0x100n).toString(16)}` };
      expect(withLoad({ features })).toEqual([`load.features.${index}`]);
    }
    expect(withLoad({ exit: 5 })).toEqual(["load.exit"]);
    expect(withLoad({ messages: ["kvm: one more"] })).toEqual(["load.messages.0"]);
    expect(withLoad({ capability: { ept: "0x0", vpid: "0xf01" } })).toEqual(["load.capability.ept"]);
    expect(withBoot({ vmxFlags: `${cpu.vmxFlags} apicv` })).toEqual(["boot.vmxFlags"]);
    expect(withBoot({ flags: cpu.flags.slice(1) }).length).toBeGreaterThan(0);
    expect(withBoot({ featCtl: "0x1" })).toEqual(["boot.featCtl"]);
    // In 7.2 the array begins one word into the dump.
    const words = cpu.words ?? [];
    const wrong = [...words.slice(0, 2), "0x0", ...words.slice(3)];
    expect([withBoot({ words: ["0x1", ...words.slice(1)] }), withBoot({ words: wrong })]).toEqual([
      [],
      ["boot.words.1"],
    ]);
  });
});

describe("parseCapture", () => {
  const text = [
    "=== BEGIN uname ===",
    "Linux (none) 6.1.0-56-cloud-amd64 #1 SMP Debian x86_64 GNU/Linux",
    "=== END uname ===",
    "=== BEGIN cpuinfo ===",
    "processor\t: 0",
    "flags\t\t: fpu vmx tm2 tpr_shadow vnmi",
    "vmx flags\t: vnmi tsc_offset",
    "=== END cpuinfo ===",
    "=== BEGIN dmesg-boot ===",
    "[    0.070258] x86/cpu: SGX disabled by BIOS.",
    "[    7.503606] tsc: Refined TSC clocksource calibration: 50.000 MHz",
    "=== END dmesg-boot ===",
    "=== BEGIN cpuid-cpu0 ===",
    "cpuid 0x00000000 0x00: eax=0000000d ebx=756e6547 ecx=6c65746e edx=49656e69",
    "cpuid 0x00000001 0x00: eax=0001067a ebx=00010800 ecx=00000020 edx=08000000",
    "=== END cpuid-cpu0 ===",
    "=== BEGIN msrs ===",
    "cpu0 msr 0x0000003a IA32_FEAT_CTL = 0x0000000000000005",
    "cpu0 msr 0x00000491 IA32_VMX_VMFUNC : EIO",
    "cpu0 msr 0x0000001b IA32_APIC_BASE = 0x00000000fee00900",
    "=== END msrs ===",
    "=== BEGIN scenario ept0 ===",
    "kvm arguments: tdp_mmu=0",
    "kvm_intel arguments: ept=0 vpid=0",
    "insmod kvm-intel ept=0 vpid=0 -> exit 95",
    "=== BEGIN params ept0 ===",
    "kvm/parameters/tdp_mmu = N",
    "=== END params ept0 ===",
    "=== BEGIN dmesg-load ept0 ===",
    "[    9.175327] kvm: no hardware support for 'kvm_intel'",
    "[    9.249293] kvm: no hardware support for 'kvm_intel'",
    "[    9.300000] clocksource: tsc",
    "=== END dmesg-load ept0 ===",
    "=== BEGIN kvmconf ept0 ===",
    "vmx_capability.ept = 0x06334141",
    "vmcs_config.size = 0x00001000",
    "vmcs_config.misc = 0xf7f9fffe04006172",
    "=== END kvmconf ept0 ===",
    "=== END scenario ept0 ===",
    "",
  ].join("\n");

  it("reads what the replay is held against", () => {
    expect(parseCapture("x", text)).toMatchObject({
      release: "6.1",
      vendor: "GenuineIntel",
      bootMessages: ["x86/cpu: SGX disabled by BIOS."],
      cpus: [
        {
          signature: 0x1067a,
          cpuid: { tscKhz: 50_000, maxLeaf: 0xd, features: { vmx: true, ss: true, smx: false, sgx: false } },
          msrs: { "0x3a": "0x5", "0x491": null },
          flags: ["vmx", "tpr_shadow", "vnmi"],
          vmxFlags: "vnmi tsc_offset",
        },
      ],
      scenarios: [
        {
          given: { kvm: { tdp_mmu: "0" }, kvm_intel: { ept: "0", vpid: "0" } },
          exit: 95,
          params: { kvm: { tdp_mmu: "N" }, kvm_intel: {} },
          messages: ["kvm: no hardware support for 'kvm_intel'"],
          // A 64-bit value lies in memory low word first.
          vmcsConfig: { 0: "0x1000", 4: "0x4006172", 8: "0xf7f9fffe" },
        },
      ],
    });
  });

  it("says which part is missing", () => {
    expect(() => parseCapture("x", text.replaceAll("cpuid-cpu0", "cpuid"))).toThrow('x: there is no part "cpuid-cpu0"');
    expect(() => parseCapture("x", text.replace("6.1.0-56", "next"))).toThrow("no kernel release");
  });
});

describe("npm run captures", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "captures-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]) => {
    const done = spawnSync(process.execPath, ["--import", "tsx", "tools/captures.ts", ...args], {
      cwd: root,
      encoding: "utf8",
    });
    return { ...done, last: done.stdout.trimEnd().split("\n").at(-1) };
  };

  it("ends with the counts, and with exit code 0 only when all pass", () => {
    const good = run(GOLDENS);
    expect([good.last, good.status]).toEqual(["110 passed, 0 failed", 0]);
    const path = join(folder, "altered.jsonl");
    const capture = named("featctl-0x1");
    const scenarios = capture.scenarios.map((scenario) => ({ ...scenario, exit: 5 }));
    writeFileSync(path, JSON.stringify({ ...capture, scenarios }));
    const altered = run(path);
    expect([altered.last, altered.status]).toEqual(["1 passed, 2 failed", 1]);
    expect(altered.stdout).toContain("load.exit\n");
    const broken = join(folder, "broken.txt");
    writeFileSync(broken, "nothing of it\n");
    const unreadable = run(broken);
    expect([unreadable.last, unreadable.status]).toEqual(["0 passed, 0 failed", 2]);
    expect(unreadable.stderr).toContain('broken: there is no part "uname"');
  });
});

describe.skipIf(!existsSync(whole))("the complete captures beside the checkout (needs ../shared)", () => {
  const files = existsSync(whole) ? readdirSync(whole).filter((name) => name.endsWith(".txt.gz")) : [];

  it.each(files)("%s is what is committed", (file) => {
    const name = file.replace(".txt.gz", "");
    const parsed = compact(parseCapture(name, gunzipSync(readFileSync(join(whole, file))).toString("utf8")));
    expect(captures.find((capture) => capture.name === name)).toEqual(JSON.parse(JSON.stringify(parsed)));
  });
});
