import type { Host } from "../host/host.js";
import { isParam, PARAMS, type ParamsGiven } from "../kvm/load/params.js";
import { parseBool } from "../kvm/load/parse-param.js";

const MODULES = ["kvm_intel", "kvm"] as const;

/** Parameters that the command line or modprobe.d asks for, and that the machine does not show with another value. */
export function askedOnHost({ params, paramsAsked }: Host): ParamsGiven {
  return replayable(paramsAsked, (module, name, value) => {
    const shown = params?.[module]?.[name];
    return shown === undefined || sameValue(module, name, value, shown);
  });
}

/** The parameters that a replay knows; the modules have others, too, which VMX does not depend on. */
export function replayable(
  asked: Host["paramsAsked"],
  isWanted: (module: "kvm" | "kvm_intel", name: string, value: string) => boolean = () => true,
): ParamsGiven {
  return Object.fromEntries(
    MODULES.flatMap((module) => {
      const known = Object.entries(asked?.[module] ?? {}).filter(
        ([name, value]) => isParam(module, name) && isWanted(module, name, value),
      );
      return known.length === 0 ? [] : [[module, Object.fromEntries(known)]];
    }),
  );
}

/** Whether two texts are one value of a parameter, as `1` and `Y` are. */
export function sameValue(module: "kvm" | "kvm_intel", name: string, a: string, b: string): boolean {
  const row = PARAMS.find((one) => one.module === module && one.name === name);
  if (row?.type !== "bool") return a === b || Number(a) === Number(b);
  const value = parseBool(a);
  return value !== undefined && value === parseBool(b);
}
