import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { parseHexU64, type U64 } from "../../src/bits/u64.js";
import type { CoreGroup } from "../../src/host/host.js";
import { ABSENT, type Msr, msrValue } from "../../src/host/msr.js";
import { factsFromCpuid } from "../../src/input/hosts/cpuid-facts.js";

const shared = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../shared");
export const SAMPLES = path.join(shared, "samples/vmcs");
export const CAPTURES = path.join(shared, "captures");
export const haveShared = existsSync(SAMPLES) && existsSync(CAPTURES);

/** Parts of a capture by name. */
export function partsOf(file: string): Map<string, string> {
  const text = gunzipSync(readFileSync(path.join(CAPTURES, file))).toString("utf8");
  const parts = new Map<string, string>();
  for (const match of text.matchAll(/^=== BEGIN (.+?) ===\n([\s\S]*?)^=== END \1 ===$/gm))
    parts.set(match[1] as string, match[2] as string);
  return parts;
}

export function captureFiles(): string[] {
  return readdirSync(CAPTURES).filter((name) => name.endsWith(".txt.gz"));
}

/** The CPU of a capture, from its MSRs and CPUID leaves. */
export function coreOf(parts: ReadonlyMap<string, string>): CoreGroup {
  const msrs = new Map<number, Msr>();
  for (const match of (parts.get("msrs") ?? "").matchAll(/^cpu0 msr (0x[0-9a-f]+) \S+ (?:= (0x[0-9a-f]+)|: EIO)/gm)) {
    msrs.set(Number(match[1]), match[2] === undefined ? ABSENT : msrValue(parseHexU64(match[2]) as U64));
  }
  const leaves = new Map<string, { eax: number; ebx: number; ecx: number; edx: number }>();
  const row = /^cpuid (0x[0-9a-f]+) (0x[0-9a-f]+): eax=([0-9a-f]+) ebx=([0-9a-f]+) ecx=([0-9a-f]+) edx=([0-9a-f]+)/gm;
  for (const match of (parts.get("cpuid-cpu0") ?? "").matchAll(row)) {
    const [eax, ebx, ecx, edx] = match.slice(3).map((text) => Number.parseInt(text, 16)) as [
      number,
      number,
      number,
      number,
    ];
    leaves.set(`${Number(match[1])}.${Number(match[2])}`, { eax, ebx, ecx, edx });
  }
  return { coreTypes: [], msrs, cpuid: factsFromCpuid((leaf, subleaf) => leaves.get(`${leaf}.${subleaf}`)) };
}
