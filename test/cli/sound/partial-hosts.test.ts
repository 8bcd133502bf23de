import { expect, it } from "vitest";
import { readWanted } from "../../../src/compare/controls/control-names.js";
import type { Host } from "../../../src/host/host.js";
import { writeSnapshot } from "../../../src/input/formats/snapshot.js";
import { RELEASES } from "../../../src/rules/release.js";
import { FEATURE_LIST } from "../../../src/why/features.js";
import { completion, partialHost, wholeHost } from "../../compare/partial-hosts.js";
import { DEEP } from "../../deep.js";
import { randomFrom } from "../../oracles/reference/reference-cases.js";
import { runCli } from "../run.js";
import { claimsOf, contradicted } from "./claims.js";

/*
 * What every command prints about a partly known host holds for whatever the host may be: the same command is run on a completion of
 * it, and no claim may be contradicted. `VMXLENS_DEEP=1 SEED=random npx vitest run test/cli/sound` looks for new cases.
 */

interface Exception {
  readonly command: RegExp;
  readonly place: RegExp;
  readonly reason: string;
}

/** The answer supposes that the module loads, because the question does; `loads` beside it says that it may not. */
const IF_IT_LOADS: readonly Exception[] = [
  {
    command: /^why$/,
    place: /^\.each\[[^\]]*\]\.(?:layers\[[^\]]*\]\.bits|rules|unknown)/,
    reason: "the bits and rules are those of a module that loads",
  },
  { command: /^diff$/, place: /^\.bits\.(?:kvm|nested)/, reason: "words of a module that loads" },
  { command: /^baseline$/, place: /^\.registers/, reason: "a host whose module does not load is left out of it" },
  { command: /^migrate$/, place: /^\.offenders/, reason: "what a module that loads would refuse" },
];

/** A proposal, which is another one where more is known. */
const PROPOSED: readonly Exception[] = [
  {
    command: /^controls$/,
    place: /^\.words\[[^\]]*\]\.(?:value|required|optional|inUse|bits)/,
    reason: "chosen by what is known",
  },
  { command: /^controls$/, place: /^\.findings/, reason: "about the words that were chosen" },
];

const isExcepted = (rules: readonly Exception[], command: string, place: string): boolean =>
  rules.some((rule) => rule.command.test(command) && rule.place.test(place));

/** Whether a completion has a module that does not load where it was open. */
const staysOut = (json: string): boolean => /"loads":\s*"no"|kvm_intel does not load/.test(json);

function wrongIn(command: string, partial: string, full: string): readonly string[] {
  const rules = [...PROPOSED, ...(staysOut(full) ? IF_IT_LOADS : [])];
  return contradicted(claimsOf(partial), claimsOf(full))
    .filter(({ place }) => !isExcepted(rules, command, place))
    .map(({ text }) => text);
}

const PARAMS = [
  ...[
    "ept=0",
    "nested=0",
    "enable_apicv=0",
    "unrestricted_guest=0",
    "pml=0",
    "flexpriority=0",
    "preemption_timer=0",
  ].map((param) => ["--param", param]),
  ["--machine", "evmcs=1"],
  ["--machine", "tboot=1"],
  [],
  [],
];
const CONTROLS = FEATURE_LIST.map(({ id }) => id).filter((id) => readWanted([{ text: id }]).problems.length === 0);

/** Less of CPUID, too. */
function lessCpuid(host: Host, random: (below: number) => number): Host {
  const [core] = host.cores;
  const features = Object.fromEntries(Object.entries(core.cpuid.features).filter(() => random(4) > 0));
  return { ...host, cores: [{ ...core, cpuid: { ...core.cpuid, features } }] };
}

interface Pair {
  readonly partial: string;
  readonly full: string;
}

/** A partial host and one of its completions as snapshots. */
function pairOf(seed: number): Pair {
  for (let at = seed; ; at += 1_000_003) {
    const random = randomFrom(at);
    const whole = wholeHost(random(500));
    const partial = partialHost(whole, random(1_000_000));
    const full = completion(partial, whole, random(1_000_000));
    if (full === undefined) continue;
    return {
      partial: writeSnapshot(random(2) === 0 ? partial : lessCpuid(partial, random)),
      full: writeSnapshot(full),
    };
  }
}

function commandsFor(seed: number): readonly (readonly [string, ...string[]])[] {
  const random = randomFrom(seed + 7);
  const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
  const under = ["--kernel", `${one(RELEASES)}`, ...one(PARAMS)];
  const other = ["--kernel", `${one(RELEASES)}`];
  return [
    ["layers", "-", ...under],
    ["why", one(FEATURE_LIST).id, "-", ...under],
    ["show", "-"],
    ["replay", "-", ...under],
    ["nested", "-", ...under],
    ["nested", "-", "--qemu", ...other],
    ["runs", "-", ...other],
    ["controls", "-", "--want", one(CONTROLS)],
    ["diff", "-", "haswell-e"],
    ["baseline", "-", "haswell-e", "--layer", "silicon"],
    ["baseline", "-", "haswell-e"],
    ["migrate", "-", "haswell-e", ...other],
    ["migrate", "haswell-e", "-", ...other],
    ["verify", "-"],
  ];
}

const HOSTS = DEEP ? 150 : 8;
/** In a short run each host has four of the commands, and the next the others. */
const EACH = DEEP ? 1 : 4;
const asked = process.env.SEED ?? "20260101";
const first = asked === "random" ? Math.floor(Math.random() * 1e9) : Number(asked);

it(`no command contradicts what a partly known host may be (SEED=${first})`, async () => {
  const wrong: string[] = [];
  let claims = 0;
  for (let host = 0; host < HOSTS; host++) {
    const { partial, full } = pairOf(first + host);
    for (const [at, [command, ...words]] of commandsFor(first + host).entries()) {
      if (at % EACH !== host % EACH) continue;
      const args = [command, ...words, ...(command === "controls" ? [] : ["--assume", "none"]), "--json"];
      const [said, so] = [await runCli(args, { stdin: partial }), await runCli(args, { stdin: full })];
      expect([args, said.code < 2, so.code < 2]).toEqual([args, true, true]);
      claims += claimsOf(said.out).size;
      wrong.push(
        ...wrongIn(command, said.out, so.out).map((text) => `SEED=${first + host} ${args.join(" ")}: ${text}`),
      );
    }
  }
  expect(wrong).toEqual([]);
  // Where nothing is claimed, nothing is contradicted.
  expect(claims).toBeGreaterThan(HOSTS * 100);
});

it("would find a claim that is not so", () => {
  const found = (partial: object, full: object) => wrongIn("layers", JSON.stringify(partial), JSON.stringify(full));
  const cells = (ept: string) => ({ features: [{ id: "ept", layers: { kvm: ept }, lostAt: null, unknownAt: null }] });
  expect(found(cells("yes"), cells("no"))).toEqual([".features[id=ept].layers.kvm: yes, and no"]);
  expect(found(cells("unknown"), cells("no"))).toEqual([]);
  expect(found({ msrs: { "0x480": "0x5" } }, { msrs: { "0x480": "0x4" } })).toHaveLength(1);
  const open = { msrs: { "0x480": { value: "0x4", unknown: "0x1" } } };
  expect(found(open, { msrs: { "0x480": "0x5" } })).toEqual([]);
  expect(found(open, { msrs: { "0x480": "0x1" } })).toHaveLength(1);
  const message = (certain: boolean) => ({ messages: [{ text: "kvm: disabled by bios", certain }] });
  expect(found(message(true), { messages: [] })).toHaveLength(1);
  expect(found(message(false), { messages: [] })).toEqual([]);
  const lost = (at: string) => ({ features: [{ id: "ept", lostAt: at, unknownAt: null }] });
  expect(found(lost("kvm"), lost("silicon"))).toHaveLength(1);
  const bits = (value: string) => ({
    loads: "no",
    each: [{ kernel: "6.12", layers: [{ layer: "kvm", bits: [{ bit: 1, value }] }] }],
  });
  expect(found(bits("yes"), bits("no"))).toHaveLength(1);
  expect(wrongIn("why", JSON.stringify(bits("yes")), JSON.stringify(bits("no")))).toEqual([]);
});
