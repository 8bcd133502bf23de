import { kindOf, wrong } from "../bits/misuse.js";
import type { CoreGroup, Host } from "./host.js";
import type { Msr } from "./msr.js";

/** Throws `RangeError` for anything but a host. */
export function checkHost(host: unknown, argument = "host"): asserts host is Host {
  const cores = (host as Partial<Host> | undefined | null)?.cores;
  if (Array.isArray(cores) && cores.length > 0 && cores.every((core) => core?.msrs instanceof Map)) return;
  throw wrong(argument, `give a Host, as readHost(text).host or atlasHost(id) gives it, not ${kindOf(host)}`);
}

/** Throws `RangeError` for anything but a group of CPUs. */
export function checkCore(core: unknown, argument: string): asserts core is CoreGroup {
  if ((core as Partial<CoreGroup> | undefined | null)?.msrs instanceof Map) return;
  throw wrong(argument, `give one of host.cores, not ${kindOf(core)}`);
}

/** Throws `RangeError` for anything but a register. */
export function checkMsr(msr: unknown, argument: string): asserts msr is Msr {
  const state = (msr as Partial<Msr> | undefined | null)?.state;
  if (state === "value" || state === "absent" || state === "unknown") return;
  throw wrong(argument, `give an Msr, as msrValue(value), ABSENT or UNREAD, not ${kindOf(msr)}`);
}
