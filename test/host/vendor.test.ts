import { describe, expect, it } from "vitest";
import { decodeCore } from "../../src/host/decode.js";
import type { Host } from "../../src/host/host.js";
import { readHost } from "../../src/input/read.js";
import { replay } from "../../src/kvm/replay.js";
import { RELEASES } from "../../src/rules/release.js";
import { layersOf } from "../../src/why/layers.js";
import { runCli } from "../cli/run.js";

/* What the vendor of a CPU decides: one of AMD or Hygon has SVM, and none of the registers of VMX. */

const ZEN = `------[ CPUID Registers / Logical CPU #0 ]------
CPUID 00000000: 0000000D-68747541-444D4163-69746E65
CPUID 00000001: 00800F12-00080800-FED8320B-178BFBFF
------[ MSR Registers ]------
MSR 0000001B: 0000-0000-FEE0-0900
`;
/** The same without the bit that says that it is a virtual machine. */
const ZEN_ALONE = ZEN.replace("FED8320B", "7ED8320B");

describe("a CPU with SVM", () => {
  it("is not called one whose VMX a hypervisor hides", () => {
    for (const text of [ZEN, ZEN_ALONE]) {
      const { host, diagnostics } = readHost(text);
      expect(host?.vendor).toBe("AuthenticAMD");
      const told = diagnostics.map(({ message }) => message).join("\n");
      expect(told).toContain("the CPU has SVM instead of VMX");
      expect(told).not.toContain("hides VMX");
    }
  });

  it.each(["AuthenticAMD", "HygonGenuine"])("has no feature of VMX in any column, under any release: %s", (vendor) => {
    const host: Host = { vendor, cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    for (const release of RELEASES) {
      const replayed = replay(host, { release });
      expect([replayed.loads, replayed.error]).toEqual(["no", "EOPNOTSUPP"]);
      for (const { cells } of layersOf(replayed)) {
        expect(cells.silicon).toBe("no");
        expect(Object.values(cells)).not.toContain("unknown");
      }
    }
    for (const { exists, msr } of decodeCore(host.cores[0], vendor))
      expect([exists, msr.state]).toEqual(["no", "absent"]);
  });

  it("is another thing than an Intel CPU of which nothing was read", () => {
    const host: Host = { vendor: "GenuineIntel", cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }] };
    expect(replay(host).loads).toBe("unknown");
    expect(layersOf(replay(host)).every(({ cells }) => cells.silicon === "unknown")).toBe(true);
  });

  it("is known by its name in a log", async () => {
    const stdin =
      "[0.1] smpboot: CPU0: AMD Ryzen 9 3950X 16-Core Processor (family: 0x17, model: 0x71, stepping: 0x0)\n";
    const { out } = await runCli(["layers", "-"], { stdin });
    expect(out.replace(/\s+/g, " ")).toContain("this CPU has SVM; its module is kvm_amd");
  });

  it.each([
    ["model name\t: AMD Ryzen 7 5800X 8-Core Processor\n", "AuthenticAMD"],
    ["Model name:            AMD EPYC 7B12\nFlags:                 fpu hypervisor\n", "AuthenticAMD"],
    ["model name\t: Hygon C86 7185 32-core Processor\n", "HygonGenuine"],
    ["flags\t\t: fpu vme svm npt hypervisor\n", "AuthenticAMD"],
    // What is printed counts, and so does VMX that is there.
    ["vendor_id\t: HygonGenuine\nflags\t\t: fpu svm\n", "HygonGenuine"],
    ["vendor_id\t: GenuineIntel\nmodel name\t: AMD EPYC 7B12\n", "GenuineIntel"],
    ["model name\t: AMD EPYC 7B12\nflags\t\t: fpu vmx\n", undefined],
    ["model name\t: AMD EPYC 7B12\n0x480: 0xda040000000004\n", undefined],
    // Under KVM a model of QEMU keeps the vendor of the CPU below.
    ["model name\t: AMD EPYC Processor\n", undefined],
    ["model name\t: AMD EPYC-Milan Processor\n", undefined],
    ["model name\t: AMD Opteron 63xx class CPU\n", undefined],
    ["model name\t: Hygon Dhyana Processor\n", undefined],
    ["model name\t: Intel(R) Xeon(R) CPU\nflags\t\t: fpu\n", undefined],
    ["model name\t: QEMU Virtual CPU version 2.5+\n", undefined],
  ])("where no vendor is printed, is known by its name or by svm: %j", async (text, vendor) => {
    const { host } = readHost(text);
    expect(host?.vendor).toBe(vendor);
    if (vendor === undefined || vendor === "GenuineIntel") return;
    for (const command of [["layers"], ["why", "vmx"], ["nested"], ["runs"]]) {
      const { code, out, err } = await runCli([...command, "-"], { stdin: text });
      expect(code).not.toBe(0);
      expect(out + err).not.toMatch(/Not known whether|KVM may|hypervisor\s+hides/);
    }
  });
});

describe("exit codes when nothing is known", () => {
  const CPUID_ONLY = `------[ CPUID Registers / Logical CPU #0 ]------
CPUID 00000000: 00000016-756E6547-6C65746E-49656E69
CPUID 00000001: 00050654-00010800-77FAF3BF-BFEBFBFF
`;

  it.each(["show", "layers", "replay"])("%s ends with 1, as why does, with --json, too", async (command) => {
    for (const stdin of [CPUID_ONLY, ZEN]) {
      for (const more of [[], ["--json"]]) expect((await runCli([command, "-", ...more], { stdin })).code).toBe(1);
    }
    expect((await runCli([command, "-"], { stdin: "MSR 0x480: 0x00da040000000004\n" })).code).toBe(0);
    expect((await runCli([command, "skylake-x"])).code).toBe(0);
  });
});

describe("--assume none", () => {
  // Control 17 of the primary ones is 0: there is no IA32_VMX_PROCBASED_CTLS3.
  const stdin =
    "0x480: 0xda040000000004\n0x482: 0xfff9fffe0401e172\n0x483: 0x7fffff00036dff\n0x48b: 0x553cfe00000000\n";
  const run = async (...args: readonly string[]) => (await runCli([...args], { stdin })).out;

  it("means the same in every command: nothing is concluded of a register that nobody read", async () => {
    const none = ["--assume", "none"] as const;
    const cell = async (...more: readonly string[]) => {
      const { features } = JSON.parse(await run("layers", "-", "--json", ...more));
      return features.find((row: { id: string }) => row.id === "ipi-virt").layers.boot;
    };
    expect([await cell(), await cell(...none)]).toEqual(["no", "unknown"]);
    const shown = async (...more: readonly string[]) => {
      const { cores } = JSON.parse(await run("show", "-", "0x492", "--json", ...more));
      return cores[0].registers[0].value;
    };
    expect([await shown(), await shown(...none)]).toEqual(["absent", "unknown"]);
    expect(await run("show", "-", "0x492", ...none)).not.toContain("absent");
    const common = async (...more: readonly string[]) =>
      (await run("baseline", "-", "skylake-x", "--layer", "silicon", ...more))
        .split("\n")
        .find((line) => line.startsWith("0x492"));
    expect(await common()).toContain("absent");
    expect(await common(...none)).not.toContain("absent");
  });
});

describe("a 32-bit kernel", () => {
  const kernel = async (name: string) =>
    JSON.parse((await runCli(["layers", "skylake-x", "--kernel", name, "--json"])).out).config;

  it.each(["6.1.0-50-686-pae", "5.10.0-28-686", "6.1.0-i686", "5.11.12-300.fc34.i686", "5.15.0-generic-pae"])(
    "is built with CONFIG_X86_64=n: %s",
    async (name) => {
      expect(await kernel(name)).toEqual({ CONFIG_X86_64: false });
      const { out } = await runCli(["layers", "skylake-x", "--kernel", name]);
      expect(out).toContain("CONFIG_X86_64=n");
    },
  );

  it.each(["6.1.0-50-amd64", "5.15.0-91-generic", "6.12.9", "6.6.87.2-microsoft-standard-WSL2"])(
    "is not what this is: %s",
    async (name) => {
      expect(await kernel(name)).not.toHaveProperty("CONFIG_X86_64");
    },
  );

  it("is one by the machine that uname -a names, and by what a user says against its name", async () => {
    const uname = "Linux box 6.1.0 #1 SMP Debian 6.1.90-1 (2024-05-03) i686 GNU/Linux\nMSR 0x480: 0x00da040000000004\n";
    const of = async (...more: readonly string[]) =>
      JSON.parse((await runCli(["layers", "-", "--json", ...more], { stdin: uname })).out).config;
    expect(await of()).toEqual({ CONFIG_X86_64: false });
    expect(await of("--config", "CONFIG_X86_64=y")).toEqual({ CONFIG_X86_64: true });
  });
});
