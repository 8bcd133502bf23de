import { withBit } from "../../bits/word.js";
import { type CoreGroup, CPU_FEATURES, type Host, msrOf } from "../../host/host.js";
import { formatMsr, type Msr, msrBit, UNREAD } from "../../host/msr.js";
import { placesOf } from "../../input/hosts/host-builder.js";
import { statedOf } from "../../input/hosts/stated.js";
import { describeMsr } from "../../input/text/msr-names.js";

/*
 * What was read of a machine, one fact at a time: a host as if it had not been.
 */

/** Something that was read, in words, with its line. */
export interface ReadFact {
  readonly says: string;
  readonly line?: number;
  /** A host without it. */
  readonly hide: (host: Host) => Host;
  /** The parts of it, each hidden on its own. */
  readonly parts: () => readonly ReadFact[];
}

const ALONE = () => [];

/** Everything that was read and can be doubted: first what decides whether VMX is on, whose CPU it is last. */
export function factsOf(host: Host): readonly ReadFact[] {
  const [boot] = host.cores;
  const lineOf = (about: string) => statedOf(host)?.lineOf(about);
  const registers = [...boot.msrs.keys()].filter((index) => msrOf(boot, index).state !== "unknown");
  const features = CPU_FEATURES.filter((name) => boot.cpuid.features[name] !== undefined);
  const { vendor } = host;
  const ofFeature = (name: (typeof CPU_FEATURES)[number]): ReadFact => ({
    says: `CPUID ${boot.cpuid.features[name] === true ? "shows" : "does not show"} ${name}`,
    ...at(lineOf(`CPUID ${name}`)),
    hide: (from) =>
      mapCores(from, (core) => {
        const { [name]: _, ...left } = core.cpuid.features;
        return { ...core, cpuid: { ...core.cpuid, features: left } };
      }),
    parts: ALONE,
  });
  return [
    ...registers.filter((index) => index === 0x3a).map((index) => ofRegister(host, index)),
    ...features.filter((name) => name === "vmx").map(ofFeature),
    ...registers.filter((index) => index !== 0x3a).map((index) => ofRegister(host, index)),
    ...features.filter((name) => name !== "vmx").map(ofFeature),
    ...(vendor === undefined
      ? []
      : [
          {
            says: `vendor ${vendor.trim()}`,
            ...at(lineOf("vendor")),
            hide: ({ vendor: _, ...left }: Host) => left,
            parts: ALONE,
          },
        ]),
  ];
}

function at(line: number | undefined): { readonly line?: number } {
  return line === undefined ? {} : { line };
}

function ofRegister(host: Host, index: number): ReadFact {
  const [boot] = host.cores;
  const msr = msrOf(boot, index);
  // A register that was made up of several lines has the place of its first one.
  const line = statedOf(host)?.lineOf(`MSR ${describeMsr(index)}`) ?? placesOf(boot)?.get(index)?.line;
  const value = msr.state === "value" && (msr.lo.unknown | msr.hi.unknown) !== 0 ? "" : `: ${formatMsr(msr)}`;
  return {
    says: `${describeMsr(index)}${value}`,
    ...at(line),
    hide: (from) => withRegister(from, index, () => UNREAD),
    parts: () =>
      Array.from({ length: 64 }, (_, bit) => bit)
        .filter((bit) => msrBit(msr, bit) !== "unknown" && msr.state === "value")
        .map((bit) => ({
          says: `bit ${bit} of ${describeMsr(index)} is ${msrBit(msr, bit) === "yes" ? 1 : 0}`,
          ...at(line),
          hide: (from) => withRegister(from, index, (one) => withoutBit(one, bit)),
          parts: ALONE,
        })),
  };
}

function withoutBit(msr: Msr, bit: number): Msr {
  if (msr.state !== "value") return UNREAD;
  return bit < 32
    ? { ...msr, lo: withBit(msr.lo, bit, "unknown") }
    : { ...msr, hi: withBit(msr.hi, bit - 32, "unknown") };
}

function withRegister(host: Host, index: number, change: (msr: Msr) => Msr): Host {
  return mapCores(host, (core) => ({ ...core, msrs: new Map(core.msrs).set(index, change(msrOf(core, index))) }));
}

function mapCores(host: Host, change: (core: CoreGroup) => CoreGroup): Host {
  return { ...host, cores: host.cores.map(change) as unknown as Host["cores"] };
}
