/**
 * Situations: what is known of a machine and what is asked about it, in one value that every other function accepts. It
 * settles which kernels the machine can run, which parameters were set and what is assumed; `replays` then replays it,
 * and `vmxFlags` and `nested` say what Linux prints and what a nested hypervisor gets.
 *
 * @module situation
 */
export type { Asked } from "./asked.js";
export { ASSUMPTIONS, type Assumption, type AssumptionId } from "./assume.js";
export { type Nested, type NestedMsr, nested } from "./nested.js";
export { type Replays, replays } from "./replays.js";
export { type Situation, situation } from "./situation.js";
export { type CpuinfoLines, vmxFlags } from "./vmx-flags.js";
