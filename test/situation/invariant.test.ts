import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diffHosts } from "../../src/compare/hosts/feature-diff.js";
import { runsOn } from "../../src/compare/hosts/runs.js";
import { PACKS } from "../../src/compare/packs/all.js";
import { verify } from "../../src/compare/verify/verify.js";
import { type Host, isSvmVendor } from "../../src/host/host.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { explain } from "../../src/messages/explain.js";
import { basisLines } from "../../src/report/basis.js";
import { situationJson } from "../../src/report/json/json-situation.js";
import { plainText } from "../../src/report/text.js";
import { replays } from "../../src/situation/replays.js";
import { type Situation, situation } from "../../src/situation/situation.js";
import { FEATURE_LIST, LAYERS } from "../../src/why/features.js";
import { layers, layersUnder } from "../../src/why/layers.js";
import { answerTo } from "../../src/why/questions/questions.js";
import { SEEN } from "../compare/verify/captures.js";
import { oneIn } from "../deep.js";

/*
 * What one command can see of a machine, all can: the commands differ in what they ask and never in what they know.
 */

/** A text as verify reads it, and as the others do. */
interface Case {
  readonly name: string;
  readonly compared: Host;
  readonly read: Host;
}

const THREADS: readonly { readonly id: string; readonly text: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "../messages/threads.json"), "utf8"),
);
const PASTES = oneIn(20, THREADS, 3).flatMap(({ id, text }): Case[] => {
  const [compared, read] = [readHost(text, { flagsProve: false }), readHost(text)].map(({ hosts }) => hosts[0]);
  return compared === undefined || read === undefined ? [] : [{ name: id, compared, read }];
});
const CONTRADICTORY = [
  ["a register against a module", "$ sudo rdmsr -a 0x3a\n1\n/sys/module/kvm_intel/parameters/ept:Y\n"],
  [
    "a flag against a register",
    "Linux version 6.1.0-18-amd64 (x)\nvendor_id : GenuineIntel\nflags : fpu vmx sse ht syscall nx lm constant_tsc lahf_lm\n$ sudo rdmsr -a 0x3a\n1\n",
  ],
] as const;
const CASES: readonly Case[] = [
  ...CONTRADICTORY.flatMap(([name, text]): Case[] => {
    const [compared, read] = [readHost(text, { flagsProve: false }), readHost(text)].map(({ hosts }) => hosts[0]);
    return compared === undefined || read === undefined ? [] : [{ name, compared, read }];
  }),
  ...PASTES,
  ...oneIn(25, SEEN).map(({ name, host }) => ({ name, compared: host, read: host })),
  ...oneIn(60, [...atlas()]).map((entry) => ({ name: entry.id, compared: entryHost(entry), read: entryHost(entry) })),
];
const made = (host: Host): Situation => situation(host, { assumeByDefault: ["registers=sdm"] });
const KVM = PACKS.find(({ id }) => id === "kvm");

let differed = 0;

describe("all commands know the same of a machine", () => {
  it.each(CASES.map((one) => [one.name, one] as const))("%s", (_, { read, compared }) => {
    const about = made(read);
    const joined = replays(about);
    const rows = layers(about);
    // why and diff: the cells of layers.
    for (const [at, feature] of oneIn(9, [...FEATURE_LIST.entries()])) {
      const { cells } = layersUnder(joined, feature);
      for (const layer of LAYERS)
        expect([feature.id, layer, cells[layer]]).toEqual([feature.id, layer, rows[at]?.cells[layer]]);
    }
    const twice = diffHosts([
      { label: "a", situation: about },
      { label: "b", situation: made(read) },
    ]);
    expect(twice.features.filter(({ layers: differing }) => differing.some(({ certain }) => certain))).toEqual([]);
    expect(twice.loads).toEqual([joined.loads, joined.loads]);
    // why kvm and runs: the verdict of layers.
    const { answer } = answerTo("kvm", about);
    if (joined.loads !== "unknown" && about.host.observed?.arch === undefined) expect(answer).toBe(joined.loads);
    if (KVM !== undefined && joined.loads === "no") expect(runsOn(about, KVM).verdict).toBe("no");
    // Every report, every JSON and explain --host carry what contradicts itself.
    const printed = basisLines(about, 10_000).map(plainText).join("\n");
    for (const text of about.contradictions) {
      expect(printed).toContain(text);
      expect(situationJson(about).notes).toContain(text);
    }
    for (const note of about.notes) expect(printed).toContain(note);
    expect(explain("kvm: disabled by bios", { situation: about })).not.toEqual([]);
    // What verify sees to differ, the others say: a contradiction, a note, a parameter that was set, or another kernel.
    const { counts } = verify(situation(compared, { foundParams: false }));
    if (counts.differ === 0 || isSvmVendor(read.vendor)) return;
    differed++;
    const said =
      about.contradictions.length > 0 ||
      about.notes.some((note) => /shows something else|\/sys\/module/.test(note)) ||
      about.kernel.ruledOut.length > 0 ||
      about.kernel.contradicted !== undefined;
    expect([counts.differ > 0, said]).toEqual([true, true]);
  });

  it("where verify saw differences, they were looked for", () => {
    expect(differed).toBeGreaterThan(2);
  });
});
