import type { CpuFacts, CpuFeature, Host } from "../../host/host.js";
import { type Msr, msrBit, msrValue } from "../../host/msr.js";
import { exactTscKhz, isBeyond } from "../hosts/cpuid-facts.js";
import { ATLAS_DATA } from "./atlas-data.js";
import { type AtlasText, openAtlas } from "./atlas-decode.js";
import type { AtlasEntry } from "./atlas-entry.js";

let opened: AtlasText | undefined;
let everything: readonly AtlasEntry[] | undefined;

/** The bundled text; cut into lines on first use. */
export function atlasText(): AtlasText {
  opened ??= openAtlas(ATLAS_DATA);
  return opened;
}

/** The bundled CPUs, oldest microarchitecture first, Centaur and Zhaoxin last. Decoded on first use. */
export function atlas(): readonly AtlasEntry[] {
  const text = atlasText();
  everything ??= Array.from({ length: text.length }, (_, position) => text.entry(position));
  return everything;
}

/** The CPU of the atlas with this id as a host. Throws `RangeError` when there is none. */
export function atlasHost(id: string): Host {
  const text = atlasText();
  const position = text.find(id);
  if (position < 0) throw new RangeError(`no CPU ${JSON.stringify(id)} in the atlas`);
  return entryHost(text.entry(position));
}

/** The host that an entry of the atlas describes. */
export function entryHost(entry: AtlasEntry): Host {
  const cores = entry.cores.map((core) => {
    const msrs = new Map<number, Msr>([...core.msrs].map(([index, value]) => [index, msrValue(value)]));
    return {
      coreTypes: core.coreTypes,
      ...(core.logicalCpus === undefined ? {} : { logicalCpus: core.logicalCpus }),
      signature: entry.signature,
      ...(entry.microcode === undefined ? {} : { microcode: entry.microcode }),
      msrs,
      cpuid: factsOf(entry, msrs),
    };
  });
  return {
    id: entry.id,
    name: entry.name,
    vendor: entry.vendor,
    codename: entry.codename,
    source: "atlas",
    cores: cores as unknown as Host["cores"],
  };
}

/** What the atlas says of a feature, and what follows from it for certain. Everything else stays unknown. */
function factsOf({ cpuid, extra }: AtlasEntry, msrs: ReadonlyMap<number, Msr>): CpuFacts {
  const known: { [F in CpuFeature]?: boolean } = {};
  const set = (feature: CpuFeature, value: boolean | undefined): void => {
    if (value !== undefined) known[feature] = value;
  };
  // IA32_VMX_CR4_FIXED1 allows exactly the bits of CR4 that the CPU has (SDM A.8): UMIP is bit 11, OSXSAVE bit 18 and
  // CET, which shadow stacks and IBT share, bit 23.
  const cr4 = msrs.get(0x489);
  const settable = (bit: number): boolean | undefined => (cr4 === undefined ? undefined : msrBit(cr4, bit) === "yes");
  set("umip", settable(11));
  set("xsave", settable(18));
  if (settable(23) === false) set("ibt", false);

  set("vmx", cpuid.vmx);
  set("smx", cpuid.smx);
  set("hypervisor", cpuid.hypervisor);
  set("sgx", cpuid.sgx);
  set("sgx_lc", cpuid.sgxLc);
  set("hybrid", cpuid.hybrid);
  set("shstk", cpuid.cetSs);
  set("la57", cpuid.la57);
  set("pdpe1gb", cpuid.pdpe1gb);
  set("xsaves", cpuid.xsaves ?? (isBeyond(0xd, cpuid.maxLeaf) ? false : undefined));
  const { features, ...leaves } = extra;
  const tscKhz = leaves.cpuid15 && exactTscKhz(leaves.cpuid15);
  return {
    features: { ...known, ...features },
    maxLeaf: cpuid.maxLeaf,
    physAddrBits: cpuid.physAddrBits,
    linAddrBits: cpuid.linAddrBits,
    ...leaves,
    ...(tscKhz === undefined ? {} : { tscKhz }),
  };
}
