import { nearest } from "../../registers/edit-distance.js";
import { kernelDiffJson, kernelsJson } from "../../report/json/json-kernels.js";
import { kernelDiffReport, kernelsReport } from "../../report/kernels-report.js";
import { RELEASES, type Release, resolveRelease } from "../../rules/release.js";
import { diffKernels } from "../../why/kernel-diff.js";
import { complain, showJson } from "../command.js";
import { EXIT } from "../exit-code.js";
import { didYouMean, type RawOptions, readOptions } from "../options.js";
import type { World } from "../world.js";

/** `vmxlens kernels [R1 [R2]]` */
export async function kernels(
  [first, second]: readonly (string | undefined)[],
  raw: RawOptions,
  world: World,
): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const { renderLines } = await import("../../report/ansi.js");
  if (first === undefined) {
    if (settings.json) showJson(kernelsJson(), world);
    else world.out(renderLines(kernelsReport(settings.width), settings.color));
    return EXIT.ok;
  }
  const from = pick(first, world);
  // One release alone is compared with the one before it.
  const to = second === undefined ? from : pick(second, world);
  if (from === undefined || to === undefined) return EXIT.usage;
  const start = second === undefined ? (RELEASES[Math.max(0, RELEASES.indexOf(from) - 1)] as Release) : from;
  const diff = diffKernels(start, to);
  if (settings.json) showJson(kernelDiffJson(diff), world);
  else world.out(renderLines(kernelDiffReport(diff, settings.width), settings.color));
  return EXIT.ok;
}

function pick(text: string, world: World): Release | undefined {
  const resolved = resolveRelease(text);
  if (resolved.release === undefined) {
    complain(world, [`${resolved.error}${didYouMean(nearest(text, RELEASES))}`]);
    return undefined;
  }
  if (resolved.note !== undefined) world.err(`vmxlens: ${resolved.note}\n`);
  return resolved.release;
}
