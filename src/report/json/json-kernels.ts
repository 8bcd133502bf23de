import type { ParamRow } from "../../kvm/load/params.js";
import { paramsOf } from "../../kvm/replay.js";
import { vmxWordCount } from "../../linux/cpuinfo.js";
import { DEFAULT_RELEASE, LONGTERM, RELEASES } from "../../rules/release.js";
import type { Rule } from "../../rules/rule.js";
import type { KernelDiff } from "../../why/kernel-diff.js";

/** The JSON of `vmxlens kernels` without a release: schema/kernels.schema.json. */
export function kernelsJson() {
  return {
    format: "vmxlens-kernels/1",
    default: DEFAULT_RELEASE,
    releases: RELEASES.map((release) => ({
      release,
      longterm: LONGTERM.includes(release),
      words: vmxWordCount(release),
      params: paramsOf(release).map(paramJson),
    })),
  };
}

/** The JSON of `vmxlens kernels R1 [R2]`: schema/kernel-diff.schema.json. */
export function kernelDiffJson({ from, to, flags, words, controls, params, rules, moved }: KernelDiff) {
  return {
    format: "vmxlens-kernel-diff/1",
    from,
    to,
    words,
    flags,
    controls: controls.map(({ group, name, before, after }) => ({
      group,
      name,
      before: before ?? null,
      after: after ?? null,
    })),
    params: { added: params.added.map(paramJson), removed: params.removed.map(paramJson) },
    rules: { added: rules.added.map(ruleJson), removed: rules.removed.map(ruleJson) },
    moved: moved.map(ruleJson),
  };
}

function paramJson({ module, name, type, default: value, about }: ParamRow) {
  return { module, name, type, default: value, about };
}

function ruleJson({ id, fn, says, source }: Rule) {
  return { id, function: fn, says, source };
}
