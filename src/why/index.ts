/**
 * Reasons: at which layer a feature got lost between the CPU and a nested guest, by which rule, and what would have to
 * change. The answers are found by replaying, so they hold for the machine, kernel and parameters at hand. Also what
 * changed between two kernels.
 *
 * @module why
 */
export { FEATURE_LIST, type Feature, LAYERS, type Layer } from "./features.js";
export { findFeature } from "./find-feature.js";
export { diffKernels, type KernelDiff } from "./kernels/kernel-diff.js";
export { type FeatureLayers, type LayerAnswer, layers } from "./layers.js";
export { type WhyAnswer, why } from "./why.js";
