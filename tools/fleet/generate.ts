import { setText } from "../../src/fleet/host-set.js";
import { type CoreGroup, CPU_FEATURES, type Host } from "../../src/host/host.js";
import { UNREAD } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { situation } from "../../src/situation/situation.js";

/*
 * Fleets like those that people have: a few CPU models make most of it, racks are bought together, kernels and microcode come in
 * waves and some hosts miss one, and of some hosts little was read. A seed gives the same fleet every time.
 */

export interface FleetOptions {
  readonly hosts: number;
  readonly seed?: number;
  /** How many different sets there are, about. */
  readonly sets?: number;
}

const KERNELS = [
  "5.14.0-427.42.1.el9_4.x86_64",
  "5.14.0-503.40.1.el9_5.x86_64",
  "5.14.0-570.32.1.el9_6.x86_64",
  "4.18.0-553.66.1.el8_10.x86_64",
  "6.1.0-28-amd64",
  "6.1.0-31-amd64",
  "6.12.9",
  "5.15.0-91-generic",
  "5.15.0-130-generic",
  "6.8.0-31-generic",
  "6.8.0-50-generic",
  "5.10.0-33-amd64",
];

const PARAMS: readonly (Host["params"] | undefined)[] = [
  { kvm_intel: { nested: "Y", ept: "Y" } },
  { kvm_intel: { nested: "Y" } },
  undefined,
  { kvm_intel: { nested: "N" } },
  { kvm_intel: { nested: "Y", enable_apicv: "N" } },
  { kvm_intel: { nested: "Y", pml: "N" } },
];

/** Numbers from 0 to 1, the same for the same seed. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Of equal chance for the first half of a list, and less and less behind it. */
function skewed(count: number, next: () => number): number {
  return Math.min(count - 1, Math.floor(count * next() * next()));
}

const SERVERS =
  /xeon|scalable|server|skylakex|icelake|sapphire|emerald|granite|sierra|cascade|haswellx|broadwellx|ivybridge|sandy/i;

/** A set as text, and what goes with its CPU. */
interface Model {
  readonly sets: readonly string[];
  readonly microcode: number;
}

function models(next: () => number, count: number): readonly Model[] {
  const entries = atlas().filter((entry) => entry.vendor === "GenuineIntel" && !entry.engineeringSample);
  const wanted = entries.filter((entry) => SERVERS.test(`${entry.name} ${entry.codename} ${entry.id}`)).slice(-40);
  return wanted.map((entry) => {
    // The dumps were made under Windows, which does not read IA32_FEAT_CTL.
    const enabled = thin(situation(entryHost(entry), { assume: ["firmware=enabled", "registers=sdm"] }).host);
    const variants: Host[] = [enabled, variantWithout(enabled, "firmware"), variantWithout(enabled, "vendor")];
    const more = Math.max(0, Math.ceil(count / wanted.length) - variants.length);
    for (let at = 0; at < more; at++) variants.push(atFrequency(enabled, 2_000_000 + Math.floor(next() * 1_000_000)));
    return { sets: variants.map(setText), microcode: 0x100 + Math.floor(next() * 0x1000) };
  });
}

/** What replays ask of CPUID, and no more. */
function thin(host: Host): Host {
  return changed(host, (core) => {
    const features = CPU_FEATURES.flatMap((name) => {
      const value = core.cpuid.features[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { ...core, cpuid: { ...core.cpuid, features: Object.fromEntries(features) } };
  });
}

function variantWithout(host: Host, what: "firmware" | "vendor"): Host {
  if (what === "vendor") {
    const { vendor: _, ...rest } = host;
    return rest;
  }
  return changed(host, (core) => ({ ...core, msrs: new Map([...core.msrs, [0x3a, UNREAD]]) }));
}

const atFrequency = (host: Host, tscKhz: number): Host =>
  changed(host, (core) => ({ ...core, cpuid: { ...core.cpuid, tscKhz } }));

function changed(host: Host, change: (core: CoreGroup) => CoreGroup): Host {
  return { ...host, cores: host.cores.map(change) as unknown as Host["cores"] };
}

/** Lines of JSON, one for each host. */
export function* fleetLines({ hosts, seed = 1, sets = 100 }: FleetOptions): Generator<string> {
  const next = random(seed);
  // Beyond that every host gets a set of its own.
  const perHost = sets > 200_000;
  const all = models(next, perHost ? 0 : sets);
  const rack = 24;
  let model = all[0] as Model;
  let kernel = "";
  let params: Host["params"];
  let fixed = "";
  for (let at = 0; at < hosts; at++) {
    if (at % rack === 0) {
      // A rack is bought at once and mostly updated at once.
      model = all[all.length - 1 - skewed(all.length, next)] as Model;
      kernel = KERNELS[skewed(KERNELS.length, next)] as string;
      params = PARAMS[skewed(PARAMS.length, next)];
      const number = Math.floor(at / rack);
      const cluster = Math.floor(number / 8);
      fixed = JSON.stringify({
        cluster: `c${cluster}`,
        rack: `r${number}`,
        site: ["fra", "ams", "iad", "sjc", "nrt"][cluster % 5],
      });
    }
    const one = next();
    const ownKernel = one < 0.02 ? (KERNELS[Math.floor(next() * KERNELS.length)] as string) : one < 0.023 ? "" : kernel;
    const behind = next() < 0.03 ? 1 : 0;
    const plain = next();
    // Beyond the three variants every set is as frequent as the others.
    const index =
      plain < 0.004
        ? 2
        : plain < 0.02
          ? 1
          : model.sets.length > 3 && plain > 0.3
            ? 3 + Math.floor(next() * (model.sets.length - 3))
            : 0;
    let set = model.sets[index] as string;
    if (perHost)
      set = set.replace('"cpuid":{', `"cpuid":{"tscKhz":${2_000_000 + at},`).replace(/,"tscKhz":\d+(?=,|\})/, "");
    const time = `2026-11-${String(1 + (at % 28)).padStart(2, "0")}T10:00:${String(at % 60).padStart(2, "0")}Z`;
    const kernelMember = ownKernel === "" ? "" : `"kernel":${JSON.stringify(ownKernel)},`;
    const paramsMember = params === undefined ? "" : `"params":${JSON.stringify(params)},`;
    yield `{"host":"node-${String(at).padStart(7, "0")}","labels":${fixed},${kernelMember}${paramsMember}"microcode":"0x${(model.microcode - behind).toString(16)}","collected":"${time}","set":${set}}`;
  }
}
