import { createHash } from "node:crypto";

/** A dump of AIDA64 as `test/input/atlas/dumps.jsonl.gz` keeps it. */
export interface DumpFacts {
  readonly id: string;
  readonly path: string;
  /** Of the whole file. */
  readonly sha256: string;
  /** By leaf and subleaf, as in `7.1`: EAX, EBX, ECX and EDX of the first logical CPU, in hexadecimal. */
  readonly cpuid: { readonly [leaf: string]: readonly [string, string, string, string] };
  /** Distinct sets of MSRs, with the logical CPUs that have them; none are named in a dump with one set. */
  readonly sets: readonly { readonly cpus: readonly number[]; readonly msrs: { readonly [index: string]: string } }[];
  /** MSR 0x8b bits 63:32 of the first CPU that shows it. */
  readonly microcode?: string;
}

const LEAVES = new Set([
  0x0, 0x1, 0x6, 0x7, 0xa, 0xd, 0x12, 0x15, 0x80000000, 0x80000001, 0x80000007, 0x80000008, 0xc0000001,
]);

/**
 * What a dump says, read apart from the product's reader: that the atlas agrees with it is a law. Throws `Error` where
 * logical CPUs differ in CPUID, as the atlas has one CPUID for all.
 */
export function dumpFacts(id: string, path: string, bytes: Uint8Array): DumpFacts {
  const cpus: { [leaf: string]: [string, string, string, string] }[] = [];
  const sets = new Map<string, number[]>();
  let microcode: string | undefined;
  for (const section of Buffer.from(bytes)
    .toString("latin1")
    .split(/^------\[ /m)
    .slice(1)) {
    const lines = section.split(/\r?\n/);
    const cpu = /Logical CPU #(\d+) \]/.exec(lines[0] as string)?.[1];
    if (lines[0]?.startsWith("MSR Registers")) {
      const rows = lines.flatMap((line) => /^MSR (\S{8}): (\S{4})-(\S{4})-(\S{4})-(\S{4})(.*)$/.exec(line) ?? []);
      const msrs: { [index: string]: string } = {};
      for (let at = 0; at < rows.length; at += 7) {
        const [index, value] = [Number(`0x${rows[at + 1]}`), `0x${rows.slice(at + 2, at + 6).join("")}`];
        if (index === 0x8b && !value.startsWith("0x00000000")) microcode ??= value.slice(0, 10);
        if (index === 0x3a || (index >= 0x480 && index <= 0x493)) msrs[index.toString(16)] = BigInt(value).toString(16);
      }
      const key = JSON.stringify(msrs);
      sets.set(key, [...(sets.get(key) ?? []), ...(cpu === undefined ? [] : [Number(cpu)])]);
    } else if (cpu !== undefined) {
      const leaves: { [leaf: string]: [string, string, string, string] } = {};
      for (const line of lines) {
        const [, leaf = "", registers = "", subleaf = "0"] =
          /^CPUID (\S{8}): (\S{35})(?: \[SL (\S\S)\])?/.exec(line) ?? [];
        const [number, sub] = [Number(`0x${leaf}`), Number(`0x${subleaf}`)];
        if (!LEAVES.has(number) || (number === 0xd && sub > 1)) continue;
        leaves[`${number.toString(16)}.${sub}`] ??= registers.split("-") as [string, string, string, string];
      }
      cpus.push(leaves);
    }
  }
  return {
    id,
    path,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    cpuid: alike(path, cpus),
    sets: [...sets].map(([key, numbers]) => ({ cpus: numbers, msrs: JSON.parse(key) as { [index: string]: string } })),
    ...(microcode === undefined ? {} : { microcode }),
  };
}

/** Registers that are of the machine. Others count per CPU, as EBX of leaf 1 does with its number. */
const OF_THE_MACHINE = [
  "1.0:023",
  "6.0:0",
  "7.0:0123",
  "7.1:0123",
  "7.2:0123",
  "d.1:0",
  "12.0:0",
  "15.0:012",
  "80000001.0:23",
];

function alike(path: string, cpus: readonly DumpFacts["cpuid"][]): DumpFacts["cpuid"] {
  const [first = {}, ...others] = cpus;
  for (const row of OF_THE_MACHINE) {
    const [leaf = "", positions = ""] = row.split(":");
    for (const at of positions) {
      const odd = others.find((other) => other[leaf]?.[Number(at)] !== first[leaf]?.[Number(at)]);
      if (odd !== undefined) throw new Error(`${path}: logical CPUs differ in leaf ${leaf}`);
    }
  }
  // The counters of a hybrid CPU differ, and then none are known.
  const differ = others.some((other) => [0, 2, 3].some((at) => other["a.0"]?.[at] !== first["a.0"]?.[at]));
  return Object.fromEntries(Object.entries(first).filter(([leaf]) => leaf !== "a.0" || !differ));
}
