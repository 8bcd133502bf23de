/**
 * Comparing: hosts with each other, a machine with its own past and with what it reports about itself, a host with
 * what a product requires. A baseline is what every host has; a migration is judged by the rules of the destination's
 * kernel; `-cpu` and libvirt texts, and control words for a hypervisor, come out of the same sets.
 *
 * @module compare
 */
export { type Baseline, baseline } from "./baseline.js";
export { capabilities } from "./capabilities.js";
export type { CapabilitySet } from "./capability-set.js";
export { readWanted } from "./controls/control-names.js";
export { type ChosenControls, chooseControls } from "./controls/controls.js";
export { diffSets, type RegisterDifference } from "./diff.js";
export { startsOn } from "./guest-start.js";
export { type Changes, changesOf } from "./hosts/changes.js";
export { diffHosts, type HostDifference } from "./hosts/feature-diff.js";
export { type PackResult, runsOn } from "./hosts/runs.js";
export { type LibvirtResult, libvirtCpu } from "./libvirt.js";
export type { MigrateOptions } from "./migrate/guest.js";
export { type MigrateResult, migrate } from "./migrate/migrate.js";
export type { Pack } from "./pack.js";
export { PACKS } from "./packs/all.js";
export { type QemuResult, qemuCpu } from "./qemu.js";
export { type Verification, verify } from "./verify/verify.js";
