import type { ParamRow } from "../../kvm/load/params.js";
import { paramsOf } from "../../kvm/programs.js";
import { vmxWordCount } from "../../linux/cpuinfo.js";
import { functionOf } from "../../rules/effect.js";
import { KERNELS, type KernelRow } from "../../rules/kernels.js";
import { DEFAULT_RELEASE, kernelName, type Release } from "../../rules/release.js";
import type { FeatureKernels } from "../../why/kernels/feature-kernels.js";
import type { FactChange, KernelDiff } from "../../why/kernels/kernel-diff.js";

/** The JSON of `vmxlens kernels` without a kernel: schema/kernels.schema.json. */
export function kernelsJson() {
  return {
    format: "vmxlens-kernels/2",
    default: DEFAULT_RELEASE,
    releases: (KERNELS as readonly (KernelRow & { readonly id: Release })[]).map((row) => ({
      release: row.id,
      name: kernelName(row.id),
      line: row.line,
      base: row.base,
      tree: row.tree,
      known: row.sure,
      longterm: row.longterm === true,
      words: vmxWordCount(row.id),
      params: paramsOf(row.id).map(paramJson),
    })),
  };
}

/** The JSON of `vmxlens kernels FEATURE`: schema/feature-kernels.schema.json. */
export function featureKernelsJson({ feature, cpus, layers }: FeatureKernels) {
  return {
    format: "vmxlens-feature-kernels/1",
    feature: feature.id,
    cpus,
    layers: layers.map(({ layer, yes, no, none }) => ({ layer, yes, no, none })),
  };
}

/** The JSON of `vmxlens kernels R1 [R2]`: schema/kernel-diff.schema.json. */
export function kernelDiffJson({ from, to, tables, moved }: KernelDiff) {
  return {
    format: "vmxlens-kernel-diff/2",
    from,
    to,
    tables: tables.map(({ table, added, removed, changed }) => ({
      table: table.name,
      title: table.title,
      added: added.map(factJson),
      removed: removed.map(factJson),
      changed: changed.map(({ key, before, after }) => ({
        key,
        before: before.row.text,
        after: after.row.text,
        certain: before.certain && after.certain,
        source: after.row.file,
        function: after.row.fn,
      })),
    })),
    moved: moved.map((rule) => ({ key: rule.id, text: rule.says, function: functionOf(rule, to) })),
  };
}

function factJson({ row: { key, text, file, fn }, certain }: FactChange) {
  return { key, text, certain, source: file, function: fn };
}

function paramJson({ module, name, type, default: value, about }: ParamRow) {
  return { module, name, type, default: value, about };
}
