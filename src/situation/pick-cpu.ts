import type { CoreGroup, CoreType, Host } from "../host/host.js";
import { parseCpuRanges } from "../input/text/cpu-ranges.js";

const CORE_TYPES: readonly CoreType[] = ["P", "E", "LP-E"];

/** `P-cores`, `P-cores (CPU 0-7)`, `core group 1` */
export function coreText({ coreTypes, logicalCpus }: CoreGroup, index: number): string {
  const kind = coreTypes.length > 0 ? `${coreTypes.join(" and ")}-cores` : `core group ${index}`;
  return logicalCpus === undefined ? kind : `${kind} (CPU ${logicalCpus})`;
}

/** The host with only the CPUs of that number or core type, or a sentence that says why there are none. */
export function pickCpu(host: Host, wanted: number | string): Host | string {
  const text = String(wanted);
  const groups = host.cores.map(coreText).join(", ");
  const number = /^\d{1,5}$/.test(text) ? Number(text) : undefined;
  const type = CORE_TYPES.find((one) => one.toLowerCase() === text.toLowerCase().replace(/-?cores?$/, ""));
  if (number === undefined && type === undefined) {
    return `the number of a logical CPU, or a core type (${CORE_TYPES.join(", ")})`;
  }
  const has = (core: CoreGroup) =>
    number === undefined
      ? core.coreTypes.includes(type as CoreType)
      : core.logicalCpus !== undefined && parseCpuRanges(core.logicalCpus)?.includes(number) === true;
  const core = host.cores.find(has);
  if (core !== undefined) return { ...host, cores: [core] };
  const what = number === undefined ? `${type}-core` : `CPU ${number}`;
  return `this host shows no ${what}; it has ${groups}`;
}
