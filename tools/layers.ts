/**
 * The layers of the source tree, lowest first. A file may import its own layer and every layer before it, never one
 * after it. This table is the one place that says so: `tools/check-imports.ts` enforces it and ARCHITECTURE.md shows it.
 */

export interface Layer {
  /** Folder under `src/`, or a folder of the project for `web`. */
  readonly name: string;
  readonly holds: string;
  /** May import `node:*`; with a pattern on the path inside the layer, only these files may. */
  readonly node?: true | RegExp;
  /** Packages it may import, and the files, by a pattern on the path inside the layer, that may import them. */
  readonly packages?: { readonly [name: string]: RegExp };
}

export const LAYERS: readonly Layer[] = [
  { name: "bits", holds: "three-valued bits, 32-bit words and 64-bit values" },
  { name: "registers", holds: "the bits of every register and their names" },
  { name: "host", holds: "what is known of a host" },
  { name: "rules", holds: "the rule language, its evaluator and the kernel releases" },
  { name: "linux", holds: "Linux at boot" },
  { name: "kvm", holds: "KVM at load and what it gives a nested guest" },
  {
    name: "input",
    holds: "readers of files and text, the atlas",
    packages: { valibot: /^formats\/snapshot[^/]*\.ts$/ },
  },
  {
    name: "situation",
    holds: "what is known of a machine and what is asked about it, the kernels it can be, and their replays joined",
  },
  { name: "vmcs", holds: "the VMCS, its dumps and its checks" },
  { name: "why", holds: "the reason for a bit, and what would change it" },
  { name: "compare", holds: "differences between hosts, kernels, models and products; a machine against its replay" },
  {
    name: "answers",
    holds: "what messages and answers to a text are made of, and the answers to what a text asks in words",
  },
  { name: "messages", holds: "the meaning of an error message or a log" },
  {
    name: "prove",
    holds: "running the kernel's own binary over a host, and comparing",
    packages: {
      "iced-x86": /^(?:follow-bit|machine\/(?:decoder|operands|ops-[a-z]+))\.ts$/,
      "xz-decompress": /^loader\/decompress\.ts$/,
      zstddec: /^loader\/decompress\.ts$/,
    },
  },
  { name: "report", holds: "tables and text for people" },
  {
    name: "fleet",
    holds: "many hosts: facts and dimension, questions as SQL, pools; the store",
    node: /^store\//,
    packages: { "@duckdb/node-api": /^store\// },
  },
  { name: "cli", holds: "the command line", node: true, packages: { commander: /./ } },
  {
    name: "web",
    holds: "the page",
    packages: { preact: /./, "preact/hooks": /./ },
  },
];

/** The last two layers are both ends: neither may import the other. */
const ENDS = ["cli", "web"];

/** Names of the layers that a layer may import, besides itself. */
export function importable(layer: Layer): string[] {
  return LAYERS.slice(0, LAYERS.indexOf(layer))
    .map(({ name }) => name)
    .filter((name) => !ENDS.includes(name));
}

/** The table as ARCHITECTURE.md shows it. */
export function layerTable(): string {
  const rows = LAYERS.map((layer) => {
    const packages = Object.keys(layer.packages ?? {});
    const node = layer.node === undefined ? [] : [layer.node === true ? "`node:*`" : "`node:*` (its store)"];
    const outside = [...node, ...packages];
    return `| \`${layer.name}\` | ${layer.holds} | ${outside.join(", ") || "nothing"} |`;
  });
  return ["| Layer | Holds | May import from outside |", "| --- | --- | --- |", ...rows].join("\n");
}
