/**
 * Hosts: what is known of a machine, and everything that reads it. `readHost` reads whatever people have at hand, from
 * `rdmsr` output and `/proc/cpuinfo` to a QMP reply; the atlas has real CPUs by name; a snapshot keeps a host as JSON.
 * A register is a value, absent, or unread, and bad input gives diagnostics with line and column.
 *
 * @module input
 */
export { type DecodedRegister, decodeCore, decodeRegister } from "../host/decode.js";
export type { Finding } from "../host/finding.js";
export { findings } from "../host/findings.js";
export type { CoreGroup, CpuFacts, Host } from "../host/host.js";
export { ABSENT, formatMsr, type Msr, msrBit, msrValue, UNREAD } from "../host/msr.js";
export { atlas, atlasHost } from "./atlas/atlas.js";
export type { AtlasEntry } from "./atlas/atlas-entry.js";
export { findCpu } from "./atlas/atlas-find.js";
export { writeSnapshot } from "./formats/snapshot.js";
export { readGuests } from "./guests/guest-cpu.js";
export { collectScript } from "./hosts/collect-script.js";
export { type ReadOptions, type ReadResult, readHost, readHostStream } from "./read.js";
export type { Diagnostic } from "./text/diagnostic.js";
