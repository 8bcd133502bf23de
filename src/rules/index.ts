/**
 * The language of the rules, and the kernels that have some: what a rule, a condition and an effect are, and what a replay
 * with a `trace` reports. For programs that show which rule of the kernel took a bit, or walk the tables themselves.
 *
 * @module rules
 */
export type { Refusal, TraceEvent } from "./machine.js";
export { DEFAULT_RELEASE, RELEASES, type Release, resolveRelease } from "./release.js";
export type { Condition, Effect, Rule } from "./rule.js";
export type { WordName } from "./words.js";
