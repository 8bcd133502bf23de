/**
 * One replay, close up: what one kernel release makes of a host's MSRs at boot and when kvm_intel loads, with every word
 * that the kernel keeps; and the tables behind it. Most programs want `situation` and `replays`, which work out kernel and
 * parameters first. For programs that set these by hand, follow a run event by event, or restore MSRs as KVM does.
 *
 * @module replay
 */
export { CPU_FLAGS, VMX_FLAGS } from "../linux/vmx-features.js";
export type { MachineFacts } from "./fill-machine.js";
export { checkRestore, type RestoreContext, type RestoreVerdict, restoreAll } from "./guest/restore.js";
export { DEBIAN_CONFIG } from "./kernel-config.js";
export { PARAMS, type ParamRow } from "./load/params.js";
export { WANTED_CONTROLS } from "./load/wanted-controls.js";
export { paramsOf } from "./programs.js";
export { type CoreReplay, type CpuState, type Replay, type ReplayOptions, replay } from "./replay.js";
export { paramText } from "./replay-params.js";
