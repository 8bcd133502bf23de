/**
 * Holds the checks against an independent implementation: boots tools/bochs/vmentry.asm in Bochs, which executes
 * VMLAUNCH for thousands of states and reports what came out.
 *
 *   npx tsx test/oracles/vmcs/vmcs-oracle.ts [--models a,b] [--seed N] [--bases N] [--random N] [--out DIR]
 *
 * Needs Debian's packages bochs and nasm. Not part of the tests; they replay what it wrote.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { U64 } from "../src/bits/u64.js";
import type { CoreGroup } from "../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../src/host/msr.js";
import { factsFromCpuid } from "../src/input/hosts/cpuid-facts.js";
import { CHECKS } from "../src/vmcs/checks/checks.js";
import { sceneOf, sceneWith } from "../src/vmcs/checks/scene.js";
import { cpuView } from "../src/vmcs/cpu.js";
import { FIELDS, widthOf } from "../src/vmcs/fields/fields.js";
import { applyEdits, repairs } from "../src/vmcs/repair.js";
import type { MsrLoadEntry } from "../src/vmcs/state.js";
import { exact, lowMask } from "../src/vmcs/value64.js";
import {
  type Case,
  factsFor,
  formatRun,
  kindOf,
  MEMORY,
  type OracleRun,
  predict,
  vmcsOf,
} from "../test/oracles/vmcs/vmcs-cases.js";
import { explain } from "../test/oracles/vmcs/vmcs-disagreements.js";
import { type Harness, may1, type Random, random, validState } from "../test/oracles/vmcs/vmcs-states.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: args } = parseArgs({
  options: {
    models: { type: "string", default: "core2_penryn_t9600,corei7_sandy_bridge_2600k,corei7_skylake_x,tigerlake" },
    seed: { type: "string", default: "1" },
    bases: { type: "string", default: "16" },
    random: { type: "string", default: "900" },
    "per-check": { type: "string", default: "2" },
    out: { type: "string", default: path.join(here, "../test/vmcs/oracle") },
  },
});

const work = mkdtempSync(path.join(tmpdir(), "vmentry-"));
const program = assemble();
const hostRip = program.readUInt32LE(program.length - 8);
const harness: Harness = {
  hostRip,
  hostRsp: MEMORY.stack,
  hostCr3: MEMORY.pml4,
  pages: MEMORY.pages,
  zeroPage: MEMORY.zero,
  linkPage: MEMORY.linkOk,
  linkShadowPage: MEMORY.linkShadow,
};

function assemble(): Buffer {
  const out = path.join(work, "vmentry.bin");
  execFileSync("nasm", ["-f", "bin", "-o", out, path.join(here, "bochs/vmentry.asm")]);
  const image = readFileSync(out);
  writeFileSync(path.join(work, "floppy.img"), Buffer.concat([image, Buffer.alloc(1_474_560 - image.length)]));
  return image;
}

/** Runs one batch; the lines that the program wrote. */
function boot(model: string, batch: Buffer): string[] {
  // A disk of whole cylinders (16 heads, 63 sectors); the head of the batch counts the sectors to read.
  const image = path.join(work, "batch.img");
  const cylinder = 16 * 63 * 512;
  batch.writeUInt32LE(Math.ceil(batch.length / 512), 12);
  writeFileSync(image, Buffer.concat([batch, Buffer.alloc(cylinder - (batch.length % cylinder))]));
  // A run that was ended by force leaves its lock behind.
  rmSync(`${image}.lock`, { force: true });
  const cylinders = Math.ceil((batch.length + 1) / cylinder);
  const config = path.join(work, "bochsrc");
  writeFileSync(
    config,
    [
      'display_library: rfb, options="timeout=0"',
      "romimage: file=/usr/share/bochs/BIOS-bochs-latest",
      "vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest",
      `cpu: model=${model}, count=1, ips=200000000, reset_on_triple_fault=0, ignore_bad_msrs=0`,
      "megs: 128",
      `floppya: 1_44=${path.join(work, "floppy.img")}, status=inserted`,
      "boot: floppy",
      "ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14",
      `ata0-master: type=disk, path=${image}, mode=flat, cylinders=${cylinders}, heads=16, spt=63`,
      "port_e9_hack: enabled=1",
      `log: ${path.join(work, "bochs.log")}`,
      "panic: action=fatal",
      "error: action=report",
      "info: action=ignore",
      "debug: action=ignore",
      "clock: sync=none",
      "sound: driver=dummy",
    ].join("\n"),
  );
  // Debian builds Bochs with its debugger, which asks before it starts.
  writeFileSync(path.join(work, "rc"), "c\nq\n");
  const { stdout } = spawnSync("bochs", ["-q", "-f", config, "-rc", path.join(work, "rc")], {
    encoding: "latin1",
    timeout: 15_000,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 28,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return (stdout ?? "").split("\n").filter((line) => /^(?:[MCVXWF] [0-9a-f]|END)/.test(line));
}

function encode(
  first: number,
  states: readonly { readonly fields: ReadonlyMap<number, U64>; readonly msrLoad?: readonly MsrLoadEntry[] }[],
): Buffer {
  const parts: Buffer[] = [];
  const head = Buffer.alloc(16);
  head.writeUInt32LE(0x584d5631, 0);
  head.writeUInt32LE(first, 4);
  head.writeUInt32LE(states.length, 8);
  parts.push(head);
  for (const { fields, msrLoad } of states) {
    const pokes: (readonly [number, U64])[] = (msrLoad ?? []).flatMap((entry, n) => [
      [0x8000_0000 + 16 * n, { lo: entry.index, hi: entry.reserved ?? 0 }] as const,
      [0x8000_0008 + 16 * n, entry.value] as const,
    ]);
    const pairs = [...fields, ...pokes];
    const body = Buffer.alloc(8 + 16 * pairs.length);
    body.writeUInt32LE(pairs.length, 0);
    for (const [n, [encoding, value]] of pairs.entries()) {
      body.writeUInt32LE(encoding >>> 0, 8 + 16 * n);
      body.writeUInt32LE(value.lo >>> 0, 16 + 16 * n);
      body.writeUInt32LE(value.hi >>> 0, 20 + 16 * n);
    }
    parts.push(body);
  }
  return Buffer.concat(parts);
}

function readCpu(model: string): Pick<OracleRun, "core" | "leaf7"> {
  const lines = boot(model, encode(0, []));
  const msrs = new Map<number, Msr>();
  const leaves = new Map<number, { eax: number; ebx: number; ecx: number; edx: number }>();
  for (const line of lines) {
    const words = line.split(" ");
    const numbers = words.slice(1).map((word) => Number.parseInt(word, 16));
    if (words[0] === "M")
      msrs.set(
        numbers[0] as number,
        words[2]?.endsWith("-") || line.endsWith("-")
          ? ABSENT
          : msrValue({ hi: numbers[1] as number, lo: numbers[2] as number }),
      );
    if (words[0] === "C")
      leaves.set(numbers[0] as number, {
        eax: numbers[1] as number,
        ebx: numbers[2] as number,
        ecx: numbers[3] as number,
        edx: numbers[4] as number,
      });
  }
  const leaf7 = leaves.get(7);
  const core: CoreGroup = { coreTypes: [], msrs, cpuid: factsFromCpuid((leaf) => leaves.get(leaf)) };
  return { core, leaf7: { ebx: leaf7?.ebx ?? 0, ecx: leaf7?.ecx ?? 0 } };
}

/** A run that loses more cases than this has something else wrong with it. */
const MOST_LOST = 12;

/** Values that the way back to the program depends on; changing them is only tried where the entry must fail. */
const CRITICAL = new Set([
  0x6c00, 0x6c02, 0x6c04, 0x6c14, 0x6c16, 0x2c02, 0x6c18, 0x400c, 0x400e, 0x4010, 0x2006, 0x2008, 0x4000, 0x4004,
  0x482e,
]);

function mutate(rng: Random, base: ReadonlyMap<number, U64>): readonly (readonly [number, U64])[] {
  const encodings = [...base.keys()];
  const encoding = rng.pick(encodings);
  const row = FIELDS.find((field) => field.encoding === encoding);
  if (row === undefined) return [];
  const width = widthOf(row);
  const limit = lowMask(width);
  const old = base.get(encoding) as U64;
  const bit = rng.below(width);
  let value: U64 =
    bit < 32 ? { lo: (old.lo ^ (1 << bit)) >>> 0, hi: old.hi } : { lo: old.lo, hi: (old.hi ^ (1 << (bit - 32))) >>> 0 };
  if (rng.once(4)) {
    value = rng.pick([
      { lo: 0, hi: 0 },
      limit,
      { lo: 1, hi: 0 },
      { lo: 0xffff_f000, hi: 0x7fff },
      { lo: 0, hi: 0x8000 },
      { lo: 0, hi: 0xffff_8000 },
      { lo: 0, hi: 0x8000_0000 },
      { lo: rng.bits32(), hi: rng.bits32() },
    ]);
  }
  return [[encoding, { lo: (value.lo & limit.lo) >>> 0, hi: (value.hi & limit.hi) >>> 0 }]];
}

function makeCases(rng: Random, run: Pick<OracleRun, "core" | "leaf7" | "bases">): Omit<Case, "outcome">[] {
  const cases: Omit<Case, "outcome">[] = run.bases.map((_, base) => ({ base, changes: [] }));
  // The preemption timer ends a guest that does nothing.
  const timer = may1(run.core, "pin.PREEMPTION_TIMER");
  const add = (item: Omit<Case, "outcome">): boolean => {
    const { outcomes } = predict(run, item);
    const enters = outcomes === undefined || outcomes.includes("enter");
    if (enters && item.changes.some(([encoding]) => CRITICAL.has(encoding))) return false;
    // A guest that waits for SIPI never leaves: it cannot be entered here.
    const activity = item.changes.find(([encoding]) => encoding === 0x4826)?.[1].lo;
    if (enters && activity !== undefined && (activity >= 2 || (activity === 1 && !timer))) return false;
    cases.push(item);
    return true;
  };
  for (const check of CHECKS) {
    if (check.group === "basic") continue;
    let left = Number(args["per-check"]);
    for (let base = 0; base < run.bases.length && left > 0; base++) {
      const vmcs = vmcsOf(run, { base, changes: [] });
      const scene = sceneOf(vmcs, cpuView(vmcs, run.core, factsFor(run, vmcs)));
      const ways = repairs(check.when, true, scene).flatMap((first) =>
        repairs(check.rule, false, sceneWith(scene, applyEdits(scene.fields, first))).map((second) => [
          ...first,
          ...second,
        ]),
      );
      if (ways.length === 0) continue;
      const way = rng.pick(ways);
      const fields = applyEdits(vmcs.fields, way);
      const touched = new Set(way.map((edit) => edit.row.encoding));
      const changes = [...touched]
        .filter((encoding) => vmcs.fields.has(encoding))
        .map((encoding): readonly [number, U64] => [encoding, exact(fields.get(encoding) as never) as U64]);
      if (changes.length !== touched.size) continue;
      if (add({ base, changes })) left--;
    }
  }
  const entries: readonly MsrLoadEntry[] = [
    { index: 0x175, value: { lo: 0x1000, hi: 0 } },
    { index: 0x175, value: { lo: 0, hi: 0x8000_0000 } },
    { index: 0x277, value: { lo: 2, hi: 0 } },
    { index: 0xc000_0100, value: { lo: 0, hi: 0 } },
    { index: 0xc000_0101, value: { lo: 0, hi: 0 } },
    { index: 0x808, value: { lo: 0, hi: 0 } },
    { index: 0x8b, value: { lo: 0, hi: 0 } },
    { index: 0x79, value: { lo: 0, hi: 0 } },
    { index: 0x9b, value: { lo: 0, hi: 0 } },
    { index: 0xc000_0082, value: { lo: 0x1000, hi: 0xffff_8000 } },
    { index: 0xc000_0082, value: { lo: 0, hi: 0x1234_0000 } },
    { index: 0x10, value: { lo: 7, hi: 0 } },
    { index: 0x175, reserved: 1, value: { lo: 0, hi: 0 } },
    { index: 0xc000_0084, value: { lo: 0x200, hi: 0 } },
    { index: 0xc000_0084, value: { lo: 0, hi: 1 } },
    { index: 0xc000_0080, value: { lo: 4, hi: 0 } },
  ];
  for (const [n, entry] of entries.entries()) {
    const good: MsrLoadEntry = { index: 0x176, value: { lo: 0x2000, hi: 0 } };
    const msrLoad = (n & 1) === 0 ? [entry] : [good, entry];
    cases.push({
      base: n % run.bases.length,
      changes: [
        [0x4014, { lo: msrLoad.length, hi: 0 }],
        [0x200a, { lo: MEMORY.area, hi: 0 }],
      ],
      msrLoad: msrLoad.map((item) => ({ reserved: 0, ...item })),
    });
  }
  for (let n = 0; n < Number(args.random); n++) {
    const base = rng.below(run.bases.length);
    const changes = mutate(rng, run.bases[base] as ReadonlyMap<number, U64>);
    if (changes.length > 0) add({ base, changes });
  }
  return cases;
}

function runCases(
  model: string,
  run: Pick<OracleRun, "core" | "leaf7" | "bases">,
  cases: readonly Omit<Case, "outcome">[],
): { outcomes: string[]; refused: Map<string, number> } {
  const outcomes: string[] = cases.map(() => "lost");
  const refused = new Map<string, number>();
  let first = 0;
  let lost = 0;
  while (first < cases.length) {
    if (lost > MOST_LOST) {
      console.log(`  ${model}: more than ${MOST_LOST} cases took the program down; the rest is left out`);
      break;
    }
    const states = cases.slice(first).map((item) => ({
      fields: new Map([...(run.bases[item.base] as ReadonlyMap<number, U64>), ...item.changes]),
      ...(item.msrLoad === undefined ? {} : { msrLoad: item.msrLoad }),
    }));
    const lines = boot(model, encode(first, states));
    let last = first - 1;
    for (const line of lines) {
      const [kind, ...words] = line.split(" ");
      const number = Number.parseInt(words[0] ?? "", 16);
      if (kind === "V") outcomes[number] = `V${Number.parseInt(words[1] as string, 16)}`;
      else if (kind === "X") outcomes[number] = `X${words[1]}/${words[2]}`;
      else if (kind === "W") refused.set(words[1] as string, (refused.get(words[1] as string) ?? 0) + 1);
      if (kind === "V" || kind === "X") last = number;
    }
    if (lines.includes("END") && last === cases.length - 1) break;
    // The state after the last reported one took the program down; go on behind it.
    lost++;
    if (last + 1 < cases.length)
      console.log(
        `  case ${last + 1} was lost: ${JSON.stringify(cases[last + 1]?.changes.map(([encoding, value]) => [encoding.toString(16), value]))}`,
      );
    first = last + 2;
  }
  return { outcomes, refused };
}

const seed = Number(args.seed);
mkdirSync(args.out, { recursive: true });
let unexplained = 0;
let total = 0;
const areas = new Map<string, { agree: number; explained: number; unexplained: number }>();
for (const model of args.models.split(",")) {
  const cpu = readCpu(model);
  const rng = random(seed);
  const bases: Map<number, U64>[] = [];
  for (let n = 0; n < Number(args.bases); n++) bases.push(validState(rng, { core: cpu.core, harness }));
  const partial = { ...cpu, bases };
  const cases = makeCases(rng, partial);
  const { outcomes, refused } = runCases(model, partial, cases);
  const done: Case[] = cases
    .map((item, n) => ({ ...item, outcome: outcomes[n] as string }))
    .filter((item) => item.outcome !== "lost");
  for (const [field, count] of refused) console.log(`  ${model}: VMWRITE refused field 0x${field} ${count} times`);
  let agree = 0;
  let undecided = 0;
  for (const item of done) {
    const prediction = predict(partial, item);
    if (prediction.outcomes === undefined) {
      undecided++;
      continue;
    }
    total++;
    const area = prediction.failing[0]?.group ?? "valid";
    const tally = areas.get(area) ?? { agree: 0, explained: 0, unexplained: 0 };
    areas.set(area, tally);
    if (prediction.outcomes.includes(kindOf(item.outcome))) {
      agree++;
      tally.agree++;
      continue;
    }
    const why = explain(partial, item);
    if (why !== undefined) {
      tally.explained++;
      continue;
    }
    tally.unexplained++;
    unexplained++;
    console.log(
      `  ${model}: ${item.outcome}, expected ${prediction.outcomes.join(" or ")} for ${item.changes.map(([encoding, value]) => `${encoding.toString(16)}=${value.hi.toString(16)}:${value.lo.toString(16)}`).join(" ")} base ${item.base}; failing ${prediction.failing.map((check) => check.id).join(" ")}`,
    );
  }
  console.log(
    `${model}: ${done.length} VM entries, ${agree} as the checks say, ${undecided} undecided, ${cases.length - done.length} lost`,
  );
  writeFileSync(path.join(args.out, `${model}.txt`), formatRun({ model, seed, ...partial, cases: done }));
}
console.log(`\n${"area".padEnd(12)} agree  explained  unexplained`);
for (const [area, { agree, explained, unexplained: open }] of [...areas].sort())
  console.log(`${area.padEnd(12)} ${`${agree}`.padStart(5)}  ${`${explained}`.padStart(9)}  ${`${open}`.padStart(11)}`);
console.log(`${total} compared, ${unexplained} unexplained`);
if (process.env.KEEP === undefined) rmSync(work, { recursive: true });
process.exitCode = unexplained === 0 ? 0 : 1;
