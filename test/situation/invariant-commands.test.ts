import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Tri } from "../../src/bits/tri.js";
import { FEATURE_COLUMNS } from "../../src/fleet/columns.js";
import { deriver } from "../../src/fleet/derive.js";
import { atlas } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { FEATURE_LIST, LAYERS, type Layer } from "../../src/why/features.js";
import { runCli } from "../cli/run.js";
import { oneIn } from "../deep.js";

/*
 * The same question to several commands, as it is typed: what layers shows of a pasted machine, show, nested, controls, why, runs,
 * baseline, verify and a fleet show, too.
 */

const THREADS: readonly { readonly id: string; readonly text: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../messages/threads.json"), "utf8"),
);

/** Machines that contradict themselves, and one that shows nearly all that a paste can show. */
const MADE = [
  {
    id: "two lines of one file",
    text: "Linux version 6.1.0-18-amd64 (x)\nvendor_id : GenuineIntel\nflags : fpu vmx sse ht syscall nx lm constant_tsc lahf_lm ept vpid\nvmx flags : vnmi preemption_timer invvpid ept_x_only ept_ad flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple\n",
  },
  {
    id: "a register against a module",
    text: "Linux version 6.1.0-18-amd64 (x)\n$ sudo rdmsr -a 0x3a\n1\n/sys/module/kvm_intel/parameters/ept:Y\n",
  },
  {
    id: "a flag against a register",
    text: "Linux version 6.1.0-18-amd64 (x)\nvendor_id : GenuineIntel\nflags : fpu vmx sse ht syscall nx lm constant_tsc lahf_lm\n$ sudo rdmsr -a 0x3a\n1\n",
  },
  { id: "CPUs that differ", text: "$ sudo rdmsr -a 0x3a\n5\n5\n1\n1\n" },
  { id: "a register alone, locked with VMX on", text: "$ sudo rdmsr -a 0x3a\n5\n" },
  {
    id: "a machine with all that is usual",
    text: "Linux version 6.1.0-18-amd64 (x)\nvendor_id : GenuineIntel\nflags : fpu vmx sse ht syscall nx lm constant_tsc lahf_lm tpr_shadow vnmi flexpriority ept vpid ept_ad\nvmx flags : vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr mtf vapic ept vpid unrestricted_guest ple shadow_vmcs pml ept_mode_based_exec\n$ sudo rdmsr -a 0x3a\n5\n/sys/module/kvm_intel/parameters/nested:Y\n",
  },
];

const readable = THREADS.filter(({ text }) => {
  const { hosts } = readHost(text);
  return hosts.length === 1 && hosts[0]?.vendor !== "AuthenticAMD" && hosts[0]?.observed?.arch === undefined;
});
const CASES = [...MADE, ...oneIn(16, readable, 5)];

type Json = ReturnType<typeof JSON.parse>;

async function asked(args: readonly string[], text: string): Promise<Json> {
  const { out } = await runCli([...args, "--json"], { stdin: `${text}\n` });
  return JSON.parse(out);
}

/** Features that are one control, whose name `controls` accepts. */
const CONTROLS = ["ept", "unrestricted-guest"];

describe("a pasted machine is the same to every command that is asked about it", () => {
  it.each(CASES.map((one) => [one.id, one.text] as const))("%s", async (_, text) => {
    const layers = await asked(["layers", "-"], text);
    if (layers.format !== "vmxlens-layers/1") return;
    const cell = (id: string, layer: Layer): Tri | "none" =>
      layers.features.find((one: Json) => one.id === id)?.layers[layer] ?? "none";
    const loads: Tri = layers.loads;

    // The verdicts of why and runs.
    const [vmx, kvm, nested] = [
      await asked(["why", "vmx", "-"], text),
      await asked(["why", "kvm", "-"], text),
      await asked(["why", "nested", "-"], text),
    ];
    if (loads !== "unknown") expect(kvm.answer).toBe(loads);
    if (vmx.answer === "no") expect([loads, kvm.answer, nested.answer]).toEqual(["no", "no", "no"]);
    const runs = await asked(["runs", "-", "kvm"], text);
    const [product] = runs.products;
    if (loads === "no") expect(product.verdict).toBe("no");
    if (product.verdict === "no") expect(loads).toBe("no");
    for (const { id, met } of product.requirements) if (id === "vmx" && vmx.answer === "yes") expect(met).toBe("yes");

    // What L1 gets: nested, why nested, the column of layers, baseline.
    const l1 = await asked(["nested", "-"], text);
    const offered: Tri = l1.format === "vmxlens-nested/1" ? l1.offered : "no";
    if (nested.answer === "no") expect(offered).toBe("no");
    if (offered === "yes") expect(nested.answer).toBe("yes");
    for (const { layers: cells } of layers.features)
      if (offered === "no" && cells.nested !== undefined) expect(["no", "none", "-"]).toContain(cells.nested ?? "none");
    const baseline = await asked(["baseline", "-"], text);
    if (baseline.format === "vmxlens-baseline/1" && baseline.leftOut.length === 0) {
      for (const { msr, value } of baseline.registers) {
        if (l1.msrs?.[msr] !== undefined && value !== null) expect([msr, value]).toEqual([msr, l1.msrs[msr]]);
      }
    }

    // What the CPU has: show, controls and layers.
    const shown = await asked(["show", "-"], text);
    const [core] = shown.cores;
    const featCtl = core.registers.find((one: Json) => one.index === "0x3a");
    if (vmx.answer === "yes" && /^0x[0-9a-f]+$/.test(featCtl?.value ?? "?"))
      expect((Number.parseInt(featCtl.value, 16) & 5) === 5 || (Number.parseInt(featCtl.value, 16) & 1) === 0).toBe(
        true,
      );
    for (const name of CONTROLS) {
      const chosen = await asked(["controls", "-", "--want", name], text);
      const has = cell(name, "silicon");
      const needs = chosen.unmet?.filter((one: Json) => one.certain ?? one.certainty === "certain") ?? [];
      if (has === "yes") expect([name, needs]).toEqual([name, []]);
      if (has === "no") expect([name, chosen.verdict]).toEqual([name, "no"]);
      const why = await asked(["why", name, "-"], text);
      for (const { layer, answer } of why.layers)
        expect([name, layer, answer]).toEqual([name, layer, cell(name, layer)]);
    }

    // What contradicts itself: every command has it, and verify sees it.
    const notes: readonly string[] = layers.notes;
    const contradictions = notes.filter((note) => /^these cannot/.test(note));
    for (const json of [shown, runs.subject, l1.format === "vmxlens-nested/1" ? l1 : shown])
      for (const note of contradictions) expect(json.notes).toContain(note);
    if (contradictions.length > 0) {
      const verified = await asked(["verify", "-"], text);
      expect(verified.counts.differ + verified.notes.length).toBeGreaterThan(0);
    }

    // A row of a fleet, where the machine names its kernel: what it knows, layers knows.
    const [host] = readHost(text).hosts;
    if (host?.kernel === undefined) return;
    const derived = deriver({ assume: [], version: "test", digest: (one) => one });
    const { observed: _seen, params, kernel, ...facts } = host;
    const row = derived.row({ setId: "s", kernel, paramsId: "" }, derived.set(facts), params);
    const cells = row.slice(3 + 7, 3 + 7 + FEATURE_COLUMNS.length);
    for (const [at, { feature, layer }] of FEATURE_COLUMNS.entries()) {
      const both = new Set([cells[at], cell(feature.id, layer)].filter((one) => one !== "unknown"));
      if (contradictions.length === 0)
        expect([feature.id, layer, [...both]]).toEqual([feature.id, layer, [...both].slice(0, 1)]);
    }
  });

  it.each([
    ["kvm_amd", "kvm_amd               155648  10\nkvm                  1146880  1 kvm_amd\n", "no"],
    ["kvm_intel", "kvm_intel             155648  10\nkvm                  1146880  1 kvm_intel\n", "yes"],
  ])("the module %s decides for every command", async (_, text, expected) => {
    expect((await asked(["layers", "-"], text)).loads).toBe(expected);
    expect((await asked(["why", "kvm", "-"], text)).answer).toBe(expected);
    expect((await asked(["runs", "-", "kvm"], text)).products[0].verdict).toBe(expected);
  });
});

describe("the CPUs that have a feature", () => {
  it.each(
    oneIn(
      8,
      FEATURE_LIST.filter(({ silicon, nested }) => silicon !== undefined && nested !== undefined),
    ).map(({ id }) => [id]),
  )("%s: cpus lists those for which layers says so", async (id) => {
    for (const layer of LAYERS.filter((one) => one === "silicon" || one === "nested")) {
      const listed = JSON.parse(
        (await runCli(["cpus", "--has", id, "--layer", layer, "--kernel", "6.12", "--json"])).out,
      );
      const ids = new Set(listed.cpus.map((one: Json) => one.id));
      for (const entry of oneIn(20, [...atlas()])) {
        const layers = JSON.parse((await runCli(["layers", entry.id, "--kernel", "6.12", "--json"])).out);
        const found = layers.features.find((one: Json) => one.id === id).layers[layer];
        expect([entry.id, layer, ids.has(entry.id)]).toEqual([entry.id, layer, found === "yes"]);
      }
    }
  });
});
