import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { replay } from "../../src/kvm/replay.js";
import type { Release } from "../../src/rules/release.js";
import { oneIn, tries } from "../deep.js";
import { mutate } from "../oracles/reference/reference-cases.js";
import { REFERENCE_RELEASES, type ReferenceInput, type ReferenceRelease } from "../oracles/reference/reference-cpu.js";
import { hasReference, loadReference } from "../oracles/reference/reference-data.js";
import { interpret } from "../oracles/reference/reference-interpreter.js";
import { differencesOf, hostOf, type VectorCase, vectorOutput } from "../oracles/vectors/vector-case.js";
import { selectedCases } from "../vectors/selected.js";

/*
 * A second opinion: an interpreter of the tables of facts about the kernel (JSON and prose, beside the checkout) that
 * shares nothing with the replay. It agrees with the kernel's own answers in all vectors, so where it differs from the
 * replay in a release without vectors, one of the two has the facts wrong.
 *
 * Where the tables alone say something else than the vectors, the vectors win. The interpreter was told so in these
 * places:
 * - enable_pmu on hybrid CPUs: the table says that 6.1 keeps it (6.1.4); the vectors are of 6.1.192, which clears it.
 * - allow_smaller_maxphyaddr in 6.1: the table decides it after hardware setup (6.1.4), the vectors before it.
 * - perf_global_ctrl erratum: the table compares family and model in all releases; since 6.12 the vendor counts too.
 * - The text of the BNDCFGS warning: the table gives the line of the log with the module's name, which a WARN lacks.
 * - tdp_mmu: not in the table; the builds of the vectors of 5.10 and 6.1 have no such parameter, booted kernels do.
 * - SHSTK and IBT for guests also need XSAVES, CET state in XSS and allow_smaller_maxphyaddr=N; the table names less.
 * - PAT and supervisor shadow stacks are checked before hardware setup; the table does not list the steps.
 */

/** Altered CPUs for each release. */
const ODD = tries(800);

const RELEASES = Object.keys(REFERENCE_RELEASES) as ReferenceRelease[];

const data = hasReference() ? loadReference() : undefined;
const inputs = selectedCases()
  .filter((vector) => vector.release === "7.2" && vector.id.startsWith("cpu/"))
  .map((vector) => vector.in as ReferenceInput);
const whole = resolve(import.meta.dirname, "../../../shared/vectors/7.2.jsonl.gz");

/** The inputs of the complete vector files, which are the same for every release. */
function wholeInputs(): readonly ReferenceInput[] {
  const lines = gunzipSync(readFileSync(whole)).toString("utf8").trimEnd().split("\n");
  return lines.map((line) => (JSON.parse(line) as VectorCase).in);
}

function replayed(release: Release, input: ReferenceInput): unknown {
  const host = hostOf(input);
  const [core] = host.cores;
  const { cpuid15 = { eax: 0, ebx: 0, ecx: 0 } } = input;
  const result = replay(
    { ...host, cores: [{ ...core, cpuid: { ...core.cpuid, cpuid15 } }] },
    {
      release,
      params: input.params,
      ...(input.config === undefined ? {} : { config: input.config }),
      machine: {
        tboot: input.tboot,
        pmu: input.pmu,
        irqPosting: input.irqPosting,
        mediatedPmu: false,
        enlightenedVmcs: input.enlightenedVmcs ?? false,
      },
    },
  );
  return vectorOutput(result, input.params);
}

function compare(label: ReferenceRelease, input: ReferenceInput) {
  if (data === undefined) throw new Error("the tables are not at hand");
  const ours = replayed(REFERENCE_RELEASES[label], input);
  const { loads } = (ours as { kvm: { loads: boolean } }).kvm;
  return { loads, differences: differencesOf(interpret(data, label, input), ours) };
}

describe.skipIf(data === undefined)("the tables of facts beside the checkout, interpreted (needs ../shared)", () => {
  it("give the kernel's own answers", () => {
    for (const vector of selectedCases()) {
      if (data === undefined) break;
      if (!(vector.release in REFERENCE_RELEASES)) continue;
      const differences = differencesOf(vector.out, interpret(data, vector.release, vector.in));
      if (differences.length > 0) expect({ id: vector.id, release: vector.release, differences }).toBeUndefined();
    }
  });

  it("notice a wrong control list", () => {
    if (data === undefined) return;
    const broken = structuredClone(data);
    const pin = broken.kernels.kernels.find((kernel) => kernel.release === "v6.6")?.groups.pin;
    (pin as unknown as { opt: string[] }).opt.pop();
    const input = inputs.at(-1) as ReferenceInput;
    expect(differencesOf(interpret(broken, "6.6", input), replayed("6.6", input)).length).toBeGreaterThan(0);
  });

  it.each(RELEASES)("agree with the replay of every generation under %s", (release) => {
    expect(inputs.length).toBeGreaterThan(25);
    for (const input of inputs) {
      const { differences } = compare(release, input);
      if (differences.length > 0) expect({ cpu: input.msrs, differences }).toBeUndefined();
    }
  });

  it.skipIf(!existsSync(whole))("agree on all inputs of the vectors (needs ../shared)", () => {
    const everything = wholeInputs();
    expect(everything.length).toBeGreaterThan(1000);
    // In a short run each input under one release, its neighbours under the others.
    for (const [position, input] of everything.entries()) {
      for (const release of oneIn(RELEASES.length, RELEASES, position)) {
        const { differences } = compare(release, input);
        if (differences.length > 0) expect({ position, release, differences }).toBeUndefined();
      }
    }
  });

  it.each(RELEASES)("agree with the replay of odd CPUs under %s", (release) => {
    let loads = 0;
    for (let seed = 0; seed < ODD; seed++) {
      const input = mutate(inputs[seed % inputs.length] as ReferenceInput, seed);
      const result = compare(release, input);
      if (result.differences.length > 0) expect({ seed, ...result }).toBeUndefined();
      if (result.loads) loads++;
    }
    // A test where nothing loads, or everything, would not see much.
    expect(loads).toBeGreaterThan(0.18 * ODD);
    expect(loads).toBeLessThan(0.87 * ODD);
  });
});
