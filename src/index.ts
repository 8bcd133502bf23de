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
export { type Assumption, type AssumptionId, assume } from "./explain/assume.js";
export { FEATURE_LIST, type Feature, LAYERS, type Layer } from "./explain/features.js";
export { type FoundFeature, findFeature } from "./explain/find-feature.js";
export { diffKernels, type KernelDiff } from "./explain/kernel-diff.js";
export { type Cell, type FeatureLayers, layersOf } from "./explain/layers.js";
export { type Why, why } from "./explain/why.js";
export { atlas, atlasHost } from "./input/atlas.js";
export type { AtlasEntry } from "./input/atlas-entry.js";
export { type FoundCpu, findCpu } from "./input/atlas-find.js";
export type { Diagnostic } from "./input/diagnostic.js";
export { readHost, readHostStream } from "./input/read.js";
export { writeSnapshot } from "./input/snapshot.js";
export { readVmcs } from "./input/vmcs-read.js";
export { nestedMsrs } from "./kvm/nested-msrs.js";
export {
  type CoreReplay,
  DEBIAN_CONFIG,
  type MachineFacts,
  paramsOf,
  paramText,
  type Replay,
  type ReplayOptions,
  replay,
} from "./kvm/replay.js";
export { cpuFlags, vmxFlagsLine } from "./linux/cpuinfo.js";
export { type DecodedRegister, decodeCore, decodeRegister } from "./model/decode.js";
export type { Finding } from "./model/finding.js";
export { findings } from "./model/findings.js";
export type { CoreGroup, CpuFacts, CpuFeature, Host } from "./model/host.js";
export { ABSENT, type Msr, msrBit, msrValue, UNREAD } from "./model/msr.js";
export type { TraceEvent } from "./rules/machine.js";
export { DEFAULT_RELEASE, RELEASES, type Release, resolveRelease } from "./rules/release.js";
export { findBits, findRegister } from "./spec/lookup.js";
export { REGISTERS } from "./spec/registers.js";
export { type AuditResult, auditVmcs } from "./vmcs/audit.js";
export { proposeFix } from "./vmcs/fix.js";
