import type { Host } from "../host/host.js";
import { isParam, type ParamsGiven } from "../kvm/load/params.js";

const MODULES = ["kvm_intel", "kvm"] as const;

/** Parameters that the command line or modprobe.d asks for and the machine does not show. */
export function askedOnHost({ params, paramsAsked }: Host): ParamsGiven {
  return Object.fromEntries(
    MODULES.flatMap((module) => {
      const open = Object.entries(paramsAsked?.[module] ?? {}).filter(
        ([name]) => params?.[module]?.[name] === undefined && isParam(module, name),
      );
      return open.length === 0 ? [] : [[module, Object.fromEntries(open)]];
    }),
  );
}
