import { describe, expect, it } from "vitest";
import { ENTRIES } from "./entries.js";

const { atlasHost, situation, why: whyOf, capabilities, nested } = ENTRIES["."] as typeof import("../../src/index.js");
const { readWanted, PACKS, verify } = ENTRIES["./compare"] as typeof import("../../src/compare/index.js");
const { readVmcs, FIELDS, known64, auditVmcs } = ENTRIES["./vmcs"] as typeof import("../../src/vmcs/index.js");
const { explain } = ENTRIES["./messages"] as typeof import("../../src/messages/index.js");
const { diffKernels } = ENTRIES["./why"] as typeof import("../../src/why/index.js");
const { DEBIAN_CONFIG, PARAMS, replay } = ENTRIES["./replay"] as typeof import("../../src/kvm/index.js");
const { readGuests } = ENTRIES["./input"] as typeof import("../../src/input/index.js");

const HOST = atlasHost("intel-50654-skylakex");
const [CORE] = HOST.cores;
const SITUATION = situation(HOST, { kernel: "6.12" });
const VALUE = { hi: 0, lo: 1 };
const MSR = CORE.msrs.get(0x480);
const WORD = { value: 1, unknown: 0 };
const OFFERED = nested(SITUATION).msrs;
const SETS = [capabilities(SITUATION)];
const DUMP = readVmcs('{"fields": {"GUEST_RFLAGS": "0x0"}}').dumps[0];
const VMCS = DUMP?.vmcs ?? { fields: new Map() };
const AUDITED = { dump: DUMP, result: auditVmcs(VMCS) };
const RESTORE = { release: "6.12", offered: OFFERED };

/**
 * What an argument may be. `text` is any text and `name` one of a list; what may be left out has a `?`.
 */
type Kind =
  | "text"
  | "text or number"
  | "name"
  | "number"
  | "object"
  | "list"
  | "bigint"
  | "boolean"
  | "stream"
  | "anything";
type Argument = readonly [name: string, kind: Kind | `${Kind}?`, good: unknown];

const SUBJECT: Argument = ["situation", "object", SITUATION];
const WIDTH: Argument = ["width", "number", 80];
const OPTIONS: Argument = ["options", "object?", {}];

async function* nothing(): AsyncGenerator<string> {}

/** Every public function with arguments that are right. */
const FUNCTIONS: { readonly [name: string]: readonly Argument[] } = {
  // registers
  findBits: [["name", "text", "EPT"]],
  findRegister: [["name", "text or number", "0x480"]],
  formatU64: [["value", "object", VALUE]],
  fromBigInt: [["value", "bigint", 1n]],
  parseHexU64: [["text", "text", "0x1"]],
  toBigInt: [["value", "object", VALUE]],
  // input
  atlas: [],
  atlasHost: [["id", "name", "intel-50654-skylakex"]],
  collectScript: [],
  decodeCore: [["core", "object", CORE]],
  decodeRegister: [
    ["index", "number", 0x480],
    ["msr", "object", MSR],
  ],
  findCpu: [["query", "text", "skylake"]],
  findings: [["host", "object", HOST]],
  formatMsr: [["msr", "object", MSR]],
  msrBit: [
    ["msr", "object", MSR],
    ["bit", "number", 3],
  ],
  msrValue: [["value", "object", VALUE]],
  readGuests: [["text", "text", ""]],
  readHost: [["text", "text", ""], OPTIONS],
  readHostStream: [["chunks", "stream", nothing()], OPTIONS],
  writeSnapshot: [["host", "object", HOST]],
  // situation
  nested: [SUBJECT],
  replays: [SUBJECT],
  situation: [
    ["host", "object", HOST],
    ["asked", "object?", {}],
  ],
  vmxFlags: [SUBJECT],
  // why
  diffKernels: [
    ["from", "name", "6.1"],
    ["to", "name", "6.6"],
  ],
  findFeature: [["name", "text", "ept"]],
  layers: [SUBJECT],
  why: [SUBJECT, ["feature", "name", "ept"], ["goal", "name?", "kvm"]],
  // vmcs
  auditVmcs: [["vmcs", "object", VMCS], ["cpu", "object?", CORE], OPTIONS],
  decodeField: [
    ["row", "object", FIELDS[0]],
    ["value", "object", known64(VALUE)],
  ],
  describeQualification: [
    ["reason", "number", 1],
    ["qualification", "object", VALUE],
  ],
  findField: [["name", "text or number", "GUEST_RIP"]],
  known64: [["value", "object", VALUE]],
  proposeFix: [["vmcs", "object", VMCS], ["cpu", "object?", CORE], OPTIONS],
  readVmcs: [
    ["text", "text", ""],
    ["file", "text?", "a.txt"],
  ],
  // messages
  desktopMessages: [],
  explain: [["text", "text", "kvm: disabled by bios"], OPTIONS],
  explainStream: [["pieces", "stream", nothing()], OPTIONS],
  // compare
  baseline: [["sets", "list", SETS]],
  capabilities: [SUBJECT, ["layer", "name?", "kvm"], ["label", "text?", "a"]],
  changesOf: [
    ["before", "object", HOST],
    ["now", "object", HOST],
    ["asked", "object?", {}],
  ],
  chooseControls: [["sets", "list", SETS], ["wanted", "list", readWanted([{ text: "EPT" }]).wants], OPTIONS],
  diffSets: [["sets", "list", SETS]],
  diffHosts: [
    [
      "hosts",
      "list",
      [
        { label: "a", situation: SITUATION },
        { label: "b", situation: SITUATION },
      ],
    ],
  ],
  libvirtCpu: [["wanted", "object", OFFERED], OPTIONS],
  migrate: [["from", "object", SITUATION], ["to", "object", SITUATION], OPTIONS],
  qemuCpu: [["wanted", "object", OFFERED], OPTIONS],
  readWanted: [["texts", "list", [{ text: "EPT" }]]],
  startsOn: [["situation", "object", { ...SITUATION, guest: readGuests("-cpu host")[0] }]],
  runsOn: [SUBJECT, ["pack", "object", PACKS[0]]],
  verify: [SUBJECT],
  // report
  auditJson: [["audited", "object", AUDITED]],
  auditJunit: [
    ["file", "text", "a.txt"],
    ["audited", "list", [AUDITED]],
  ],
  auditReport: [["audited", "object", AUDITED], ["cpu", "text", "a CPU"], WIDTH],
  explainReport: [["explanations", "list", explain("kvm: disabled by bios")], WIDTH],
  kernelDiffReport: [["diff", "object", diffKernels("6.1", "6.6")], WIDTH],
  layersReport: [SUBJECT, WIDTH],
  nestedReport: [SUBJECT, WIDTH],
  renderLines: [
    ["lines", "list", []],
    ["color", "boolean", false],
  ],
  replayReport: [SUBJECT, ["phases", "list", []], WIDTH],
  showReport: [SUBJECT, WIDTH, OPTIONS],
  verifyReport: [SUBJECT, ["found", "object", verify(SITUATION)], WIDTH],
  whyReport: [SUBJECT, ["why", "object", whyOf(SITUATION, "ept")], WIDTH, ["details", "object?", {}]],
  // replay
  checkRestore: [
    ["context", "object", RESTORE],
    ["msr", "number", 0x480],
    ["value", "object", { hi: WORD, lo: WORD }],
  ],
  paramText: [
    ["cpu", "object", replay(HOST).cpu],
    ["row", "object", PARAMS[0]],
  ],
  paramsOf: [
    ["release", "name", "6.12"],
    ["config", "object?", DEBIAN_CONFIG],
  ],
  replay: [["host", "object", HOST], OPTIONS],
  restoreAll: [
    ["context", "object", RESTORE],
    ["values", "object", OFFERED],
  ],
  // prove
  loadProver: [["files", "object", { module: new Uint8Array() }]],
  // rules
  resolveRelease: [["text", "text", "6.12"]],
};

const WRONG: readonly (readonly [Kind, unknown])[] = [
  ["anything", undefined],
  ["anything", null],
  ["number", 42],
  ["number", Number.NaN],
  ["text", "no such thing"],
  ["object", { no: "such thing" }],
  ["list", [1]],
  ["bigint", 1n << 70n],
  ["boolean", true],
  ["anything", () => 1],
];

/** Values that an argument of a kind refuses. */
function wrongFor(kind: Argument[1]): readonly unknown[] {
  const optional = kind.endsWith("?");
  const wanted = kind.replace("?", "") as Kind;
  if (wanted === "anything") return [undefined, null, 42];
  return WRONG.filter(([own, value]) => {
    if (value === undefined) return !optional;
    // Options that have no such member are ignored where a type would have refused them.
    if (own === "object") return !(wanted === "object" && optional);
    if (Number.isNaN(value)) return true;
    if (wanted === "text or number" && (own === "text" || own === "number")) return false;
    return own !== wanted || own === "bigint" || (own === "list" && wanted === "list");
  }).map(([, value]) => value);
}

const exported = Object.values(ENTRIES).flatMap((entry) =>
  Object.entries(entry).filter(([, value]) => typeof value === "function"),
) as [string, (...args: unknown[]) => unknown][];
const byName = new Map(exported);

it("has right arguments for every public function", () => {
  expect(Object.keys(FUNCTIONS).sort()).toEqual([...byName.keys()].sort());
});

const cases = Object.entries(FUNCTIONS).flatMap(([name, args]) =>
  args.map(([argument, kind], position) => [name, argument, kind, position] as const),
);

describe("a wrong argument is a RangeError that names it", () => {
  it.each(Object.keys(FUNCTIONS))("%s runs with right ones", async (name) => {
    await byName.get(name)?.(...(FUNCTIONS[name] ?? []).map(([, , good]) => good));
  });

  it.each(cases)("%s: %s", async (name, argument, kind, position) => {
    for (const value of wrongFor(kind)) {
      const args = (FUNCTIONS[name] ?? []).map(([, , good], at) => (at === position ? value : good));
      let thrown: unknown = "nothing";
      try {
        await byName.get(name)?.(...args);
      } catch (error) {
        thrown = error;
      }
      expect([value, thrown]).toEqual([value, expect.any(RangeError)]);
      expect((thrown as RangeError).message).toMatch(new RegExp(`^${argument}\\b`));
    }
  });
});
