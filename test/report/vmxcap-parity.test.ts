import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { U64 } from "../../src/bits/u64.js";
import type { CoreGroup } from "../../src/host/host.js";
import { msrValue } from "../../src/host/msr.js";
import { atlas, atlasHost, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { oneIn } from "../deep.js";
import { compare } from "../input/truth.js";
import {
  VMXCAP_EDITIONS,
  type VmxcapEdition,
  type VmxcapRegisters,
  vmxcapClaims,
  vmxcapOutput,
} from "../oracles/qemu/vmxcap-claims.js";
import { registersOf, vmxcapParity } from "../oracles/qemu/vmxcap-parity.js";

const NEWEST: VmxcapEdition = "10.0";

function coreOf(registers: VmxcapRegisters): CoreGroup {
  return {
    coreTypes: [],
    msrs: new Map([...registers].map(([index, value]) => [index, msrValue(value)])),
    cpuid: { features: { vmx: true } },
  };
}

/** Each set of registers of the atlas once, of P and E cores too. */
const CORES = (() => {
  const seen = new Map<string, { readonly name: string; readonly core: CoreGroup }>();
  for (const entry of atlas()) {
    for (const core of entryHost(entry).cores) {
      const key = JSON.stringify([...core.msrs]);
      if (!seen.has(key)) seen.set(key, { name: entry.id, core });
    }
  }
  return [...seen.values()];
})();

describe("the table of what QEMU's vmxcap says", () => {
  // Whole lines of its output for the registers of a Skylake-X, as the script of QEMU 10.0 printed them.
  it("has the script's own words", () => {
    const lines = vmxcapOutput(registersOf(atlasHost("intel-50654-skylakex").cores[0]), NEWEST).split("\n");
    expect(lines).toHaveLength(137);
    expect(lines.slice(0, 5)).toEqual([
      "Basic VMX Information",
      "  Hex: 0xda040000000004",
      "  Revision                                 4",
      "  VMCS size                                1024",
      "  VMCS restricted to 32 bit addresses      no",
    ]);
    for (const line of [
      "  CR3-load exiting                         default",
      "  Activate tertiary controls               no",
      "  EPT-violation #VE                        yes",
      "  Store EFER.LMA into IA-32e mode guest control yes",
      "  VMX-preemption timer scale (log2)        7",
      "  Advanced VM-exit information for EPT violations yes",
      "secondary VM-Exit controls",
    ]) {
      expect(lines).toContain(line);
    }
  });

  it("grew from edition to edition", () => {
    const registers = registersOf(atlasHost("intel-50654-skylakex").cores[0]);
    const counts = VMXCAP_EDITIONS.map((edition) => vmxcapClaims(registers, edition).length);
    expect(counts).toEqual([71, 92, 94, 108, 116, 119, 125]);
  });

  const samples = path.resolve(import.meta.dirname, "../../../shared/samples/vmxcap");
  it.skipIf(!existsSync(samples)).each([
    ["old-no-hex-rev14.txt", "2015"],
    ["hyperv-azure-nested-2020.txt", "5.2"],
  ] as const)("has the lines of a real output, %s (needs ../shared)", (file, edition) => {
    const labels = (text: string) =>
      text.split("\n").flatMap((line) => /^ {2}(.*\S) +\S+$|^(\S.*)$|^ {2}(Hex):/.exec(line)?.slice(1).join("") ?? []);
    expect(labels(vmxcapOutput(new Map(), edition))).toEqual(labels(readFileSync(path.join(samples, file), "utf8")));
  });
});

describe("vmxlens show beside QEMU's vmxcap", () => {
  it.each(VMXCAP_EDITIONS)("says all that the script says, and the same, of every CPU of the atlas: %s", (edition) => {
    // Every CPU under the newest edition (in a short run one in three), and a spread of them under each older one.
    const some = edition === NEWEST ? oneIn(3, CORES) : CORES.filter((_, position) => position % 9 === 0);
    let agreed = 0;
    for (const { name, core } of some) {
      const parity = vmxcapParity(core, edition);
      expect({ name, wrong: parity.wrong }).toEqual({ name, wrong: [] });
      expect(parity.agreed + parity.guessed).toBe(parity.claims);
      agreed += parity.agreed;
    }
    expect(agreed).toBeGreaterThan(60 * some.length);
  });

  it("differs where the script could not read a register and prints no", () => {
    const [core] = atlasHost("intel-50654-skylakex").cores;
    const blind = { ...core, msrs: new Map([...core.msrs].filter(([index]) => index !== 0x48b)) };
    const before = vmxcapParity(core, NEWEST);
    const after = vmxcapParity(blind, NEWEST);
    expect(after.wrong).toEqual([]);
    expect(after.guessed - before.guessed).toBe(27);
    const claims = vmxcapClaims(registersOf(blind), NEWEST).filter(({ register }) => register === 0x48b);
    expect(new Set(claims.map(({ said }) => said))).toEqual(new Set(["no"]));
  });

  it("calls invalid what the script prints as a question mark", () => {
    const registers = new Map([[0x48b, { hi: 0xfffffffd, lo: 0x2 }]]);
    expect(vmxcapClaims(registers, NEWEST).find(({ label }) => label === "Enable EPT")?.said).toBe("?");
    expect(vmxcapParity(coreOf(registers), NEWEST).wrong).toEqual([]);
  });

  it("agrees on any registers that a CPU can have", () => {
    const half = fc.integer({ min: 0, max: 0xffff_ffff });
    const value = fc.record({ hi: half, lo: half });
    const arbitrary = fc.record({
      msrs: fc.array(value, { minLength: 12, maxLength: 12 }),
      freed: fc.array(half, { minLength: 4, maxLength: 4 }),
    });
    fc.assert(
      fc.property(arbitrary, ({ msrs, freed }) => {
        const indices = [0x480, 0x481, 0x482, 0x483, 0x484, 0x485, 0x48b, 0x48c, 0x491, 0x492, 0x493];
        const registers = new Map(indices.map((index, i) => [index, msrs[i] as U64]));
        // The TRUE registers allow the same ones, and free some of the controls that must be 1.
        for (const [i, index] of [0x481, 0x482, 0x483, 0x484].entries()) {
          const { hi, lo } = registers.get(index) as U64;
          registers.set(index + 12, { hi, lo: (lo & ~(hi & (freed[i] as number))) >>> 0 });
        }
        // All of them are there.
        const on = (index: number, bit: number): void => {
          const { hi, lo } = registers.get(index) as U64;
          registers.set(index, { hi: (hi | (1 << (bit & 31))) >>> 0, lo });
        };
        on(0x480, 55);
        expect(vmxcapParity(coreOf(registers), NEWEST).wrong).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });
});

describe("the vmxcap reader", () => {
  it.each(VMXCAP_EDITIONS)("never contradicts the registers behind an output of edition %s", (edition) => {
    for (const { name, core } of CORES.filter((_, position) => edition === NEWEST || position % 4 === 0)) {
      const truth = registersOf(core);
      const { host } = readHost(vmxcapOutput(truth, edition));
      const { wrong, known } = compare(host?.cores[0].msrs, truth);
      expect({ name, wrong }).toEqual({ name, wrong: [] });
      expect(known).toBeGreaterThan(100);
    }
  });

  it("claims nothing of the bit of the MSEG revision that the first edition leaves out", () => {
    const [core] = atlasHost("intel-50654-skylakex").cores;
    const truth = new Map(registersOf(core)).set(0x485, { hi: 0x8000_0001, lo: 0x7004_c1e7 });
    for (const edition of VMXCAP_EDITIONS) {
      const { host } = readHost(vmxcapOutput(truth, edition));
      expect(compare(host?.cores[0].msrs, truth).wrong).toEqual([]);
    }
  });

  it("knows the labels of old editions", () => {
    const truth = registersOf(atlasHost("intel-50654-skylakex").cores[0]);
    const { host } = readHost(vmxcapOutput(truth, "2011"));
    expect(host?.cores[0].msrs.get(0x484)).toMatchObject({ hi: { value: expect.toSatisfy((v) => (v & 0x200) !== 0) } });
    expect(host?.cores[0].msrs.get(0x485)).toMatchObject({
      lo: { unknown: expect.toSatisfy((v) => (v & 0xe000000) === 0) },
    });
  });
});
