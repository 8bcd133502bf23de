import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { canGive, fitOf } from "../../src/compare/guest-cpuid.js";
import { libvirtCpu } from "../../src/compare/libvirt.js";
import { migrate } from "../../src/compare/migrate/migrate.js";
import { qemuCpu } from "../../src/compare/qemu.js";
import { qemuData } from "../../src/compare/qemu-models.js";
import { atlas, atlasHost } from "../../src/input/atlas/atlas.js";
import { nestedMsrs } from "../../src/kvm/nested-msrs.js";
import { replay } from "../../src/kvm/replay.js";
import { assume } from "../../src/situation/assume.js";
import { runCli } from "../cli/run.js";
import { DEEP, oneIn } from "../deep.js";
import { under } from "../host/under.js";
import type { DumpFacts } from "../oracles/atlas/dump-facts.js";

const DUMPS: readonly DumpFacts[] = gunzipSync(
  readFileSync(resolve(import.meta.dirname, "../input/atlas/dumps.jsonl.gz")),
)
  .toString("utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

/** QEMU's names of features by leaf and register (EAX is 0), the bit in front; from libvirt's x86_features.xml. */
const PLACES = `
1.0 2 0 pni 1 pclmulqdq 9 ssse3 12 fma 13 cx16 17 pcid 19 sse4.1 20 sse4.2 22 movbe 23 popcnt 25 aes 26 xsave 28 avx 29 f16c 30 rdrand
1.0 3 0 fpu 4 tsc 6 pae 8 cx8 9 apic 11 sep 12 mtrr 15 cmov 16 pat 19 clflush 23 mmx 24 fxsr 25 sse 26 sse2 27 ss
7.0 1 0 fsgsbase 3 bmi1 4 hle 5 avx2 7 smep 8 bmi2 9 erms 10 invpcid 11 rtm 14 mpx 16 avx512f 17 avx512dq 18 rdseed 19 adx 20 smap 23 clflushopt 24 clwb 28 avx512cd 29 sha-ni 30 avx512bw 31 avx512vl
7.0 2 1 avx512vbmi 2 umip 3 pku 6 avx512vbmi2 8 gfni 9 vaes 10 vpclmulqdq 11 avx512vnni 12 avx512bitalg 14 avx512-vpopcntdq 16 la57 22 rdpid 24 bus-lock-detect 25 cldemote 27 movdiri 28 movdir64b
7.0 3 4 fsrm 10 md-clear 14 serialize 16 tsx-ldtrk 22 amx-bf16 23 avx512-fp16 24 amx-tile 25 amx-int8 26 spec-ctrl 27 stibp 31 ssbd
7.1 0 4 avx-vnni 5 avx512-bf16 7 cmpccxadd 10 fzrm 17 fred 23 avx-ifma
80000001.0 2 0 lahf-lm 5 abm 8 3dnowprefetch
80000001.0 3 20 nx 26 pdpe1gb 27 rdtscp 29 lm
d.1 0 0 xsaveopt 1 xsavec 2 xgetbv1 3 xsaves
`
  .trim()
  .split("\n")
  .flatMap((line) => {
    const [leaf = "", register, ...pairs] = line.split(" ");
    return Array.from({ length: pairs.length / 2 }, (_, i) => ({
      leaf,
      register: Number(register),
      bit: Number(pairs[2 * i]),
      name: pairs[2 * i + 1] as string,
    }));
  });

/** What a dump rules out: a feature whose bit it shows as 0. */
function lacking({ cpuid }: DumpFacts): ReadonlySet<string> {
  return new Set(
    PLACES.filter(({ leaf, register, bit }) => {
      const value = cpuid[leaf]?.[register];
      return value !== undefined && ((Number(`0x${value}`) >>> bit) & 1) === 0;
    }).map(({ name }) => name),
  );
}

const featuresOf = (model: string) => qemuData().models.find(({ name }) => name === model)?.cpuid ?? new Set<string>();

describe("a CPU model", () => {
  it("knows its CPUID, as QEMU answers", () => {
    for (const { name, cpuid } of qemuData().models)
      expect([name, cpuid.has("fpu"), cpuid.size > 20]).toEqual([name, true, true]);
    expect(featuresOf("Cascadelake-Server-v5").has("avx512f")).toBe(true);
    expect(featuresOf("Skylake-Client-v3").has("avx512f")).toBe(false);
    expect(featuresOf("Skylake-Server-v5").has("mpx")).toBe(false);
    expect(featuresOf("Icelake-Client-v3").has("xsaves")).toBe(true);
    expect(featuresOf("Icelake-Client-v2").has("xsaves")).toBe(false);
  });

  it("is never proposed for a CPU that is known to lack a feature of it: 130 CPUs, all models", () => {
    const families = [...new Set(qemuData().models.map(({ family }) => family))];
    const generations = new Set<string>();
    let [proposed, refused, judged] = [0, 0, 0];
    const wrong: string[] = [];
    for (const [i, dump] of DUMPS.entries()) {
      const host = atlasHost(dump.id);
      const lacks = lacking(dump);
      const cpuid = host.cores.map((core) => core.cpuid);
      // In a short run a third of the models for each CPU; the next two have the others.
      for (const { name, cpuid: features } of oneIn(3, qemuData().models, i)) {
        const { missing } = fitOf(features, cpuid);
        for (const feature of features) {
          judged++;
          if (lacks.has(feature) && !missing.includes(feature)) wrong.push(`${dump.id} ${name} ${feature}`);
        }
      }
      const { cpu } = replay(host, { release: "6.12" });
      const options = { cpuid, signature: host.cores[0].signature as number };
      const { generation } = atlas()[i] as { generation: string };
      const made: { readonly kind: string; readonly model?: string; readonly qemu?: { readonly model: string } }[] = [
        qemuCpu(nestedMsrs(cpu), { ...options, model: "nearest" }),
        libvirtCpu(nestedMsrs(cpu), { ...options, model: "nearest" }),
      ];
      // By name: a CPU of each generation, all models and families; in a short run a third, and the next two have the others.
      const every = [...families, ...qemuData().models.map(({ name }) => name)];
      const names = generations.has(generation) ? [] : oneIn(3, every, i);
      generations.add(generation);
      for (const model of names) made.push(qemuCpu(nestedMsrs(cpu), { ...options, model }));
      for (const { kind, model = "", qemu } of made) {
        if (kind === "unfit model") refused++;
        if (kind !== "cpu") continue;
        proposed++;
        const name = qemu?.model ?? model;
        for (const feature of featuresOf(name)) if (lacks.has(feature)) wrong.push(`${dump.id} ${name} ${feature}`);
      }
    }
    expect(wrong).toEqual([]);
    // Every CPU has one.
    expect(proposed).toBeGreaterThan(DEEP ? 700 : 400);
    expect(refused).toBeGreaterThan(DEEP ? 1500 : 500);
    expect(judged).toBeGreaterThan(DEEP ? 500_000 : 160_000);
  });

  it("is said to be not checked where nobody read CPUID", () => {
    const host = atlasHost("intel-90672-alderlake-01-lc-bc");
    const msrs = nestedMsrs(replay(host, { release: "6.12" }).cpu);
    const made = qemuCpu(msrs, { model: "nearest" });
    if (made.kind !== "cpu") throw new Error(made.kind);
    expect(made.unchecked).toEqual([...featuresOf(made.model)].filter((name) => canGive([], name) === "unknown"));
    expect(made.unchecked.length).toBeGreaterThan(20);
  });

  it("is judged by all kinds of cores", () => {
    const facts = (avx: boolean | undefined) => ({ features: avx === undefined ? {} : { avx } });
    expect(fitOf(["avx"], [facts(true), facts(false)])).toEqual({ missing: ["avx"], unchecked: [] });
    expect(fitOf(["avx"], [facts(true), facts(undefined)])).toEqual({ missing: [], unchecked: ["avx"] });
    // KVM emulates it.
    expect(fitOf(["x2apic"], [{ features: { x2apic: false } }])).toEqual({ missing: [], unchecked: [] });
  });
});

describe("nested", () => {
  it("gives an Alder Lake no model with AVX-512, and refuses one that is asked for", async () => {
    const args = ["nested", "intel-90672-alderlake-01-lc-bc", "--kernel", "6.12", "--assume", "firmware=enabled"];
    const near = await runCli([...args, "--libvirt", "nearest"]);
    expect(near.out).toContain("<model fallback='forbid'>Skylake-Client-v4</model>");
    const named = await runCli([...args, "--qemu", "Cascadelake-Server"]);
    expect(named).toMatchObject({ code: 1, out: "" });
    expect(named.err).toContain("the CPU lacks avx512bw, avx512cd, avx512dq, avx512f");
    expect(named.err).toContain("--qemu nearest");
  });

  it("gives a Silvermont no Skylake", async () => {
    const args = [
      "nested",
      "intel-406d8-avoton-2",
      "--qemu",
      "nearest",
      "--kernel",
      "6.12",
      "--assume",
      "firmware=enabled",
    ];
    expect((await runCli(args)).out).toMatch(/^Westmere-v1,vmx=on/);
  });
});

describe("migrate", () => {
  const on = (id: string) => under(assume(atlasHost(id), "firmware=enabled").host, { release: "6.12" });

  it("proposes a model that both CPUs can run", () => {
    const pairs = [
      ["intel-506c9-goldmont", "intel-406d8-avoton-2"],
      ["intel-c06f2-emeraldrapids-01", "intel-90672-alderlake-01-lc-bc"],
      ["intel-50654-skylakexeon-5", "intel-306f2-haswellep-05"],
    ] as const;
    for (const [from, to] of pairs) {
      const result = migrate(on(from), on(to));
      if (result.kind !== "migration") throw new Error(result.kind);
      const lacks = DUMPS.filter(({ id }) => id === from || id === to).map(lacking);
      const model = result.fix?.named?.model ?? "";
      expect(featuresOf(model).size).toBeGreaterThan(0);
      for (const feature of featuresOf(model))
        expect([model, feature, lacks.some((set) => set.has(feature))]).toEqual([model, feature, false]);
    }
  });

  it("promises no move to a guest whose model one of the CPUs cannot run", () => {
    const [from, to] = [on("intel-50657-cascadelakesp-1"), on("intel-90672-alderlake-01-lc-bc")];
    const result = migrate(from, to, { model: "Cascadelake-Server-v5" });
    expect(result).toMatchObject({ verdict: "no" });
    if (result.kind !== "migration") return;
    expect(result.obstacles.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(/^The CPU of the destination lacks avx512/),
    );
    expect(result.fix?.qemu.model).not.toBe("Cascadelake-Server-v5");
  });
});
