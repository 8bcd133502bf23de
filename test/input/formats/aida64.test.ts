import { existsSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { CPU_FEATURES, type CpuFeature } from "../../../src/host/host.js";
import { formatMsr, type Msr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { CPUID_FEATURES } from "../../../src/registers/cpuid-features.js";
import { AIDA64_OLD, aida64New, METEOR_LAKE_MSRS } from "../excerpts.js";

const shared = resolve(import.meta.dirname, "../../../../shared");

function values(msrs: ReadonlyMap<number, Msr> | undefined): { [index: string]: string } {
  return Object.fromEntries([...(msrs ?? [])].map(([index, msr]) => [`0x${index.toString(16)}`, formatMsr(msr)]));
}

describe("an old dump", () => {
  const { host, format, diagnostics } = readHost(AIDA64_OLD, { file: "E680.txt" });

  it("gives one group without CPU numbers, from one MSR section", () => {
    expect(format).toBe("aida64");
    expect(diagnostics).toEqual([]);
    expect(host).toMatchObject({
      vendor: "GenuineIntel",
      name: "Intel(R) Atom(TM) CPU E680 @ 1.60GHz",
      source: "E680.txt",
    });
    expect(host?.cores).toHaveLength(1);
    expect(host?.cores[0]).toMatchObject({ coreTypes: [], signature: 0x20661, microcode: 0x105 });
    expect(host?.cores[0].logicalCpus).toBeUndefined();
  });

  it("takes the VMX MSRs and leaves every other one unread", () => {
    expect(values(host?.cores[0].msrs)).toEqual({
      "0x480": "0x5a040000000009",
      "0x481": "0x3f00000016",
      "0x482": "0x77f9fffe0401e172",
      "0x483": "0x3efff00036dff",
      "0x484": "0x1fff000011ff",
      "0x485": "0x403c0",
      "0x486": "0x80000021",
      "0x487": "0xffffffff",
      "0x488": "0x2000",
      "0x489": "0x27ff",
      "0x48a": "0x2c",
    });
  });

  it("knows from the highest leaf that a leaf above it has no features", () => {
    const { features = {}, ...others } = host?.cores[0].cpuid ?? {};
    // The excerpt leaves out leaves 6 and 80000007H.
    const unknown = CPUID_FEATURES.filter(({ name }) => features[name] === undefined);
    expect(unknown.map(({ name }) => name)).toEqual(["arat", "nonstop_tsc"]);
    expect(Object.fromEntries(CPU_FEATURES.map((name) => [name, features[name]]))).toEqual({
      vmx: true,
      smx: false,
      xsave: false,
      hypervisor: false,
      ss: true,
      sgx: false,
      mpx: false,
      umip: false,
      shstk: false,
      la57: false,
      sgx_lc: false,
      hybrid: false,
      ibt: false,
      xsaves: false,
      nx: true,
      pdpe1gb: false,
    });
    expect(others).toEqual({
      maxLeaf: 0xa,
      physAddrBits: 32,
      linAddrBits: 48,
    });
  });

  it("does not conclude from a highest leaf that firmware may have limited", () => {
    const limited = AIDA64_OLD.replaceAll("CPUID 00000000: 0000000A", "CPUID 00000000: 00000003");
    const features = readHost(limited).host?.cores[0].cpuid.features;
    expect(features?.xsaves).toBeUndefined();
    expect(features?.umip).toBe(false);
  });
});

describe("a new dump of a hybrid", () => {
  it("puts equal CPUs of all core types into one group", () => {
    const { host, diagnostics } = readHost(aida64New());
    expect(diagnostics).toEqual([]);
    expect(host).toMatchObject({ name: "Intel(R) Core(TM) Ultra 7 155H", codename: "Meteor Lake-H" });
    expect(host?.cores).toHaveLength(1);
    expect(host?.cores[0]).toMatchObject({
      coreTypes: ["P", "E", "LP-E"],
      logicalCpus: "0-3",
      signature: 0xa06a4,
      microcode: 0x1c,
      cpuid: { maxLeaf: 0x23, cpuid12Eax: 0, cpuid15: { eax: 2, ebx: 0x9c, ecx: 38_400_000 }, tscKhz: 2_995_200 },
    });
    expect(values(host?.cores[0].msrs)).toMatchObject({ "0x480": "0x3da050000000013", "0x48b": "0xc75f7fff00000000" });
    expect(host?.cores[0].cpuid.features).toMatchObject({
      hybrid: true,
      shstk: true,
      ibt: true,
      umip: true,
      mpx: false,
      xsaves: true,
    });
  });

  it("keeps CPUs apart whose MSRs differ, that of CPU 0 first", () => {
    const other = METEOR_LAKE_MSRS.replace("C75F-7FFF", "875F-7FFF");
    const { host } = readHost(aida64New((cpu) => (cpu === 1 || cpu === 2 ? other : METEOR_LAKE_MSRS)));
    expect(host?.cores.map((c) => [c.logicalCpus, c.coreTypes])).toEqual([
      ["0,3", ["P"]],
      ["1-2", ["E", "LP-E"]],
    ]);
  });

  it("reads a failed MSR as absent, and a missing one as unknown", () => {
    const { host } = readHost(aida64New(() => `${METEOR_LAKE_MSRS}\nMSR 0000048D: < FAILED >`));
    expect(host?.cores[0].msrs.get(0x48d)).toEqual({ state: "absent" });
    expect(host?.cores[0].msrs.has(0x48e)).toBe(false);
  });

  it("takes the unmarked line among samples of one MSR", () => {
    const sampled = `MSR 00000485: 0000-0000-0000-0001 [S200]\nMSR 00000485: 0000-0000-7004-C1E7\n${METEOR_LAKE_MSRS}`;
    const { host, diagnostics } = readHost(aida64New(() => sampled));
    expect(formatMsr(host?.cores[0].msrs.get(0x485) ?? { state: "absent" })).toBe("0x7004c1e7");
    expect(diagnostics).toEqual([]);
  });

  it("keeps the bits unknown on which two lines of one CPU disagree", () => {
    const twice = `${METEOR_LAKE_MSRS}\nMSR 0000048C: 0000-0F01-06F3-4140`;
    const { host, diagnostics } = readHost(aida64New((cpu) => (cpu === 2 ? twice : METEOR_LAKE_MSRS)));
    expect(host?.cores.map((c) => c.logicalCpus)).toEqual(["0-1,3", "2"]);
    expect(formatMsr(host?.cores[1]?.msrs.get(0x48c) ?? { state: "absent" })).toBe("0xf0106f3414?");
    expect(diagnostics).toMatchObject([
      { severity: "warning", message: expect.stringContaining("bit 0 stays unknown") },
    ]);
  });

  it("does not take MSR lines of sections that are none", () => {
    expect(aida64New()).toContain("MSR 00000480: 0000-0000-0000-0001");
    expect(readHost(aida64New()).diagnostics).toEqual([]);
  });
});

describe("a damaged dump", () => {
  const whole = aida64New();

  it("that is cut in the MSR section of CPU 1 gives CPU 0 whole and says what is missing", () => {
    const cut = whole.slice(0, whole.indexOf("MSR 00000484", whole.indexOf("MSR Registers / Logical CPU #1")) + 30);
    const { host, diagnostics } = readHost(cut, { file: "cut.txt" });
    expect(host?.cores.map((c) => [c.logicalCpus, c.msrs.size])).toEqual([
      ["0", 7],
      ["1", 4],
      ["2-3", 0],
    ]);
    expect(diagnostics.map((d) => [d.severity, d.line, d.message])).toEqual([
      ["warning", expect.any(Number), "the MSR section of CPU 1 lacks 0x484, 0x48b, 0x48c, which CPU 0 has"],
      ["warning", cut.split("\n").length, "no MSR section for logical CPU 2-3: their MSRs are unknown"],
      ["error", cut.split("\n").length, 'no MSR value: "0076-FFFF-0000-1"'],
    ]);
  });

  it("that begins in the middle of an MSR section gives what is left", () => {
    const { host, format, diagnostics } = readHost(`${METEOR_LAKE_MSRS}\n`);
    expect(format).toBe("aida64");
    expect(host?.cores[0].msrs.size).toBe(7);
    expect(diagnostics).toMatchObject([{ severity: "warning", line: 1 }]);
  });

  it.each([
    ["17 digits", "MSR 00000485: 00000-0000-7004-C1E7"],
    ["three groups", "MSR 00000485: 0000-7004-C1E7"],
    ["a letter O", "MSR 00000485: 0000-0000-7004-C1EO"],
    ["no value", "MSR 00000485:"],
    ["another layout", "MSR 485: 0000-0000-7004-C1E7"],
  ])("with %s has that MSR unknown, and an error at its line", (_, line) => {
    const text = whole.replace("MSR 00000484: 0076-FFFF-0000-11FF", line);
    const at = text.split("\n").indexOf(line) + 1;
    const { host, diagnostics } = readHost(text);
    expect(host?.cores[0].msrs.has(0x485)).toBe(false);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ severity: "error", line: at, expected: expect.stringContaining("MSR 00000480") }),
    );
  });

  it.each([
    ["no MSR section", AIDA64_OLD.slice(0, AIDA64_OLD.indexOf("------[ MSR")), "no MSR section"],
    [
      "a hypervisor that hides VMX",
      AIDA64_OLD.replaceAll("0040E3BD", "8040E39D").replace(/MSR 000004.*\n/g, ""),
      "under a hypervisor that hides VMX",
    ],
    [
      "a CPU without VMX",
      AIDA64_OLD.replaceAll("0040E3BD", "0040E39D").replace(/MSR 000004.*\n/g, ""),
      "does not have VMX",
    ],
  ])("with %s keeps the CPUID facts and says so", (_, text, message) => {
    const { host, diagnostics } = readHost(text);
    expect(host?.cores[0].signature).toBe(0x20661);
    expect(host?.cores[0].msrs.size).toBe(0);
    expect(diagnostics).toMatchObject([{ severity: "error", message: expect.stringContaining(message) }]);
  });

  it("with halves exchanged is told, and kept as it stands", () => {
    const { host, diagnostics } = readHost(whole.replaceAll("0076-FFFF-0000-11FF", "0000-11FF-0076-FFFF"));
    expect(formatMsr(host?.cores[0].msrs.get(0x484) ?? { state: "absent" })).toBe("0x11ff0076ffff");
    expect(diagnostics).toMatchObject([{ severity: "warning", message: expect.stringContaining("look exchanged") }]);
  });

  it("with several dumps in it gives several hosts", () => {
    const { hosts, diagnostics } = readHost(aida64New() + AIDA64_OLD + AIDA64_OLD);
    expect(hosts.map((h) => h.cores[0].signature)).toEqual([0xa06a4, 0x20661, 0x20661]);
    expect(diagnostics).toEqual([]);
  });
});

interface AtlasJson {
  vendor: string;
  name: string;
  aidaAlias: string | null;
  signature: string;
  microcode: string | null;
  cpuid: { [key: string]: boolean | number | string };
  cores: { coreTypes: string[]; logicalCpus: string | null; msrs: { [index: string]: string } }[];
  source: { path: string };
}

const FEATURES: readonly (readonly [CpuFeature, string])[] = [
  ["vmx", "vmx"],
  ["smx", "smx"],
  ["hypervisor", "hypervisor"],
  ["sgx", "sgx"],
  ["sgx_lc", "sgxLc"],
  ["la57", "la57"],
  ["hybrid", "hybrid"],
  ["pdpe1gb", "pdpe1gb"],
  ["shstk", "cetSs"],
  ["xsaves", "xsaves"],
];

describe("real dumps", () => {
  const dumps = resolve(shared, "samples/aida64");
  const atlasFile = resolve(shared, "data/atlas.json");

  it.skipIf(!existsSync(dumps) || !existsSync(atlasFile))(
    "agree with the atlas in every field (needs ../shared)",
    () => {
      const entries = JSON.parse(readFileSync(atlasFile, "utf8")) as AtlasJson[];
      let compared = 0;
      for (const entry of entries) {
        const file = resolve(dumps, basename(entry.source.path));
        if (!existsSync(file)) continue;
        compared++;
        const { host, diagnostics } = readHost(readFileSync(file));
        expect(diagnostics).toEqual([]);
        expect(host).toMatchObject({ vendor: entry.vendor, name: entry.name });
        expect(host?.codename ?? null).toBe(entry.aidaAlias);
        const seen = host?.cores.map((core) => ({
          coreTypes: core.coreTypes,
          logicalCpus: core.logicalCpus ?? null,
          msrs: values(core.msrs),
        }));
        expect(seen).toEqual(entry.cores.map(({ coreTypes, logicalCpus, msrs }) => ({ coreTypes, logicalCpus, msrs })));
        for (const core of host?.cores ?? []) {
          expect(core.signature).toBe(Number.parseInt(entry.signature, 16));
          expect(core.microcode).toBe(entry.microcode === null ? undefined : Number.parseInt(entry.microcode, 16));
          expect(core.cpuid).toMatchObject({
            maxLeaf: Number.parseInt(entry.cpuid.maxLeaf as string, 16),
            physAddrBits: entry.cpuid.physAddrBits,
            linAddrBits: entry.cpuid.linAddrBits,
          });
          for (const [feature, key] of FEATURES)
            expect(core.cpuid.features[feature] ?? false).toBe(entry.cpuid[key] ?? false);
        }
      }
      expect(compared).toBe(8);
    },
  );
});

describe("dumps of CPUID with other titles, or none", () => {
  const BODY = `CPUID 00000000: 00000016-756E6547-6C65746E-49656E69
CPUID 00000001: 000306C3-00100800-7FDAFBBF-BFEBFBFF
CPUID 00000007: 00000000-000027AB-00000000-9C000000 [SL 00]
`;

  it.each([
    ["of InstLatX64's own tool", `CPU#000 AffMask: 0x00000001\n${BODY}CPU#001 AffMask: 0x00000002\n${BODY}`, "0-1"],
    ["of Everest, which counts from 1", `CPUID Registers (CPU #1):\n${BODY}`, "0"],
    ["without a title", BODY + BODY, "0-1"],
  ])("%s", (_, text, cpus) => {
    const { host, format } = readHost(text);
    expect(format).toBe("aida64");
    expect(host).toMatchObject({ vendor: "GenuineIntel", cores: [{ logicalCpus: cpus, signature: 0x306c3 }] });
    expect(host?.cores[0].cpuid.features.vmx).toBe(true);
  });
});
