/**
 * Writes docs/kernels.md and the table of kernels in docs/sources.md from the registered tables. `tsx tools/gen-kernels.ts`
 * writes both; test/docs/kernels.test.ts fails when they are not what this would write.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { paramsOf } from "../src/kvm/programs.js";
import { vmxWordCount } from "../src/linux/cpuinfo.js";
import { VMX_FLAGS, VMX_FLAGS_LINE, type VmxFlag } from "../src/linux/vmx-features.js";
import { formatHeld, holdsIn, rowsIn } from "../src/rules/held.js";
import { KERNELS, type KernelRow, kernelRow, LINES, type Release } from "../src/rules/kernels.js";
import { formatEveryKernel, kernelName } from "../src/rules/release.js";
import { FEATURE_LIST } from "../src/why/features.js";
import { featureKernels } from "../src/why/kernels/feature-kernels.js";
import { likeKernel } from "../src/why/kernels/like-kernel.js";
import { kernelTables, rowHolds, type TableRow } from "../src/why/kernels/tables.js";

const ROOT = resolve(import.meta.dirname, "..");
export const KERNELS_DOC = resolve(ROOT, "docs/kernels.md");
export const SOURCES_DOC = resolve(ROOT, "docs/sources.md");
const MARK = /(<!-- generated: (kernels|tables) -->\n)[\s\S]*?(<!-- end -->)/g;

type Row = KernelRow & { readonly id: Release };
const rows: readonly Row[] = KERNELS;

const table = (head: readonly string[], body: readonly (readonly string[])[]) =>
  [head, head.map(() => "---"), ...body].map((cells) => `| ${cells.map(escaped).join(" | ")} |`).join("\n");
const escaped = (text: string) => text.replaceAll("|", "\\|");

function patches({ patches: span, base }: Row): string {
  if (span === undefined) return base;
  const series = base.replace(/\.\d+$/, "");
  const [first, last] = span;
  return last === undefined ? `${series}.${first} on, seen ${base}` : `${series}.${first} to ${series}.${last}`;
}

function flags(release: Release): string {
  if (holdsIn(release, VMX_FLAGS_LINE.held) === false) return "no line";
  return String(rowsIn<VmxFlag>(VMX_FLAGS, release).length);
}

function like({ id }: Row): string {
  const { release, differ } = likeKernel(id);
  return differ === 0 ? release : `${release}, but ${differ} facts`;
}

/** The table of kernels as docs/sources.md has it: what each rests on. */
export function sourcesTable(): string {
  return table(
    ["Kernel", "Covers", "How sure", "Tree"],
    rows.map((row) => [
      kernelName(row.id),
      row.line === "upstream" ? patches(row) : LINES[row.line],
      row.sure,
      row.tree,
    ]),
  );
}

/** `arch/x86/kvm/pmu.h, pmu.c` as paths. */
function files(text: string): string[] {
  let folder = "";
  return text.split(/, | \/ /).map((name) => {
    if (name.includes("/")) folder = name.replace(/[^/]*$/, "");
    return name.includes("/") ? name : folder + name;
  });
}

/** The registered tables as docs/sources.md has them: what each holds and the files of the kernel that it was read in. */
export function tablesTable(): string {
  return table(
    ["Table", "Holds", "Rows", "Read in"],
    kernelTables().map(({ name, title, rows: facts }) => [
      `\`${name}\``,
      title,
      String(facts.length),
      [...new Set(facts.flatMap(({ file }) => files(file)))]
        .sort()
        .map((file) => `\`${file}\``)
        .join(", "),
    ]),
  );
}

/** Facts by the kernels in which they hold: what came and went together is listed together. */
function factGroups(): readonly { readonly kernels: string; readonly facts: readonly string[] }[] {
  const groups = new Map<string, { kernels: string; facts: string[] }>();
  for (const { title, rows: facts, silent } of kernelTables()) {
    if (silent === true) continue;
    for (const row of facts) {
      const holding = rows.filter((kernel) => rowHolds(row, kernel) === true).map(({ id }) => id);
      const unsure = rows.filter((kernel) => rowHolds(row, kernel) === undefined).map(({ id }) => id);
      if (holding.length === rows.length || holding.length === 0) continue;
      const key = JSON.stringify([holding, unsure]);
      const perhaps = unsure.length === 0 ? "" : `; not known: ${formatEveryKernel(unsure) || unsure.join(", ")}`;
      const group = groups.get(key) ?? { kernels: `${kernelsOf(holding)}${perhaps}`, facts: [] };
      group.facts.push(`${title}: ${row.key}${boundary(row)}`);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** Upstream series as ranges, older states and vendors by name. */
function kernelsOf(ids: readonly Release[]): string {
  const states = ids.filter((id) => kernelRow(id).line === "upstream" && /\.\d+\./.test(id));
  const partly = states.filter((id) => !ids.includes(id.replace(/\.\d+$/, "") as Release));
  return [formatEveryKernel(ids), ...(partly.length === 0 ? [] : [`states ${partly.join(", ")}`])]
    .filter((text) => text !== "")
    .join("; ");
}

function boundary({ held }: TableRow): string {
  const text = held.map((one) => formatHeld(one)).join(" and ");
  return text === "" ? "" : ` (${text})`;
}

export function kernelsDoc(): string {
  const upstream = rows.filter(({ line }) => line === "upstream");
  const vendors = rows.filter(({ line }) => line !== "upstream");
  const used = FEATURE_LIST.map((feature) => featureKernels(feature)).flatMap(({ feature, cpus, layers }) => {
    const at = (layer: string) => layers.find((one) => one.layer === layer)?.yes ?? [];
    const [kvm, nested] = [at("kvm"), at("nested")];
    const everywhere = kvm.length === rows.length && nested.length === rows.length;
    if (cpus === 0 || everywhere) return [];
    return [[feature.id, formatEveryKernel(kvm) || "none", formatEveryKernel(nested) || "none"]];
  });
  return `# Kernels

Generated by \`npx tsx tools/gen-kernels.ts\` from the tables in \`src/rules\`, \`src/linux\`, \`src/kvm\` and \`src/vmcs\`; \`vmxlens kernels\`
prints the same. ${rows.length} kernels are modelled: ${upstream.length} states of upstream series and ${vendors.length} kernels of vendors.

A version number says little. RHEL 9.6 calls itself 5.14 and has the KVM of 6.12; all of RHEL 8 calls itself 4.18 and has KVM code
of 5.7 to 5.15. So a kernel is a row here, with the upstream version whose rules it follows, and a fact says in which kernels it
holds: from a mainline release on, in stable series from a patch level on, in a vendor's line from a minor release on or never.

*run*: the functions of this tree were compiled and run over all inputs. *same*: run, and equal to a neighbour but for what the
tables say. *derived*: no tree was at hand; the states on both sides were run, and the stable releases that part them are on record.

## Upstream

${table(
  ["Kernel", "Patch levels", "Words", "`vmx flags` names", "Parameters", "How sure", "Tree"],
  upstream.map((row) => [
    row.id,
    patches(row),
    String(vmxWordCount(row.id)),
    flags(row.id),
    String(paramsOf(row.id).length),
    row.sure,
    row.tree,
  ]),
)}

## Vendors

*Like* is the upstream state that shares most facts with the kernel; \`vmxlens kernels el9.4 6.6\` lists what parts the two.

${table(
  ["Kernel", "Name", "Like", "Words", "`vmx flags` names", "How sure", "Tree"],
  vendors.map((row) => [
    row.id,
    kernelName(row.id),
    like(row),
    String(vmxWordCount(row.id)),
    flags(row.id),
    row.sure,
    row.tree,
  ]),
)}

## Which kernels use a feature

By replay of every kernel on the CPUs of the atlas that have the feature. Features that all kernels use and offer to L1 are left
out. Of a series its newest state counts.

${table(["Feature", "KVM uses it in", "L1 is offered it in"], used)}

## What holds where

Every fact of the tables that does not hold everywhere; what holds in the same kernels is listed together.

${factGroups()
  .map(({ kernels, facts }) => `- **${kernels}**\n${facts.map((fact) => `  - ${fact}`).join("\n")}`)
  .join("\n")}
`;
}

/** docs/sources.md with its table as it should be. */
export function sourcesDoc(text: string): string {
  return text.replace(
    MARK,
    (_, begin: string, what: string, end: string) =>
      `${begin}${what === "kernels" ? sourcesTable() : tablesTable()}\n${end}`,
  );
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(KERNELS_DOC, kernelsDoc());
  writeFileSync(SOURCES_DOC, sourcesDoc(readFileSync(SOURCES_DOC, "utf8")));
}
