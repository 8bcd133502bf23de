import { checkHost } from "../../host/check-host.js";
import { type CoreGroup, type Host, msrOf, type Params } from "../../host/host.js";
import { formatMsr, isThere, msrBit } from "../../host/msr.js";
import { registerOf } from "../../registers/registers.js";
import type { Asked } from "../../situation/asked.js";
import { replays } from "../../situation/replays.js";
import { type Candidate, type Situation, situation } from "../../situation/situation.js";
import type { Layer } from "../../why/features.js";
import { LAYERS } from "../../why/features.js";
import { type LayerAnswer, layersUnder } from "../../why/layers.js";
import { siliconSet } from "../capability-set.js";
import { diffSets, type RegisterDifference } from "../diff.js";
import { diffHosts, type FeatureDifference } from "./feature-diff.js";

/*
 * One machine at two times: what is different in what was read, and which of these differences it is that gave or took a
 * feature. The causes are tried, not guessed: the machine as it was is replayed with one thing as it is now.
 */

/** What can be different about one machine, in the order in which causes are tried. */
export const CHANGE_KINDS = {
  registers: "registers",
  firmware: "IA32_FEAT_CTL",
  cpuid: "CPUID",
  kernel: "kernel",
  params: "parameters",
} as const;
/** What can have changed about a machine, and by it a feature. */
export type ChangeKind = keyof typeof CHANGE_KINDS;

/** A fact that both have, with different values. */
export interface ValueChange {
  readonly what: string;
  /** `undefined`: not there. */
  readonly before: string | undefined;
  readonly now: string | undefined;
}

/** A feature that one layer gives and did not give, or the other way round. */
export interface FeatureChange {
  readonly feature: FeatureDifference["feature"];
  readonly layer: Layer;
  readonly before: LayerAnswer;
  readonly now: LayerAnswer;
  /** Fewest changes that together make the machine as it was answer as it does now. */
  readonly causes: readonly ChangeKind[];
  /** What it means to lack it, from the table of impacts. */
  readonly impact?: string;
}

/** What is different about a machine since its facts were kept, with the causes that a replay confirms. */
export interface Changes {
  /** The machine as it was and as it is, each with what its replay is given; what one lacks is as in the other. */
  readonly before: Situation;
  readonly now: Situation;
  /** The two are the same CPU as far as both show: brand string, vendor, signature. */
  readonly sameCpu: boolean;
  /** Microcode, kernel release, parameters, CPUID facts, flags, messages. */
  readonly values: readonly ValueChange[];
  readonly registers: readonly (RegisterDifference & { readonly core: number })[];
  readonly features: readonly FeatureChange[];
  /** What was known and is not any more, and the other way round; nothing follows from it. */
  readonly onlyOnce: readonly string[];
  /** No fact that both have differs. */
  readonly unchanged: boolean;
  /** There were facts that both have. */
  readonly comparable: boolean;
}

/** What is asked of both readings of a machine: a kernel instead of the one that each names, build options, facts. */
export type ChangeOptions = Pick<Asked, "kernel" | "config" | "machine">;

/** What changed on a machine between two readings of it. */
export function changesOf(before: Host, now: Host, how: ChangeOptions = {}): Changes {
  checkHost(before, "before");
  checkHost(now, "now");
  // What follows compares the facts that both have: the rest is assumed to have been the same.
  const [a, b] = [situation(completed(before, now), how), situation(completed(now, before), how)];
  const onlyOnce: string[] = [];
  const values = valueChanges(before, now, onlyOnce);
  const registers = registerChanges(before, now, onlyOnce);
  const kinds = differentKinds(a, b);
  const features = kinds.length === 0 ? [] : featureChanges(a, b, kinds);
  const comparable = registers.compared > 0 || values.compared > 0;
  return {
    before: a,
    now: b,
    sameCpu: sameCpu(before, now),
    values: values.changes,
    registers: registers.changes,
    features,
    onlyOnce,
    unchanged: values.changes.length === 0 && registers.changes.length === 0,
    comparable,
  };
}

/** A host whose missing facts are filled from another. */
function completed(host: Host, other: Host): Host {
  const cores = host.cores.map((core, i): CoreGroup => {
    const twin = other.cores[i];
    if (twin === undefined) return core;
    const { cpuid } = core;
    const known = new Map([...core.msrs].filter(([, msr]) => msr.state !== "unknown"));
    return {
      ...twin,
      ...core,
      cpuid: { ...twin.cpuid, ...cpuid, features: { ...twin.cpuid.features, ...cpuid.features } },
      msrs: new Map([...twin.msrs, ...known]),
    };
  });
  const { kernel, params, vendor } = other;
  return {
    ...(kernel === undefined ? {} : { kernel }),
    ...(params === undefined ? {} : { params }),
    ...(vendor === undefined ? {} : { vendor }),
    ...host,
    cores: cores as unknown as Host["cores"],
  };
}

function sameCpu(a: Host, b: Host): boolean {
  const differs = <T>(x: T | undefined, y: T | undefined) => x !== undefined && y !== undefined && x !== y;
  return !(
    differs(a.name, b.name) ||
    differs(a.vendor, b.vendor) ||
    differs(a.cores[0].signature, b.cores[0].signature)
  );
}

// ---- What was read ----

function valueChanges(before: Host, now: Host, onlyOnce: string[]) {
  const changes: ValueChange[] = [];
  let compared = 0;
  const value = (what: string, a: string | undefined, b: string | undefined) => {
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) onlyOnce.push(what);
    else {
      compared++;
      if (a !== b) changes.push({ what, before: a, now: b });
    }
  };
  /** Members of a list that both show whole; what is in one of them only was added or removed. */
  const members = (what: string, a: readonly string[] | undefined, b: readonly string[] | undefined) => {
    if (a === undefined && b === undefined) return;
    if (a === undefined || b === undefined) {
      onlyOnce.push(what);
      return;
    }
    compared++;
    for (const name of a)
      if (!b.includes(name)) changes.push({ what: `${what}: ${name}`, before: "yes", now: undefined });
    for (const name of b)
      if (!a.includes(name)) changes.push({ what: `${what}: ${name}`, before: undefined, now: "yes" });
  };
  const hex = (number: number | undefined) => (number === undefined ? undefined : `0x${number.toString(16)}`);
  value("kernel", before.kernel, now.kernel);
  for (const [i, a, b] of corePairs(before, now)) {
    const where = before.cores.length > 1 ? ` of core group ${i}` : "";
    value(`microcode${where}`, hex(a.microcode), hex(b.microcode));
    value(`signature${where}`, hex(a.signature), hex(b.signature));
    const names = new Set([...Object.keys(a.cpuid.features), ...Object.keys(b.cpuid.features)]);
    for (const name of names) {
      const of = (core: CoreGroup) => (core.cpuid.features as { readonly [name: string]: boolean | undefined })[name];
      value(`CPUID ${name}${where}`, yesNo(of(a)), yesNo(of(b)));
    }
  }
  if (before.cores.length !== now.cores.length) {
    changes.push({ what: "kinds of CPUs", before: String(before.cores.length), now: String(now.cores.length) });
  }
  for (const module of ["kvm_intel", "kvm"] as const) params(before.params?.[module], now.params?.[module], module);
  members("flags", before.observed?.cpuFlags, now.observed?.cpuFlags);
  members("vmx flags", before.observed?.vmxFlags, now.observed?.vmxFlags);
  members("message", before.observed?.messages, now.observed?.messages);
  for (const index of new Set([
    ...(before.observed?.nestedMsrs?.keys() ?? []),
    ...(now.observed?.nestedMsrs?.keys() ?? []),
  ])) {
    const of = ({ observed }: Host) => {
      const msr = observed?.nestedMsrs?.get(index);
      return msr === undefined ? undefined : formatMsr(msr);
    };
    value(`nested MSR 0x${index.toString(16)}`, of(before), of(now));
  }
  return { changes, compared };

  function params(a: Params | undefined, b: Params | undefined, module: string): void {
    if (a === undefined || b === undefined) {
      if (a !== b) onlyOnce.push(`parameters of ${module}`);
      return;
    }
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compared++;
      if (a[name] !== b[name]) changes.push({ what: `${module}.${name}`, before: a[name], now: b[name] });
    }
  }
}

const yesNo = (value: boolean | undefined) => (value === undefined ? undefined : value ? "yes" : "no");

function corePairs(before: Host, now: Host): (readonly [number, CoreGroup, CoreGroup])[] {
  return before.cores.flatMap((a, i) => {
    const b = now.cores[i];
    return b === undefined ? [] : [[i, a, b] as const];
  });
}

function registerChanges(before: Host, now: Host, onlyOnce: string[]) {
  const changes: (RegisterDifference & { readonly core: number })[] = [];
  let compared = 0;
  for (const [core, a, b] of corePairs(before, now)) {
    const differences = [...featCtlDifference(a, b), ...diffSets([siliconSet("before", a), siliconSet("now", b)])];
    for (const index of new Set([...a.msrs.keys(), ...b.msrs.keys()])) {
      const [x, y] = [msrOf(a, index), msrOf(b, index)];
      if (x.state !== "unknown" && y.state !== "unknown") compared++;
      else if (x.state !== y.state) onlyOnce.push(`MSR 0x${index.toString(16)}`);
    }
    for (const found of differences) {
      const certain = {
        ...found,
        core,
        bits: found.bits.filter((bit) => bit.certain),
        fields: found.fields.filter((field) => field.certain),
      };
      if (certain.bits.length > 0 || certain.fields.length > 0 || (found.presence && bothRead(a, b, found.msr))) {
        changes.push(certain);
      }
    }
  }
  return { changes, compared };
}

const bothRead = (a: CoreGroup, b: CoreGroup, msr: number) =>
  msrOf(a, msr).state !== "unknown" && msrOf(b, msr).state !== "unknown";

/** IA32_FEAT_CTL is not a capability, so the comparison of capabilities leaves it out. */
function featCtlDifference(a: CoreGroup, b: CoreGroup): RegisterDifference[] {
  const [x, y] = [msrOf(a, 0x3a), msrOf(b, 0x3a)];
  const register = registerOf(0x3a);
  if (register === undefined || x.state === "unknown" || y.state === "unknown") return [];
  const bits = Array.from({ length: 64 }, (_, bit) => bit).flatMap((bit) => {
    const values = [msrBit(x, bit), msrBit(y, bit)];
    if (values[0] === values[1] || values.includes("unknown")) return [];
    const row = register.bits.find((one) => one.bit === bit);
    const label = {
      msr: 0x3a,
      msrBit: bit,
      register,
      bit,
      says: "there" as const,
      ...(row === undefined ? {} : { row }),
    };
    return [{ label, values, certain: true }];
  });
  const presence = [x, y].some((msr) => msr.state === "absent") && [x, y].some(isThere);
  if (bits.length === 0 && !presence) return [];
  return [{ msr: 0x3a, register, values: [formatMsr(x), formatMsr(y)], presence, bits, fields: [] }];
}

// ---- What follows from it ----

/** A machine as it was, with some of what can change as it is now. */
function mixed(before: Situation, now: Situation, kinds: readonly ChangeKind[]): Situation {
  const from = (kind: ChangeKind) => (kinds.includes(kind) ? now : before);
  const { host } = before;
  const cores = host.cores.map((core, i): CoreGroup => {
    const at = (moment: Situation) => moment.host.cores[i] ?? core;
    const msrs = new Map(at(from("registers")).msrs);
    const featCtl = at(from("firmware")).msrs.get(0x3a);
    if (featCtl === undefined) msrs.delete(0x3a);
    else msrs.set(0x3a, featCtl);
    const facts = at(from("cpuid"));
    const { signature: _, ...rest } = core;
    return {
      ...rest,
      ...(facts.signature === undefined ? {} : { signature: facts.signature }),
      cpuid: facts.cpuid,
      msrs,
    };
  });
  const params = from("params");
  // Build options and facts about the machine are those of both.
  const candidates = from("kernel").candidates.map(({ release, options }): Candidate => {
    const { params: _, ...rest } = options;
    const set = (params.candidates.find((one) => one.release === release) ?? params.candidates[0]).options.params;
    return { release, options: set === undefined ? rest : { ...rest, params: set } };
  });
  return {
    ...before,
    host: { ...host, cores: cores as unknown as Host["cores"] },
    candidates: candidates as unknown as Situation["candidates"],
  };
}

function differentKinds(before: Situation, now: Situation): ChangeKind[] {
  const key = ({ host, candidates }: Situation): { readonly [K in ChangeKind]: string } => ({
    registers: JSON.stringify(
      host.cores.map(({ msrs }) => [...msrs].filter(([index]) => index !== 0x3a).sort(([a], [b]) => a - b)),
    ),
    firmware: JSON.stringify(host.cores.map((core) => msrOf(core, 0x3a))),
    cpuid: JSON.stringify(host.cores.map(({ cpuid, signature }) => [cpuid, signature])),
    kernel: candidates.map(({ release }) => release).join(),
    params: JSON.stringify(candidates[0].options.params ?? {}),
  });
  const [a, b] = [key(before), key(now)];
  return (Object.keys(CHANGE_KINDS) as ChangeKind[]).filter((kind) => a[kind] !== b[kind]);
}

function featureChanges(before: Situation, now: Situation, kinds: readonly ChangeKind[]): FeatureChange[] {
  const { features } = diffHosts([
    { label: "before", situation: before },
    { label: "now", situation: now },
  ]);
  return features.flatMap(({ feature, layers, impact }) =>
    layers
      // That a release has no name for what is not there is no change.
      .filter(({ certain, cells }) => certain && cells.includes("yes"))
      .sort((a, b) => LAYERS.indexOf(a.layer) - LAYERS.indexOf(b.layer))
      .map(({ layer, cells }): FeatureChange => {
        const [was, is] = cells as [LayerAnswer, LayerAnswer];
        const answers = (set: readonly ChangeKind[]) => {
          return layersUnder(replays(mixed(before, now, set)), feature).cells[layer] === is;
        };
        const causes = subsets(kinds).find(answers) ?? kinds;
        return { feature, layer, before: was, now: is, causes, ...(impact === undefined ? {} : { impact }) };
      }),
  );
}

/** All sets of at least one, the small ones first. */
function subsets<T>(items: readonly T[]): T[][] {
  const all: T[][] = [[]];
  for (const item of items) all.push(...all.map((set) => [...set, item]));
  return all.filter((set) => set.length > 0).sort((a, b) => a.length - b.length);
}
