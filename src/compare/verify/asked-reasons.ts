import { DEBIAN_CONFIG } from "../../kvm/kernel-config.js";
import { givenParam, WRITABLE_PARAMS } from "../../kvm/load/params.js";
import { holdsIn } from "../../rules/held.js";
import { DEFAULT_RELEASE, kernelName } from "../../rules/release.js";
import { CONFIG_OPTIONS } from "../../rules/rule.js";
import type { VerifyItem } from "../../situation/evidence/item.js";
import { kernelSetOfHost } from "../../situation/kernels.js";
import { listed } from "../hosts/compared-host.js";
import type { Comparison, Scenario } from "./comparison.js";

/*
 * Reasons that lie in what was set or asked for: parameters, the kernel, build options.
 */

export function parametersSet({ settled, options }: Comparison): (readonly [string, string])[] {
  return settled.set.map(({ module, name, value, item }) => {
    const row = WRITABLE_PARAMS.find((one) => one.name === name);
    const writable = row !== undefined && options.release !== undefined && holdsIn(options.release, row.held) === true;
    const when = writable
      ? "was given when the module was loaded, or written to /sys/module since"
      : "was given when the module was loaded (modprobe.d or the kernel command line)";
    return [item, `${module} ${name}=${value} ${when}: with it the replay shows the same`] as const;
  });
}

export function parametersAsked(
  { options, settled }: Comparison,
  differing: readonly VerifyItem[],
): (readonly [string, string])[] {
  return differing.flatMap(({ id, param }) => {
    if (param === undefined || settled.set.some(({ name }) => name === param.name)) return [];
    const asked = givenParam(options.params, param.module, param.name);
    return asked === undefined
      ? []
      : [[id, `--param asked for ${param.name}=${asked}, which this machine does not have`]];
  });
}

export function kernelAsked(
  { host, options }: Comparison,
  differing: readonly VerifyItem[],
): (readonly [string, string])[] {
  const own = host.kernel === undefined ? undefined : kernelSetOfHost(host.kernel).candidates;
  if (own === undefined || options.release === undefined || own.includes(options.release)) return [];
  return differing
    .filter(({ kind }) => kind === "kernel")
    .map(({ id }) => [
      id,
      `${kernelName(options.release ?? DEFAULT_RELEASE)} was asked for, and the machine runs ${host.kernel}`,
    ]);
}

export function otherRelease(
  { host, fits, options }: Comparison,
  differing: readonly VerifyItem[],
): (readonly [string, string])[] {
  const [best] = fits;
  if (best === undefined) return [];
  const alike = fits.filter(({ differing: rest }) => rest.size === best.differing.size).map(({ release }) => release);
  const exact =
    host.kernel !== undefined &&
    options.release !== undefined &&
    kernelSetOfHost(host.kernel).candidates.includes(options.release);
  const why = exact ? `; ${host.kernel} may carry code of other releases, as distribution kernels do` : "";
  const differ = best.differing.size === 1 ? "1 difference" : `${best.differing.size} differences`;
  const text = `Linux ${listed(alike, "or")} fits better: ${differ} instead of ${best.count}${why}`;
  return differing.filter(({ id, kind }) => kind !== "kernel" && !best.differing.has(id)).map(({ id }) => [id, text]);
}

export function buildOptions({ host, options }: Comparison): Scenario[] {
  const config = { ...DEBIAN_CONFIG, ...options.config };
  return CONFIG_OPTIONS.map((option) => ({
    host,
    options: { ...options, config: { ...options.config, [option]: !config[option] } },
    says: `the kernel was built ${config[option] ? "without" : "with"} ${option} (--config ${option}=${config[option] ? "n" : "y"})`,
  }));
}
