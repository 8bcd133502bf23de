import { describe, expect, it } from "vitest";
import type { Host } from "../../src/host/host.js";
import { ABSENT, msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";
import { factsOfHost } from "../../src/prove/kernel/facts-of-host.js";
import type { ModuleRun } from "../../src/prove/kernel/run-modules.js";
import { loadProver, loads, type ProofFiles } from "../../src/prove/prover.js";
import { randomFrom } from "../../tools/judge/instances.js";
import { tinyFiles, tinyProver } from "./tiny/module.js";

/* A module of our own (tiny/): loaded, run over hosts, followed, mutated. */

const prover = await tinyProver();
const HASWELL = atlasHost("intel-306c3-haswell") as Host;

function withMsrs(
  change: (msrs: Map<number, Parameters<Map<number, ReturnType<typeof msrValue>>["set"]>[1] | typeof ABSENT>) => void,
): Host {
  const [core] = HASWELL.cores;
  const msrs = new Map<number, never>(core.msrs as never);
  change(msrs as never);
  return { ...HASWELL, cores: [{ ...core, msrs }] };
}

const value = (run: ModuleRun, group: "vmcsConfig" | "vmxCapability" | "nested", field: string) => {
  const number = run[group].get(field);
  return number === undefined ? undefined : [number.value, number.unknown];
};

describe("the module of our own", () => {
  const { modules } = prover.prove(HASWELL);

  it("loads, and fills what it has from the host's registers, at the offsets of its types", () => {
    expect(loads(modules)).toBe("yes");
    expect(value(modules, "vmcsConfig", "pin_based_exec_ctrl")).toEqual([0x3fn, 0n]);
    expect(value(modules, "vmcsConfig", "cpu_based_2nd_exec_ctrl")).toEqual([0x7cffn, 0n]);
    expect(value(modules, "vmxCapability", "ept")).toEqual([0x6334141n, 0n]);
    expect(modules.setupVmcsConfig).toEqual({ value: 0, unknown: 0 });
    expect(modules.nestedMsrs?.get(0x481)?.value).toBe(0x3f_0000_0016n);
    expect([...(modules.nestedMsrs?.keys() ?? [])]).toEqual([0x480, 0x481]);
  });

  it("jumps by its static key before and after it is switched on, and is called back", () => {
    // 10 for the key when it is on, 1 for the call; 100 for the key when it is off would be wrong.
    expect(modules.log.messages).toEqual([{ level: 6, text: "kvm_intel: ready -11%, gap 128", certain: true }]);
  });

  it("what an import returns that no row answers is unknown, and reported", () => {
    expect([...modules.unlisted.keys()]).toEqual(["nobody_knows_this"]);
    const [known, unknown] = value(modules, "nested", "basic") ?? [];
    expect(known).toBe(0xda0400_0000_0012n);
    expect(unknown).toBe(BigInt.asUintN(64, ~0xda0400_0000_0012n));
  });

  it("shows its parameters as the kernel does, and takes them as the kernel parses them", () => {
    const set = (text: string, name = "pml") =>
      prover.prove(HASWELL, { params: { kvm_intel: { [name]: text } } }).modules;
    expect(modules.params.get("kvm_intel.pml")).toBe("N");
    expect(set("0x10", "ple_gap").params.get("kvm_intel.ple_gap")).toBe("16");
    expect(set("010", "ple_gap").params.get("kvm_intel.ple_gap")).toBe("8");
    expect(set("-1", "ple_gap").result).toEqual({ value: -22, unknown: 0 });
    expect(set("maybe").result).toEqual({ value: -22, unknown: 0 });
    expect(set("maybe").log.messages).toEqual([
      { level: 3, text: "kvm_intel: `maybe' invalid for parameter `pml'", certain: true },
    ]);
    expect(set("4294967296", "ple_gap").result).toEqual({ value: -34, unknown: 0 });
    expect(set("on", "nested").params.get("kvm_intel.nested")).toBe("Y");
    const facts = factsOfHost(HASWELL, HASWELL.cores[0]);
    expect(prover.run(facts, { kvm_intel: { no_such: "1" } as object }).unknownParams).toEqual(["kvm_intel.no_such"]);
  });

  it("a register that faults gives 0, or an error where the code asks for it", () => {
    const none = prover.prove(withMsrs((msrs) => msrs.set(0x48c, ABSENT))).modules;
    expect(value(none, "vmxCapability", "ept")).toEqual([0n, 0n]);
    const second = prover.prove(withMsrs((msrs) => msrs.set(0x48b, ABSENT))).modules;
    expect(value(second, "vmcsConfig", "cpu_based_2nd_exec_ctrl")).toEqual([0n, 0n]);
    expect(second.log.warnings).toEqual([{ function: "init_module", once: false, certain: true }]);
    const pin = prover.prove(withMsrs((msrs) => msrs.set(0x481, ABSENT))).modules;
    expect(pin.result).toEqual({ value: -5, unknown: 0 });
    expect(pin.log.messages.map(({ text }) => text)).toEqual([
      "unchecked MSR access error: RDMSR from 0x481",
      "kvm_intel: no pin-based controls: 0",
    ]);
  });

  it("a register that nobody read leaves open what it decides, and nothing else", () => {
    const open = prover.prove(withMsrs((msrs) => msrs.delete(0x48c))).modules;
    expect(loads(open)).toBe("yes");
    expect(open.vmxCapability.get("ept")?.unknown).toBe(0xffff_ffffn);
    expect(value(open, "vmcsConfig", "cpu_based_2nd_exec_ctrl")).toEqual([0x7cffn, 0n]);
    const unread = prover.prove(withMsrs((msrs) => msrs.delete(0x481))).modules;
    expect(loads(unread)).toBe("unknown");
    expect(unread.setupVmcsConfig?.unknown).not.toBe(0);
  });

  it("the instruction that decided a bit, and the read behind it", () => {
    const set = prover.decide(HASWELL, { symbol: "vmcs_config", field: "cpu_based_2nd_exec_ctrl" }, 1);
    expect(set).toMatchObject({ function: "setup_vmcs_config.constprop.0", msr: 0x48b });
    const off = { params: { kvm_intel: { pml: "0" } } };
    const cleared = prover.decide(
      withMsrs((msrs) => msrs.set(0x48b, msrValue({ hi: 0x27cff, lo: 0 }))),
      { symbol: "vmcs_config", field: "cpu_based_2nd_exec_ctrl" },
      17,
      off,
    );
    expect(cleared?.text).toMatch(/^(?:and|btr) /);
    expect(cleared?.msr).toBeUndefined();
  });
});

it("partly known hosts: whatever the unknown bits are, what is claimed is true", () => {
  const [core] = HASWELL.cores;
  const indexes = [0x480, 0x481, 0x482, 0x48b, 0x48c];
  const random = randomFrom(7);
  const fields = (run: ModuleRun) => [...run.vmcsConfig, ...run.vmxCapability, ...run.nested];
  for (let round = 0; round < 60; round++) {
    const masks = new Map(indexes.map((index) => [index, [random() & random(), random() & random()] as const]));
    const host = (fill: (mask: number) => { value: number; unknown: number }): Host => ({
      ...HASWELL,
      cores: [
        {
          ...core,
          msrs: new Map(
            [...core.msrs].map(([index, msr]) => {
              const mask = masks.get(index);
              if (mask === undefined || msr.state !== "value") return [index, msr];
              const half = (old: number, bits: number) => {
                const { value: filled, unknown } = fill(bits >>> 0);
                return { value: ((old & ~bits) | filled) >>> 0, unknown: unknown >>> 0 };
              };
              return [index, { state: "value", hi: half(msr.hi.value, mask[0]), lo: half(msr.lo.value, mask[1]) }];
            }),
          ),
        },
      ],
    });
    const run = (from: Host) => prover.run(factsOfHost(from, from.cores[0]));
    const open = run(host((mask) => ({ value: 0, unknown: mask })));
    for (let completion = 0; completion < 4; completion++) {
      const full = run(host((mask) => ({ value: random() & mask, unknown: 0 })));
      if (open.result !== undefined)
        expect(((open.result.value ^ (full.result?.value ?? 0)) & ~open.result.unknown) >>> 0).toBe(0);
      const known = new Map(fields(full));
      for (const [name, number] of fields(open)) {
        const other = known.get(name);
        expect((number.value ^ (other?.value ?? 0n)) & ~number.unknown & ~(other?.unknown ?? 0n), name).toBe(0n);
      }
    }
  }
});

/** What is wrong with files, and with which; never the prover itself, which is too large to print. */
async function problemOf(files: ProofFiles): Promise<string> {
  const loaded = await loadProver(files);
  return loaded.kind === "problem" ? `${loaded.file}: ${loaded.problem}` : "nothing";
}

describe("files that are something else", () => {
  const files = tinyFiles();

  it.each([
    ["nothing", new Uint8Array(), "not an ELF file"],
    ["text", new TextEncoder().encode("hello\n".repeat(40)), "not an ELF file"],
    ["a cut-off module", files.module.subarray(0, 2000), "cut off"],
    ["damaged gzip", Uint8Array.from([0x1f, 0x8b, 8, 0, 1, 2, 3, 4]), "gzip data is damaged"],
    ["damaged XZ", Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 1, 2, 3, 4, 5]), "XZ|xz"],
    ["damaged Zstandard", Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4]), "zstd data is (?:damaged|cut off)"],
  ])("%s is a problem with a sentence", async (_name, module, problem) => {
    expect(await problemOf({ ...files, module })).toMatch(new RegExp(`^module: .*(?:${problem})`));
  });

  it("more relocations than any module has are refused before they are read", async () => {
    const size = 64 * 1024 * 1024;
    const module = new Uint8Array(files.module.length + size);
    module.set(files.module);
    const view = new DataView(module.buffer);
    const [headers, count] = [Number(view.getBigUint64(0x28, true)), view.getUint16(0x3c, true)];
    const at = Array.from({ length: count }, (_, i) => headers + 64 * i).find(
      (place) => view.getUint32(place + 4, true) === 4,
    );
    // The first section of relocations: as much as the file has behind the module, all of it zeroes.
    view.setBigUint64((at as number) + 24, BigInt(files.module.length), true);
    view.setBigUint64((at as number) + 32, BigInt(size - (size % 24)), true);
    expect(await problemOf({ ...files, module })).toMatch(/^module: \d+ relocations, more than/);
  });

  it("without the kernel's types there is a sentence that says where to get them", async () => {
    expect(await problemOf({ module: files.module })).toContain("/sys/kernel/btf/vmlinux");
  });

  it("mutated modules: a sentence, or a run that ends", async () => {
    const random = randomFrom(3);
    const seen = new Set<string>();
    for (let round = 0; round < 400; round++) {
      const module = files.module.slice();
      for (let changes = 1 + (random() % 8); changes > 0; changes--) module[random() % module.length] = random() & 0xff;
      const loaded = await loadProver({ ...files, module });
      if (loaded.kind === "problem") {
        expect(loaded.problem).not.toBe("");
        seen.add("problem");
        continue;
      }
      const { modules } = loaded.prover.prove(HASWELL, { release: "6.12" });
      expect(modules.instructions).toBeLessThanOrEqual(4_000_001 + 0x100_0000);
      seen.add(modules.stopped?.kind ?? "end");
    }
    expect(seen.size).toBeGreaterThan(3);
  });
});

describe("a run instruction by instruction", () => {
  const watched = prover.watch(HASWELL);

  it("names the function, the instruction and the bits that changed, in registers and in what KVM keeps", () => {
    const first = watched.nextResult(-1, 1) as number;
    const step = watched.step(first);
    expect(step).toMatchObject({ index: first, module: "kvm_intel", function: "setup_vmcs_config.constprop.0" });
    expect(step?.text).toMatch(/^mov /);
    expect(step?.changes).toContainEqual({
      place: "vmcs_config.pin_based_exec_ctrl",
      before: "0x0",
      after: "0x3f",
      bits: [0, 1, 2, 3, 4, 5],
    });
    expect(watched.nextResult(first, -1)).toBeUndefined();
    expect(watched.nextResult(first, 1)).toBeGreaterThan(first);
    expect(watched.step(watched.length)).toBeUndefined();
  });

  it("is the run that prove makes: as many steps, and the functions in the order in which they are entered", () => {
    const { modules } = prover.prove(HASWELL);
    expect(watched.length).toBeLessThanOrEqual(modules.instructions);
    expect(watched.functions[0]).toMatchObject({ module: "kvm_intel", name: "init_module", first: 0 });
    const total = watched.functions.reduce((sum, { steps }) => sum + steps, 0);
    expect(total).toBe(watched.length);
    expect(watched.functions.map(({ name }) => name)).toContain("__kmalloc");
  });

  it("of what unread bits decide, both ways are inside the branch", () => {
    const open = prover.watch(withMsrs((msrs) => msrs.delete(0x48c)));
    const steps = Array.from({ length: open.length }, (_unused, index) => open.step(index));
    expect(steps.some((step) => step?.holdsOthers === true && /^j|rdmsr/.test(step.text))).toBe(true);
    expect(steps.flatMap((step) => step?.changes ?? []).some(({ after }) => after.includes("?"))).toBe(true);
  });
});
