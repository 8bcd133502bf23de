import { describe, expect, it } from "vitest";
import { setText } from "../../src/fleet/host-set.js";
import type { CoreGroup } from "../../src/host/host.js";
import { atlas, atlasHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { auditVmcs } from "../../src/vmcs/audit.js";
import { fieldOf } from "../../src/vmcs/fields/fields.js";
import { known64 } from "../../src/vmcs/value64.js";

type Counters = readonly [eax: string, ecx: string, edx: string];

/** What `cpuid -r` prints of each CPU, with these values in leaf 0AH; bit 15 of EDX in leaf 7 is that of hybrid CPUs. */
function cpuidOf(counters: readonly Counters[], { hybrid = false, maxLeaf = "16" } = {}): string {
  const line = (leaf: string, [eax = "", ebx = "", ecx = "", edx = ""]: readonly string[]) =>
    `   0x${leaf.padStart(8, "0")} 0x00: eax=0x${eax} ebx=0x${ebx} ecx=0x${ecx} edx=0x${edx}\n`;
  const zero = "00000000";
  return counters
    .map(([eax, ecx, edx], cpu) =>
      [
        `CPU ${cpu}:\n`,
        line("0", [maxLeaf.padStart(8, "0"), "756e6547", "6c65746e", "49656e69"]),
        line("7", [zero, zero, zero, hybrid ? "00008000" : zero]),
        line("a", [eax, zero, ecx, edx]),
      ].join(""),
    )
    .join("");
}

const SKYLAKE = ["07300404", "00000000", "00000603"] as const;
const GOLDEN_COVE = ["08300805", "0000000f", "00008604"] as const;
const GRACEMONT = ["08300605", "00000007", "00008603"] as const;

/** How the check of the guest's IA32_PERF_GLOBAL_CTRL comes out on a CPU. */
function outcome(core: CoreGroup | undefined, lo: number, hi: number): "passes" | "fails" | "undecided" {
  const vmcs = {
    fields: new Map([
      [fieldOf("ctl.entry").encoding, known64({ lo: 0x33ff, hi: 0 })],
      [fieldOf("guest.perf_global_ctrl").encoding, known64({ lo, hi })],
    ]),
  };
  const { findings, undecided } = auditVmcs(vmcs, core);
  const has = (of: readonly { readonly check: { readonly id: string } }[]) =>
    of.some(({ check }) => check.id === "guest.perf_global_ctrl.reserved");
  return has(findings) ? "fails" : has(undecided) ? "undecided" : "passes";
}

const coreOf = (text: string) => readHost(text).host?.cores[0];

describe("the performance counters of CPUID leaf 0AH", () => {
  it("decide which bits of IA32_PERF_GLOBAL_CTRL are reserved", () => {
    const core = coreOf(cpuidOf([SKYLAKE, SKYLAKE]));
    expect(core?.cpuid.cpuid0a).toEqual({ eax: 0x0730_0404, ecx: 0, edx: 0x603 });
    expect(outcome(core, 0xf, 0x7)).toBe("passes");
    expect(outcome(core, 0x10, 0)).toBe("fails");
    expect(outcome(core, 0, 0x8)).toBe("fails");
    expect(outcome(core, 0, 0x1_0000)).toBe("fails");
    expect(outcome(core, 0, 0x8000_0000)).toBe("fails");
  });

  it("leave the metrics of fixed counter 3 to IA32_PERF_CAPABILITIES", () => {
    const core = coreOf(cpuidOf([GOLDEN_COVE]));
    expect(outcome(core, 0xff, 0xf)).toBe("passes");
    expect(outcome(core, 0, 0x1_0000)).toBe("undecided");
    expect(outcome(core, 0x100, 0)).toBe("fails");
  });

  it("reserve all of the register before version 2", () => {
    expect(outcome(coreOf(cpuidOf([["07280201", "00000000", "00000000"]])), 1, 0)).toBe("fails");
  });

  it("are not known where they were not read, and where the cores of a machine differ in them", () => {
    const hybrid = readHost(cpuidOf([GOLDEN_COVE, GRACEMONT], { hybrid: true })).host;
    expect(hybrid?.cores.length).toBe(1);
    expect(hybrid?.cores[0].cpuid.cpuid0a).toBeUndefined();
    for (const core of [undefined, hybrid?.cores[0]]) {
      expect(outcome(core, 0x3, 0x7)).toBe("passes");
      expect(outcome(core, 0x4, 0)).toBe("undecided");
      expect(outcome(core, 0, 0x8000_0000)).toBe("fails");
    }
  });

  it("are the least that a core of a hybrid CPU has, and a CPU with leaf 23H", () => {
    for (const text of [cpuidOf([GRACEMONT], { hybrid: true }), cpuidOf([GRACEMONT], { maxLeaf: "23" })]) {
      const core = coreOf(text);
      expect(outcome(core, 0x3f, 0x7)).toBe("passes");
      expect(outcome(core, 0xff, 0xf)).toBe("undecided");
      expect(outcome(core, 0, 0x8000_0000)).toBe("fails");
    }
  });

  it("are known of every CPU of the atlas", () => {
    expect(atlas().filter(({ cpuid }) => cpuid.cpuid0a === undefined)).toEqual([]);
    expect(outcome(atlasHost("intel-50654-skylakex").cores[0], 0x100, 0)).toBe("fails");
  });

  it("do not make another set of a fleet's machine", () => {
    const host = atlasHost("intel-50654-skylakex");
    const [core] = host.cores;
    const { cpuid0a, ...cpuid } = core.cpuid;
    expect(cpuid0a).toBeDefined();
    expect(setText({ ...host, cores: [{ ...core, cpuid }] })).toBe(setText(host));
  });
});
