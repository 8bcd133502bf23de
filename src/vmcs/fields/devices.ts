import type { U64 } from "../../bits/u64.js";

/** What is at addresses of a PC below 4 GByte. */
const DEVICES: readonly (readonly [from: number, to: number, what: string])[] = [
  [0xa_0000, 0xb_ffff, "the memory of VGA"],
  [0xfec0_0000, 0xfec0_0fff, "the I/O APIC"],
  [0xfed0_0000, 0xfed0_03ff, "the HPET"],
  [0xfee0_0000, 0xfee0_0fff, "the local APIC"],
];

/** What a PC has at a guest-physical address, as words behind it; empty where that is nothing in particular. */
export function deviceText({ lo, hi }: U64): string {
  const found = hi === 0 ? DEVICES.find(([from, to]) => lo >= from && lo <= to) : undefined;
  return found === undefined ? "" : `, where a PC has ${found[2]}`;
}
