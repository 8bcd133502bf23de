import { nearest } from "../../registers/edit-distance.js";
import { featureKernelsJson, kernelDiffJson, kernelsJson } from "../../report/json/json-kernels.js";
import { featureKernelsReport, kernelDiffReport, kernelsReport } from "../../report/kernels-report.js";
import { KERNELS, type KernelRow, kernelRow } from "../../rules/kernels.js";
import { RELEASES, type Release, upstreamState } from "../../rules/release.js";
import { kernelSet } from "../../situation/kernels.js";
import { findFeature } from "../../why/find-feature.js";
import { featureKernels } from "../../why/kernels/feature-kernels.js";
import { diffKernels } from "../../why/kernels/kernel-diff.js";
import { EXIT } from "../exit-code.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain, didYouMean } from "../shell/problems.js";
import type { World } from "../world.js";

/** `vmxlens kernels [R1 [R2]]`, `vmxlens kernels FEATURE` */
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
  const named = second === undefined && !isKernel(first) ? findFeature(first) : undefined;
  if (named?.kind === "one") {
    const found = featureKernels(named.feature);
    if (settings.json) showJson(featureKernelsJson(found), world);
    else world.out(renderLines(featureKernelsReport(found, settings.width), settings.color));
    return EXIT.ok;
  }
  const from = pick(first, world);
  // One kernel alone is compared with the one before it in its line.
  const to = second === undefined ? from : pick(second, world);
  if (from === undefined || to === undefined) return EXIT.usage;
  const diff = diffKernels(second === undefined ? kernelBefore(from) : from, to);
  if (settings.json) showJson(kernelDiffJson(diff), world);
  else world.out(renderLines(kernelDiffReport(diff, settings.width), settings.color));
  return EXIT.ok;
}

const isKernel = (text: string) => !("error" in kernelSet(text));

/** The series before one; the state before an older state or a vendor's in its line; of the first one of a vendor's line, the upstream state that it follows. */
function kernelBefore(release: Release): Release {
  const rows: readonly (KernelRow & { readonly id: Release })[] = KERNELS;
  const { line, base } = kernelRow(release);
  const series = RELEASES.indexOf(release);
  if (series > 0) return RELEASES[series - 1] as Release;
  const own = rows.filter((row) => row.line === line);
  const before = own[own.findIndex(({ id }) => id === release) - 1];
  if (before !== undefined) return before.id;
  const [major, minor, patch] = base.split(".");
  return line === "upstream" ? release : (upstreamState(`${major}.${minor}`, Number(patch)) ?? release);
}

/** The modelled kernel that a text names; of several that it can be, the vendor's own state or the oldest, with a note. */
function pick(text: string, world: World): Release | undefined {
  const set = kernelSet(text);
  if ("error" in set) {
    const ids = KERNELS.map(({ id }) => id);
    complain(world, [`${set.error}${didYouMean(nearest(text, ids))}`]);
    return undefined;
  }
  const { candidates, note } = set;
  const release = candidates.find((id) => kernelRow(id).line !== "upstream") ?? candidates[0];
  if (note !== undefined) world.err(`vmxlens: ${note}${candidates.length > 1 ? `; compared as ${release}` : ""}\n`);
  return release;
}
