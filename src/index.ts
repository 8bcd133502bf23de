/**
 * vmxlens: what Linux and KVM make of a CPU's VMX capability MSRs, bit for bit, and why.
 *
 * The names that most programs need. Each is also exported, with its neighbours, by the entry of its subject:
 * `vmxlens/input` has everything about hosts, `vmxlens/situation` and `vmxlens/replay` everything about replaying
 * them, and so on. Nothing here touches `node:*`: a bundler makes a page's script of it as it is, without what the
 * page does not use.
 *
 * @example In a page: pasted text, and the line of /proc/cpuinfo that Linux would print
 * import { readHost, situation, vmxFlags } from "vmxlens";
 *
 * const pasted = "vendor_id : GenuineIntel\nflags : fpu vmx\n0x3a: 0x5\n0x480: 0xda040000000004\n0x482: 0xfff9fffe0401e172";
 * const { host } = readHost(pasted);
 * const flags = host === undefined ? undefined : vmxFlags(situation(host, { kernel: "6.12" }));
 * flags?.vmxFlags.printed; // "unknown"
 *
 * @module vmxlens
 */
export type { Tri } from "./bits/tri.js";
export { formatU64, parseHexU64, type U64 } from "./bits/u64.js";
export type { Word } from "./bits/word.js";
export { capabilities } from "./compare/capabilities.js";
export type { CoreGroup, Host } from "./host/host.js";
export { ABSENT, formatMsr, type Msr, msrBit, msrValue, UNREAD } from "./host/msr.js";
export { atlas, atlasHost } from "./input/atlas/atlas.js";
export type { AtlasEntry } from "./input/atlas/atlas-entry.js";
export { findCpu } from "./input/atlas/atlas-find.js";
export { writeSnapshot } from "./input/formats/snapshot.js";
export { type ReadResult, readHost, readHostStream } from "./input/read.js";
export type { Diagnostic } from "./input/text/diagnostic.js";
export type { CpuState, Replay } from "./kvm/replay.js";
export { DEFAULT_RELEASE, RELEASES, type Release } from "./rules/release.js";
export type { Asked } from "./situation/asked.js";
export type { Assumption, AssumptionId } from "./situation/assume.js";
export { type Nested, nested } from "./situation/nested.js";
export { type Replays, replays } from "./situation/replays.js";
export { type Situation, situation } from "./situation/situation.js";
export { type CpuinfoLines, vmxFlags } from "./situation/vmx-flags.js";
export { FEATURE_LIST, type Feature, LAYERS, type Layer } from "./why/features.js";
export { findFeature } from "./why/find-feature.js";
export { type FeatureLayers, type LayerAnswer, layers } from "./why/layers.js";
export { type WhyAnswer, why } from "./why/why.js";
