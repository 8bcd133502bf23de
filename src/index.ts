/**
 * vmxlens: what Linux and KVM make of a CPU's VMX capability MSRs, bit for bit, and why.
 *
 * The names below are what most programs need. Everything else is reached by its own path, as `vmxlens/kvm/replay`.
 *
 * @module
 */
export type { Tri } from "./bits/tri.js";
export { formatU64, fromBigInt, parseHexU64, toBigInt, type U64 } from "./bits/u64.js";
export type { Word } from "./bits/word.js";
export { type DecodedRegister, decodeCore, decodeRegister } from "./host/decode.js";
export type { Finding } from "./host/finding.js";
export { findings } from "./host/findings.js";
export type { CoreGroup, CpuFacts, CpuFeature, Host } from "./host/host.js";
export { ABSENT, type Msr, msrBit, msrValue, UNREAD } from "./host/msr.js";
export { atlas, atlasHost } from "./input/atlas/atlas.js";
export type { AtlasEntry } from "./input/atlas/atlas-entry.js";
export { type FoundCpu, findCpu } from "./input/atlas/atlas-find.js";
export { writeSnapshot } from "./input/formats/snapshot.js";
export { readHost, readHostStream } from "./input/read.js";
export type { Diagnostic } from "./input/text/diagnostic.js";
export {
  type CoreReplay,
  type CpuState,
  DEBIAN_CONFIG,
  type MachineFacts,
  paramsOf,
  paramText,
  type Replay,
  type ReplayOptions,
  replay,
} from "./kvm/replay.js";
export type { CpuidFeature } from "./registers/cpuid-features.js";
export { findBits, findRegister } from "./registers/lookup.js";
export { REGISTERS } from "./registers/registers.js";
export type { TraceEvent } from "./rules/machine.js";
export { DEFAULT_RELEASE, RELEASES, type Release, resolveRelease } from "./rules/release.js";
export type { Asked } from "./situation/asked.js";
export { type Assumption, type AssumptionId, assume } from "./situation/assume.js";
export { type Nested, type NestedMsr, nested } from "./situation/nested.js";
export { type Replays, replays, type SplitAnswer } from "./situation/replays.js";
export { type Candidate, type Kernel, type Situation, situation } from "./situation/situation.js";
export { type CpuinfoLines, vmxFlags } from "./situation/vmx-flags.js";
export { type AuditResult, auditVmcs } from "./vmcs/audit.js";
export { readVmcs } from "./vmcs/dumps/read.js";
export { proposeFix } from "./vmcs/fix.js";
export { FEATURE_LIST, type Feature, LAYERS, type Layer } from "./why/features.js";
export { type FoundFeature, findFeature } from "./why/find-feature.js";
export { diffKernels, type KernelDiff } from "./why/kernel-diff.js";
export { type Cell, type FeatureLayers, layers } from "./why/layers.js";
export { type Why, type WhyAnswer, why } from "./why/why.js";
