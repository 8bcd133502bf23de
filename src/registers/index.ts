/**
 * Registers and their bits: the names and the bits of every VMX capability MSR and of the MSRs that go with them, with the
 * names that the SDM, Linux, KVM, QEMU and other projects use; and the three-valued words in which their values are kept.
 * For programs that print a register, or look a name up.
 *
 * @module registers
 */
export type { Tri } from "../bits/tri.js";
export { formatU64, fromBigInt, parseHexU64, toBigInt, type U64 } from "../bits/u64.js";
export type { Word } from "../bits/word.js";
export type { BitRow } from "./bit-row.js";
export { findBits, findRegister } from "./lookup.js";
export { REGISTERS, type RegisterRow } from "./registers.js";
