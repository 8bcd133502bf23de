import type { Host } from "../../host/host.js";
import type { MachineFacts } from "../../kvm/fill-machine.js";
import { printersOfWhole } from "../../kvm/printers.js";

/** Facts of the machine that its messages prove, because no kernel prints them otherwise. */
export function machineOfMessages({ observed }: Host): MachineFacts {
  const bits = new Set(
    (observed?.messages ?? []).flatMap((text) => printersOfWhole(text).flatMap(({ machine = [] }) => machine)),
  );
  return { ...(bits.has("tboot") ? { tboot: true } : {}), ...(bits.has("evmcs") ? { enlightenedVmcs: true } : {}) };
}
