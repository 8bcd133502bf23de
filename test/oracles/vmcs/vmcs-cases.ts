/** Cases of the emulator run: how a state is stored, predicted and compared. Shared by the driver and the replay test. */
import { formatU64, parseHexU64, type U64 } from "../../../src/bits/u64.js";
import type { CoreGroup, CpuFeature } from "../../../src/host/host.js";
import { ABSENT, knownValue, type Msr, msrValue } from "../../../src/host/msr.js";
import { judge } from "../../../src/vmcs/audit-judge.js";
import type { Check } from "../../../src/vmcs/checks/check-row.js";
import { CHECKS } from "../../../src/vmcs/checks/checks.js";
import { firstBadEntry } from "../../../src/vmcs/checks/evaluate.js";
import { sceneOf } from "../../../src/vmcs/checks/scene.js";
import { type AuditFacts, cpuView } from "../../../src/vmcs/cpu.js";
import type { MsrLoadEntry, Vmcs } from "../../../src/vmcs/state.js";
import { known64 } from "../../../src/vmcs/value64.js";

/** Memory of the bare-metal program, tools/bochs/vmentry.asm. */
export const MEMORY = {
  stack: 0x7000,
  pml4: 0x2_0000,
  vmcs: 0x3_1000,
  zero: 0x4_0000,
  linkOk: 0x3_a000,
  linkShadow: 0x3_b000,
  linkWrong: 0x3_c000,
  area: 0x3_d000,
  pages: 0x10_0000,
} as const;

/** One VM entry: the changes against a base state, and what came out (`V7`, `X80000021/0`, `X30/0`, `lost`). */
export interface Case {
  readonly base: number;
  readonly changes: readonly (readonly [encoding: number, value: U64])[];
  readonly msrLoad?: readonly MsrLoadEntry[];
  readonly outcome: string;
}

export interface OracleRun {
  readonly model: string;
  readonly seed: number;
  readonly core: CoreGroup;
  /** CPUID.7:EBX and ECX, for features that `CoreGroup` does not hold. */
  readonly leaf7: { readonly ebx: number; readonly ecx: number };
  readonly bases: readonly ReadonlyMap<number, U64>[];
  readonly cases: readonly Case[];
}

/** The state of a case, as the audit takes it. */
export function vmcsOf(run: Pick<OracleRun, "bases">, item: Pick<Case, "base" | "changes" | "msrLoad">): Vmcs {
  const fields = new Map(
    [...(run.bases[item.base] as ReadonlyMap<number, U64>)].map(([encoding, value]) => [encoding, known64(value)]),
  );
  for (const [encoding, value] of item.changes) fields.set(encoding, known64(value));
  return { fields, ...(item.msrLoad === undefined ? {} : { msrLoad: item.msrLoad }) };
}

/** What the program's surroundings are: 64-bit ring 0, its own pages, an empty virtual-APIC page. */
export function factsFor(run: Pick<OracleRun, "core" | "leaf7">, vmcs: Vmcs): AuditFacts {
  const pointer = vmcs.fields.get(0x2800);
  const link = pointer === undefined || pointer.hi.value !== 0 ? 0 : pointer.lo.value;
  const revision = knownValue(run.core.msrs.get(0x480) ?? ABSENT)?.lo ?? 0;
  const dword =
    link === MEMORY.linkOk
      ? revision
      : link === MEMORY.linkShadow
        ? (revision | 0x8000_0000) >>> 0
        : link === MEMORY.linkWrong
          ? (~revision & 0x7fff_ffff) >>> 0
          : undefined;
  const cr3 = vmcs.fields.get(0x6802);
  const empty = cr3 !== undefined && cr3.hi.value === 0 && (cr3.lo.value & 0xffff_f000) >>> 0 === MEMORY.zero;
  const zero: U64 = { lo: 0, hi: 0 };
  const apic = vmcs.fields.get(0x2012);
  const inPages =
    apic !== undefined && apic.hi.value === 0 && apic.lo.value >= MEMORY.pages && apic.lo.value < 0x80_0000;
  return {
    state: {
      longMode: true,
      inSmm: false,
      cpl0: true,
      vmcsCurrent: true,
      vmcsIsShadow: false,
      movSsBlocking: false,
      v86OrCompatibility: false,
      vmlaunch: true,
      launchStateClear: true,
      ptTracing: false,
      rtm: ((run.leaf7.ebx >>> 11) & 1) === 1,
      osBusLock: ((run.leaf7.ecx >>> 24) & 1) === 1,
    },
    memory: {
      currentVmcs: { lo: MEMORY.vmcs, hi: 0 },
      ...(inPages ? { vtpr: zero } : {}),
      ...(dword === undefined ? {} : { linkDword: { lo: dword, hi: 0 } }),
      ...(empty ? { pdpte0: zero, pdpte1: zero, pdpte2: zero, pdpte3: zero } : {}),
    },
  };
}

export interface Prediction {
  readonly failing: readonly Check[];
  readonly undecided: readonly Check[];
  /** What the checks allow to come out; `enter` when none fails. `undefined` when undecided checks matter. */
  readonly outcomes: readonly string[] | undefined;
}

/** What the checks say about a case; some can be left out, to see what a disagreement comes from. */
export function predict(
  run: Pick<OracleRun, "core" | "leaf7" | "bases">,
  item: Pick<Case, "base" | "changes" | "msrLoad">,
  without: ReadonlySet<string> = new Set(),
): Prediction {
  const vmcs = vmcsOf(run, item);
  const scene = sceneOf(vmcs, cpuView(vmcs, run.core, factsFor(run, vmcs)));
  const failing: Check[] = [];
  const undecided: Check[] = [];
  for (const check of CHECKS) {
    if (without.has(check.id) || check.failure.kind === "undefined" || check.id.startsWith("basic.smm")) continue;
    const { result } = judge(check, scene);
    if (result === "fails") failing.push(check);
    else if (result === "undecided") undecided.push(check);
  }
  // The first stage with a failing check decides; an undecided check of that stage or an earlier one may change it.
  const stages: readonly ((check: Check) => boolean)[] = [
    (check) => check.failure.kind === "VMfailValid" && check.failure.error === 7,
    (check) => check.failure.kind === "VMfailValid" && check.failure.error === 8,
    (check) => check.failure.kind === "entry-failure" && check.failure.reason === 33,
    (check) => check.failure.kind === "entry-failure" && check.failure.reason === 34,
  ];
  for (const stage of stages) {
    const here = failing.filter(stage);
    const open = undecided.filter(stage);
    if (here.length === 0 && open.length > 0) return { failing, undecided, outcomes: undefined };
    if (here.length === 0) continue;
    const outcomes = new Set<string>();
    for (const { failure, rule } of [...here, ...open]) {
      if (failure.kind === "VMfailValid") outcomes.add(`V${failure.error}`);
      else if (failure.kind === "entry-failure")
        outcomes.add(
          `X800000${failure.reason.toString(16)}/${failure.qualification === "entry" ? (firstBadEntry(rule, scene) ?? 1) : failure.qualification}`,
        );
    }
    return { failing, undecided, outcomes: [...outcomes] };
  }
  return { failing, undecided, outcomes: ["enter"] };
}

/** `enter` for a VM exit that is no failed entry. */
export function kindOf(outcome: string): string {
  return /^X(?!8000)/.test(outcome) ? "enter" : outcome;
}

// Storage: one header line, one line per base (b) and per case (c), hexadecimal without prefixes.

export function formatRun(run: OracleRun): string {
  const msrs = [...run.core.msrs].map(
    ([index, msr]) => `${index.toString(16)}=${msr.state === "absent" ? "-" : hex(knownValue(msr) as U64)}`,
  );
  const { physAddrBits, linAddrBits, features } = run.core.cpuid;
  const names = (Object.keys(features) as CpuFeature[]).filter((name) => features[name] === true);
  const lines = [
    `model ${run.model} seed ${run.seed} pa ${physAddrBits} la ${linAddrBits} leaf7 ${run.leaf7.ebx.toString(16)} ${run.leaf7.ecx.toString(16)}`,
    `features ${names.join(" ")}`,
    `msrs ${msrs.join(" ")}`,
  ];
  // Fields that every base has; a base line leaves out what is 0.
  lines.push(`f ${[...(run.bases[0]?.keys() ?? [])].map((encoding) => encoding.toString(16)).join(" ")}`);
  for (const base of run.bases)
    lines.push(
      `b ${[...base]
        .filter(([, value]) => (value.lo | value.hi) !== 0)
        .map(pair)
        .join(" ")}`,
    );
  for (const item of run.cases) {
    const load =
      item.msrLoad === undefined
        ? ""
        : ` @${item.msrLoad.map((entry) => `${entry.index.toString(16)}:${(entry.reserved ?? 0).toString(16)}:${hex(entry.value)}`).join(",")}`;
    lines.push(
      `c ${item.base} ${item.outcome}${item.changes.length === 0 ? "" : ` ${item.changes.map(pair).join(" ")}`}${load}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function hex(value: U64): string {
  return formatU64(value).slice(2);
}

function pair([encoding, value]: readonly [number, U64]): string {
  return `${encoding.toString(16)}=${hex(value)}`;
}

const FEATURES: readonly CpuFeature[] = ["nx", "sgx", "la57", "shstk", "ibt", "mpx", "umip", "smx"];

export function parseRun(text: string): OracleRun {
  const lines = text.trimEnd().split("\n");
  const head = /^model (\S+) seed (\d+) pa (\d+) la (\d+) leaf7 (\S+) (\S+)$/.exec(lines[0] ?? "");
  if (head === null) throw new RangeError("not the result of an emulator run");
  const present = new Set((lines[1] ?? "").split(" ").slice(1));
  const features: { [F in CpuFeature]?: boolean } = {};
  for (const name of FEATURES) features[name] = present.has(name);
  const msrs = new Map<number, Msr>();
  for (const item of (lines[2] ?? "").split(" ").slice(1)) {
    const [index, value] = item.split("=") as [string, string];
    msrs.set(Number.parseInt(index, 16), value === "-" ? ABSENT : msrValue(parseHexU64(value) as U64));
  }
  const bases: Map<number, U64>[] = [];
  const cases: Case[] = [];
  const parsePair = (item: string): readonly [number, U64] => {
    const [encoding, value] = item.split("=") as [string, string];
    return [Number.parseInt(encoding, 16), parseHexU64(value) as U64];
  };
  let all: Map<number, U64> | undefined;
  for (const line of lines.slice(3)) {
    const parts = line.split(" ");
    if (parts[0] === "f") all = new Map(parts.slice(1).map((item) => [Number.parseInt(item, 16), { lo: 0, hi: 0 }]));
    else if (parts[0] === "b") bases.push(new Map([...(all ?? []), ...parts.slice(1).map(parsePair)]));
    else {
      const load = parts.at(-1)?.startsWith("@") ? parts.pop() : undefined;
      const msrLoad = load
        ?.slice(1)
        .split(",")
        .map((item): MsrLoadEntry => {
          const [index, reserved, value] = item.split(":") as [string, string, string];
          return {
            index: Number.parseInt(index, 16),
            reserved: Number.parseInt(reserved, 16),
            value: parseHexU64(value) as U64,
          };
        });
      cases.push({
        base: Number(parts[1]),
        outcome: parts[2] as string,
        changes: parts.slice(3).map(parsePair),
        ...(msrLoad === undefined ? {} : { msrLoad }),
      });
    }
  }
  const core: CoreGroup = {
    coreTypes: [],
    msrs,
    cpuid: { features, physAddrBits: Number(head[3]), linAddrBits: Number(head[4]) },
  };
  return {
    model: head[1] as string,
    seed: Number(head[2]),
    core,
    leaf7: { ebx: Number.parseInt(head[5] as string, 16), ecx: Number.parseInt(head[6] as string, 16) },
    bases,
    cases,
  };
}
