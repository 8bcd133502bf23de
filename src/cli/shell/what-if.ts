import { type CoreGroup, msrOf } from "../../host/host.js";
import type { Msr } from "../../host/msr.js";
import { isThere } from "../../host/msr.js";
import type { FoundHost } from "../host.js";
import type { Firmware } from "../host-text.js";

const LOCKED = 1 << 0;
const INSIDE_SMX = 1 << 1;
const OUTSIDE_SMX = 1 << 2;

/** The bits of IA32_FEAT_CTL that each state sets and clears. */
const CHANGES: { readonly [F in Firmware]: readonly [set: number, clear: number] } = {
  enabled: [LOCKED | OUTSIDE_SMX, 0],
  disabled: [LOCKED, INSIDE_SMX | OUTSIDE_SMX],
  unlocked: [0, LOCKED],
};

/**
 * The host as another setting of its firmware would leave it: IA32_FEAT_CTL changed where it was read. Where it was not,
 * the assumption of the same name does it. What the machine reported under its own setting is left out then.
 */
export function withFirmware(found: FoundHost, firmware: Firmware | undefined): FoundHost {
  if (firmware === undefined) return found;
  const [set, clear] = CHANGES[firmware];
  const changed = (core: CoreGroup): CoreGroup => {
    const old = msrOf(core, 0x3a);
    if (!isThere(old)) return core;
    const { value, unknown } = old.lo;
    const lo = { value: ((value | set) & ~clear) >>> 0, unknown: (unknown & ~(set | clear)) >>> 0 };
    return { ...core, msrs: new Map(core.msrs).set(0x3a, { ...old, lo } satisfies Msr) };
  };
  const [first, ...others] = found.host.cores;
  const cores = [changed(first), ...others.map(changed)] as const;
  if (cores.every((core, at) => core === found.host.cores[at])) return found;
  const { observed: _, params: __, ...host } = found.host;
  const note = `firmware=${firmware} was asked for: IA32_FEAT_CTL is other than it was read, and what the machine reported is left out`;
  return { ...found, host: { ...host, cores }, notes: [...found.notes, note] };
}
