import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { formatWord } from "../../src/bits/word.js";
import { effectiveMsr } from "../../src/host/existence.js";
import { msrBit, msrValue } from "../../src/host/msr.js";
import { atlas } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { paramsOf } from "../../src/kvm/programs.js";
import { paramText } from "../../src/kvm/replay-params.js";
import { REPLAY_MSRS, type WordName } from "../../src/rules/words.js";
import { BLOCKS, blockNames, DOCUMENTS, fillBlocks, withoutBlocks } from "../../tools/gen-walk.js";
import type { Language } from "../../tools/walk/markdown.js";
import { HOST, RELEASE, WALK } from "../../tools/walk/scenario.js";
import { sentence } from "../../tools/walk/steps.js";

const root = resolve(import.meta.dirname, "../..");
const LANGUAGES = Object.keys(DOCUMENTS) as Language[];
const read = (language: Language) => readFileSync(join(root, DOCUMENTS[language]), "utf8");

describe.each(LANGUAGES)("how-linux-initialises-vmx (%s)", (language) => {
  const text = read(language);

  it("shows what a replay gives now (after a change: npx tsx tools/gen-walk.ts)", () => {
    expect(text).toBe(fillBlocks(text, language));
  });

  it("shows every block", () => {
    expect(blockNames(text).sort()).toEqual(Object.keys(BLOCKS).sort());
  });

  it("writes no number that no block shows", () => {
    const numbers = (of: string) => new Set(of.match(/\b0x[0-9a-f]+\b/g));
    const shown = numbers(blockNames(text).reduce((all, name) => all + BLOCKS[name]?.(language), ""));
    const written = [...numbers(withoutBlocks(text))];
    expect(written.length).toBeGreaterThan(5);
    expect(written.filter((number) => !shown.has(number))).toEqual([]);
  });
});

describe("the two languages", () => {
  it("have the same structure", () => {
    const [en, zh] = LANGUAGES.map((language) =>
      read(language)
        .split("\n")
        .flatMap((line) => /^(#+) |^<!-- generated: (.*) -->|^(```\w*)|^(- |\d+\. )/.exec(line)?.slice(1) ?? [])
        .filter(Boolean),
    );
    expect(zh).toEqual(en);
  });

  it("write the same numbers", () => {
    const [en, zh] = LANGUAGES.map((language) =>
      [...new Set(withoutBlocks(read(language)).match(/\b(?:0x[0-9a-f]+|\d+\.\d+)\b/g))].sort(),
    );
    expect(zh).toEqual(en);
  });
});

describe("fillBlocks", () => {
  it("replaces a block that is out of date, and nothing else", () => {
    const current = read("en");
    const old = current.replace("| `0x480` | IA32_VMX_BASIC | `0xda040000000004` |", "| `0x480` | stale |");
    expect(old).not.toBe(current);
    expect(fillBlocks(old, "en")).toBe(current);
  });

  it("refuses a mark that names no block, and a sentence without a translation", () => {
    expect(() => fillBlocks("<!-- generated: nothing -->\n<!-- end -->", "en")).toThrow("no block is called nothing");
    expect(() => sentence("zh", "Something new happens.")).toThrow("no Chinese for: Something new happens.");
  });
});

/*
 * What the kernel's own functions, compiled from Debian's source of 6.12, return for the registers of this CPU with the
 * two assumed values.
 */
const KERNEL = {
  reads: "0x3a safe, 0x482, 0x48b safe, 0x492 safe, 0x481, 0x491 safe, 0x48c safe",
  vmxFlags:
    "vnmi preemption_timer posted_intr invvpid ept_x_only ept_ad ept_1gb flexpriority apicv tsc_offset vtpr mtf vapic " +
    "ept vpid unrestricted_guest vapic_reg vid ple ept_violation_ve ept_mode_based_exec tsc_scaling",
  words: {
    "vmx_capability[0]": "0x30f00ff",
    "vmx_capability[1]": "0xfff9fffe",
    "vmx_capability[2]": "0x25d3fff",
    "vmx_capability[3]": "0x0",
    "vmx_capability[4]": "0x0",
    pin_based_exec_ctrl: "0xff",
    cpu_based_exec_ctrl: "0xfff9fffe",
    cpu_based_2nd_exec_ctrl: "0x2193fff",
    "cpu_based_3rd_exec_ctrl.lo": "0x0",
    vmexit_ctrl: "0x1ffffff",
    vmentry_ctrl: "0x3f3ff",
    "misc.lo": "0x7004c1e7",
    "vmx_capability.ept": "0x6734141",
    "vmx_capability.vpid": "0xf01",
  } satisfies { [W in WordName]?: string },
  off: "enable_ipiv pml dump_invalid_vmcs allow_smaller_maxphyaddr enlightened_vmcs sgx enable_shadow_vmcs nested_early_check",
  nested:
    "0xd8100011e57ed0 0xff00000016 0xfff9fffe0401e172 0xffffff00036dff 0x1f3ff000011ff 0x20000165 0x80000021 0xffffffff " +
    "0x2000 0x372fff 0x32 0x2137bff00000000 0xf0106334041 0xff00000016 0xfff9fffe04006172 0xffffff00036dfb 0x1f3ff000011fb 0x1",
};

describe("the walk", () => {
  const { cpu } = WALK;

  it("is what the kernel returns", () => {
    const reads = cpu.boot.rdmsr.map(
      ({ msr, how }) => `0x${REPLAY_MSRS[msr].toString(16)}${how === "safe" ? " safe" : ""}`,
    );
    expect(reads.join(", ")).toBe(KERNEL.reads);
    expect(BLOCKS["vmx-flags"]?.("en")).toContain(`vmx flags       : ${KERNEL.vmxFlags}\n`);
    const words = Object.keys(KERNEL.words).map((name) => [name, formatWord(cpu.word(name as WordName))]);
    expect(Object.fromEntries(words)).toEqual(KERNEL.words);
    const off = paramsOf(RELEASE).filter((row) => row.type === "bool" && paramText(cpu, row) === "N");
    expect(off.map(({ name }) => name).join(" ")).toBe(KERNEL.off);
    const nested = [...nestedMsrs(cpu).values()].map(({ hi, lo }) =>
      hi.value === 0 ? formatWord(lo) : formatWord(hi) + formatWord(lo, 8).slice(2),
    );
    expect(nested.join(" ")).toBe(KERNEL.nested);
  });

  it("says the truth about the CPU's relatives", () => {
    const secondary = (core: { msrs: ReadonlyMap<number, { hi: number }> }, bit: number) =>
      (((core.msrs.get(0x48b)?.hi ?? 0) >>> bit) & 1) === 1;
    const servers = atlas().filter(
      ({ signature, name }) => signature === HOST.cores[0].signature && name.includes("Xeon"),
    );
    expect(servers.length).toBeGreaterThan(3);
    for (const { cores } of servers)
      for (const core of cores) expect([secondary(core, 14), secondary(core, 17)]).toEqual([true, true]);
    expect([14, 17].map((bit) => msrBit(effectiveMsr(HOST.cores[0], 0x48b), 32 + bit))).toEqual(["no", "no"]);
  });

  it("says the truth about EPT and the TRUE registers", () => {
    const bit = (core: { msrs: ReadonlyMap<number, { hi: number; lo: number }> }, index: number, number: number) => {
      const value = core.msrs.get(index);
      return value === undefined ? "no" : msrBit(msrValue(value), number);
    };
    const withEpt = atlas()
      .flatMap(({ cores }) => cores)
      .filter((core) => bit(core, 0x48b, 32 + 1) === "yes");
    expect(withEpt.length).toBeGreaterThan(100);
    for (const core of withEpt) {
      expect([bit(core, 0x480, 55), bit(core, 0x48e, 15), bit(core, 0x48e, 16)]).toEqual(["yes", "no", "no"]);
    }
  });
});
