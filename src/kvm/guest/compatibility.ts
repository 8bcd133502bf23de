import { and, not, type Tri } from "../../bits/tri.js";
import { formatWord, type Word, word } from "../../bits/word.js";
import type { CoreGroup } from "../../host/host.js";
import { FEAT_CTL_AT_BOOT } from "../../linux/changes.js";
import type { Change } from "../../rules/change.js";
import { type Fact, holdsIn, rowsIn } from "../../rules/held.js";
import type { Release } from "../../rules/kernels.js";
import {
  type Certainty,
  type Machine,
  type Message,
  type Refusal,
  settledRecord,
  wordAt,
} from "../../rules/machine.js";
import { type WordName, wordIndex } from "../../rules/words.js";
import { VENDOR_DECIDES, VIRT_AT_BOOT } from "../changes.js";
import { vmcsConfigLayout } from "./layout.js";

/*
 * vmx_check_processor_compat (arch/x86/kvm/vmx/vmx.c): every further CPU computes vmcs_config for itself, and the module
 * loads only if all of them are equal byte by byte. What has to hold for the CPU and what is printed changed over the
 * releases.
 */

/** A further CPU against the first one. */
export interface CompatibilityCheck {
  readonly core: CoreGroup;
  /** The first logical CPU of the group, as messages name it; undefined when the numbers are not known. */
  readonly logicalCpu: number | undefined;
  readonly agrees: Tri;
  /** Fields of struct vmcs_config that differ for certain, or may, by ascending offset. */
  readonly differences: readonly Difference[];
  /** Refusals of setup_vmcs_config on this CPU; certain only if the kernel is certain to reach it. */
  readonly refusals: readonly Refusal[];
  /**
   * What the check prints; nothing behind a CPU that is refused for certain. A CPU number or a digit that is not known is
   * `?`.
   */
  readonly messages: readonly Message[];
}

export interface Difference {
  /** In bytes from the start of struct vmcs_config. */
  readonly offset: number;
  readonly field: string;
  readonly word: WordName;
  readonly reference: Word;
  readonly here: Word;
  readonly certain: boolean;
}

/** What the check stumbles over, in the order in which it looks. */
export type Obstacle = "not in CPUID" | "no IA32_FEAT_CTL" | "no VMX" | "setup failed" | "mismatch";

/** The message about unequal configurations names the words. */
const WORDS_NAMED: Change = { after: "6.18", by: "7.2" };

interface MessageRow extends Fact {
  readonly obstacles: readonly Obstacle[];
  /** With %d for the number of the CPU. */
  readonly text: string;
}

/** Up to 6.2 a failing setup_vmcs_config says nothing here, and CPUID is not asked again. */
export const COMPATIBILITY_MESSAGES = [
  {
    obstacles: ["no IA32_FEAT_CTL", "no VMX"],
    held: { since: FEAT_CTL_AT_BOOT, before: VENDOR_DECIDES },
    text: "kvm: VMX is disabled on CPU %d",
  },
  { obstacles: ["mismatch"], held: { before: VENDOR_DECIDES }, text: "kvm: CPU %d feature inconsistency!" },
  {
    obstacles: ["not in CPUID"],
    held: { since: VENDOR_DECIDES },
    text: "kvm_intel: VMX not supported by CPU %d",
  },
  {
    obstacles: ["no IA32_FEAT_CTL", "no VMX"],
    held: { since: VENDOR_DECIDES, before: VIRT_AT_BOOT },
    text: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU %d",
  },
  {
    obstacles: ["no IA32_FEAT_CTL"],
    held: { since: VIRT_AT_BOOT },
    text: "kvm_intel: VMX not enabled (by BIOS) in MSR_IA32_FEAT_CTL on CPU %d",
  },
  {
    obstacles: ["no VMX"],
    held: { since: VIRT_AT_BOOT },
    text: "kvm_intel: VMX not fully enabled on CPU %d.  Check kernel logs and/or BIOS",
  },
  {
    obstacles: ["setup failed"],
    held: { since: VENDOR_DECIDES },
    text: "kvm_intel: Failed to setup VMCS config on CPU %d",
  },
  {
    obstacles: ["mismatch"],
    held: { since: VENDOR_DECIDES, before: WORDS_NAMED },
    text: "kvm_intel: Inconsistent VMCS config on CPU %d",
  },
  {
    obstacles: ["mismatch"],
    held: { since: WORDS_NAMED },
    text: "kvm_intel: VMCS config on CPU %d doesn't match reference config:",
  },
] as const satisfies readonly MessageRow[];

interface CheckRow extends Fact {
  readonly obstacle: Obstacle;
}

/** What the check looks at before it compares the two configurations, by the obstacle it finds. */
export const COMPATIBILITY_CHECKS = [
  { obstacle: "not in CPUID", held: { since: VENDOR_DECIDES } },
  { obstacle: "no IA32_FEAT_CTL", held: { since: FEAT_CTL_AT_BOOT } },
  { obstacle: "no VMX", held: { since: FEAT_CTL_AT_BOOT } },
  { obstacle: "setup failed" },
  { obstacle: "mismatch" },
] as const satisfies readonly CheckRow[];

/** Every word that differs is named, one line each. */
export const COMPATIBILITY_WORDS = { held: { since: WORDS_NAMED } } satisfies Fact;

/** What the check of one further CPU found, before it is worded. */
export interface CompatibilityFacts {
  readonly core: CoreGroup;
  readonly inCpuid: Tri;
  readonly featCtl: Tri;
  readonly vmx: Tri;
  /** The first CPU after the module computed its vmcs_config, and the further one after it did the same. */
  readonly reference: Machine;
  readonly here: Machine;
}

/** The outcome of the check: does the CPU agree, where not, and what is printed. */
export function compatibilityCheck(release: Release, facts: CompatibilityFacts): CompatibilityCheck {
  const { core, reference, here } = facts;
  const logicalCpu = firstLogicalCpu(core);
  // A CPU whose setup fails has nothing to be compared.
  const differences = here.stopped ? [] : differencesOf(release, reference, here);
  const { refusals } = here;
  const setupFails: Tri = here.stopped ? "yes" : refusals.length > 0 ? "unknown" : "no";
  const mismatch: Tri = differences.some((row) => row.certain) ? "yes" : differences.length > 0 ? "unknown" : "no";

  const stumbling: { readonly [O in Obstacle]: Tri } = {
    "not in CPUID": not(facts.inCpuid),
    "no IA32_FEAT_CTL": not(facts.featCtl),
    "no VMX": not(facts.vmx),
    "setup failed": setupFails,
    mismatch,
  };
  const messages: Message[] = [];
  let agrees: Tri = "yes";
  for (const { obstacle } of rowsIn<CheckRow>(COMPATIBILITY_CHECKS, release)) {
    const stumbles = stumbling[obstacle];
    if (obstacle === "setup failed") messages.push(...setupMessages(here, agrees));
    if (stumbles === "no") continue;
    messages.push(...worded(release, obstacle, logicalCpu, differences, stumbles === "yes" && agrees === "yes"));
    agrees = and(agrees, not(stumbles));
    if (stumbles === "yes") break;
  }
  return { core, logicalCpu, agrees, differences, refusals, messages };
}

/** What setup_vmcs_config itself says. Behind a possible obstacle it is certain for a CPU that agrees only. */
function setupMessages({ messages }: Machine, agrees: Tri): readonly Message[] {
  return agrees === "yes" ? messages : messages.map(behindRefusal);
}

function behindRefusal<T extends { readonly certain: Certainty }>(record: T): T {
  return record.certain === true ? { ...record, certain: "if it loads" } : record;
}

/**
 * The checks of all further CPUs as parts of one load: the kernel gets to a CPU only if the boot CPU and those before
 * it passed. `alone`: does the module load as far as the boot CPU goes; `loads`: does it load.
 */
export function settledChecks(checks: readonly CompatibilityCheck[], alone: Tri, loads: Tri): CompatibilityCheck[] {
  return checks.map((check) => {
    const before = checks.filter((other) => other !== check && !isAfter(other, check));
    const never = before.some((other) => other.agrees === "no" && isAfter(check, other));
    const sure = alone === "yes" && before.every(({ agrees }) => agrees === "yes");
    const messages = never ? [] : check.messages.map((one) => settledRecord(sure ? one : behindRefusal(one), loads));
    const refusals = sure ? check.refusals : check.refusals.map((one) => ({ ...one, certain: false }));
    return { ...check, messages, refusals };
  });
}

/** Whether the kernel checks `a` after `b`; CPUs are checked in the order of their numbers. */
function isAfter(a: CompatibilityCheck, b: CompatibilityCheck): boolean {
  return a.logicalCpu !== undefined && b.logicalCpu !== undefined && a.logicalCpu > b.logicalCpu;
}

function worded(
  release: Release,
  obstacle: Obstacle,
  cpu: number | undefined,
  differences: readonly Difference[],
  certain: boolean,
): Message[] {
  const rows = rowsIn<MessageRow>(COMPATIBILITY_MESSAGES, release).filter((row) => row.obstacles.includes(obstacle));
  const name = cpu === undefined ? "?" : String(cpu);
  // Two wordings are possible where the tables do not know when it changed.
  const lines: Message[] = rows.map(({ text }) => ({
    level: 3,
    text: text.replace("%d", name),
    certain: certain && rows.length === 1,
  }));
  const named = holdsIn(release, COMPATIBILITY_WORDS.held);
  if (obstacle !== "mismatch" || named === false) return lines;
  for (const { offset, reference, here, certain: differs } of differences) {
    const exclusive = word(reference.value ^ here.value, reference.unknown | here.unknown);
    const text = `  Offset ${offset} REF = ${formatWord(reference, 8)}, CPU${name} = ${formatWord(here, 8)}, mismatch = ${formatWord(exclusive, 8)}`;
    lines.push({ level: 3, text, certain: certain && differs && named === true && exclusive.unknown === 0 });
  }
  return lines;
}

function differencesOf(release: Release, reference: Machine, here: Machine): Difference[] {
  const differences: Difference[] = [];
  for (const { offset, field, word: name, bits } of vmcsConfigLayout(release)) {
    if (name === undefined) continue;
    const index = wordIndex(name);
    const mask = bits === undefined ? -1 : (bits.hi === 31 ? 0 : 1 << (bits.hi + 1)) - (1 << bits.lo);
    const a = masked(wordAt(reference, index), mask);
    const b = masked(wordAt(here, index), mask);
    const unsure = a.unknown | b.unknown;
    const certain = ((a.value ^ b.value) & ~unsure) !== 0;
    if (certain || unsure !== 0) differences.push({ offset, field, word: name, reference: a, here: b, certain });
  }
  return differences;
}

function masked({ value, unknown }: Word, mask: number): Word {
  return word(value & mask, unknown & mask);
}

/** The lowest number of ranges such as `0-3,8`. */
function firstLogicalCpu({ logicalCpus }: CoreGroup): number | undefined {
  const numbers = logicalCpus?.match(/\d+/g);
  return numbers == null ? undefined : Math.min(...numbers.map(Number));
}
