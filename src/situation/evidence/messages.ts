import type { CoreGroup, Host } from "../../host/host.js";
import { parseCpuRanges } from "../../input/text/cpu-ranges.js";
import { COMPATIBILITY_MESSAGES, type Obstacle } from "../../kvm/guest/compatibility.js";
import { kernelPrinters, PER_CPU_FUNCTION } from "../../kvm/printers.js";
import { isLoadedOn, type Replay, replay } from "../../kvm/replay.js";
import { type Certainty, type Message, settledRecord } from "../../rules/machine.js";
import type { Release } from "../../rules/release.js";
import { REPLAY_MSRS } from "../../rules/words.js";
import type { VerifyItem } from "./item.js";

/*
 * The kernel's log against what a replay prints. A line that is missing from a log proves little, for logs wrap; a line
 * that is there and that the replay would not print is a difference. Lines that no rule prints are not looked at.
 */

type Printed = readonly Pick<Message, "text" | "certain">[];

/** A message that the log holds, or that the replay prints, and the other side's word about it. */
export function messageItems(host: Host, replayed: Replay): VerifyItem[] {
  const logged = host.observed?.messages;
  if (logged === undefined) return [];
  const printed = printedBy(replayed);
  const lines = logged.map((text) => text.trim());
  const items = lines.flatMap((line) => loggedItem(line, host, replayed, printed) ?? []);
  for (const { text, certain } of printed) {
    if (certain !== true || lines.some((line) => fits(text, line))) continue;
    if (items.some(({ id }) => id === `message ${text}`)) continue;
    items.push({
      ...base(text),
      reported: "not in the log",
      replayed: "printed",
      verdict: "unknown",
      note: "the log may not reach back so far",
    });
  }
  return items;
}

/** Whether a line is one that rules print, and so says something about the machine; others are not looked at. */
export function isRulesLine(line: string): boolean {
  const text = line.trim();
  return UNCHECKED.test(text) || patterns().some(({ pattern }) => pattern.test(text));
}

const UNCHECKED = /^unchecked MSR access error: RDMSR from 0x([0-9a-f]+)/;

/** Of the item of a line of the log. */
export function messageId(line: string): string {
  return `message ${line.trim()}`;
}

const base = (text: string) =>
  ({ id: messageId(text), kind: "message", layer: text.startsWith("x86/cpu") ? "boot" : "kvm", what: text }) as const;

function loggedItem(line: string, host: Host, replayed: Replay, printed: Printed): VerifyItem | undefined {
  const item = { ...base(line), reported: "logged" };
  const unchecked = UNCHECKED.exec(line)?.[1];
  const printer = patterns().find(({ pattern }) => pattern.test(line));
  if (unchecked === undefined && printer === undefined) return undefined;
  if (unchecked !== undefined) {
    const index = Number.parseInt(unchecked, 16);
    if (!Object.values(REPLAY_MSRS).some((known) => known === index)) return undefined;
    const { boot, load } = replayed.cpu;
    const found = [...boot.unchecked, ...load.unchecked].find(({ msr }) => REPLAY_MSRS[msr] === index);
    return found === undefined
      ? { ...item, replayed: "not printed", verdict: "differ" }
      : {
          ...item,
          ...judged(isLoadedOn(host) ? settledRecord(found, "yes").certain : found.certain),
        };
  }
  const found = printed.filter(({ text }) => fits(text, line));
  const exact = found.filter(({ text }) => !text.includes("?")).map(({ certain }) => certain);
  if (found.length > 0)
    return { ...item, ...judged(exact.find((one) => one === true) ?? exact.find(Boolean) ?? false) };
  const loading = printer?.perCpu === true ? loadedElsewhere(line, host, replayed) : undefined;
  if (loading !== undefined) return { ...item, ...judged(loading) };
  const cpu = printer?.perCpu === true ? /\bCPU (\d+)/.exec(line)?.[1] : undefined;
  // The CPU that loads the module is the one with which all are compared, and need not be the first.
  const compared = printer?.mismatch === true ? host.cores.slice(1) : host.cores;
  if (cpu !== undefined && !knowsCpu(compared, Number(cpu))) {
    return { ...item, replayed: "unknown", verdict: "unknown", note: `nothing is known of CPU ${cpu}` };
  }
  return { ...item, replayed: "not printed", verdict: "differ" };
}

/**
 * The lines of the log that a kernel does not print, whatever is known of the CPU: a replay need not be made to know that it
 * differs from them.
 */
export function unprintable({ observed }: Host, release: Release): readonly string[] {
  const logged = observed?.messages;
  if (logged === undefined) return [];
  let kernels = printing.get(logged);
  if (kernels === undefined) {
    kernels = logged.map((text) => kernelsPrinting(text.trim()));
    printing.set(logged, kernels);
  }
  return logged.filter((_, at) => kernels[at]?.includes(release) === false);
}

/** By the messages of a host: the kernels that print each, where it is a matter of the kernel. */
const printing = new WeakMap<readonly string[], readonly (readonly Release[] | undefined)[]>();

function kernelsPrinting(line: string): readonly Release[] | undefined {
  if (UNCHECKED.test(line)) return undefined;
  const all = patterns().filter(({ pattern }) => pattern.test(line));
  // Nothing is known about that CPU, so the line says nothing.
  return all.length === 0 || all[0]?.perCpu === true ? undefined : all.flatMap(({ releases }) => releases);
}

/** The module is loaded by any of the CPUs, and the replay takes the first: the same line with another CPU's number. */
function loadedElsewhere(line: string, host: Host, { release, config }: Replay): Certainty | undefined {
  const cpu = /\bCPU (\d+)/.exec(line)?.[1];
  const core = cpu === undefined ? undefined : host.cores.find((one) => knowsCpu([one], Number(cpu)));
  if (core === undefined) return undefined;
  const asFirst = line.replace(/\bCPU \d+/, "CPU 0");
  return replay({ ...host, cores: [core] }, { release, config }).cpu.load.messages.find(({ text }) =>
    fits(text.trim(), asFirst),
  )?.certain;
}

function knowsCpu(cores: readonly CoreGroup[], cpu: number): boolean {
  return cores.some(({ logicalCpus }) => logicalCpus !== undefined && parseCpuRanges(logicalCpus)?.includes(cpu));
}

/** What boot and loading print, on whichever CPU. */
function printedBy(replayed: Replay): Printed {
  const { host, release, config, compatibility, cpu } = replayed;
  // Boot prints each line once, for the first CPU that has a reason to.
  const others = host.cores
    .slice(1)
    .flatMap((core) => replay({ ...host, cores: [core] }, { release, config }).cpu.boot);
  const boots = [cpu.boot, ...others];
  return [
    ...boots.flatMap(({ messages }) => messages),
    ...cpu.load.messages,
    ...compatibility.flatMap(({ messages }) => messages),
    ...[...boots, cpu.load].flatMap(({ warnings }) =>
      warnings.flatMap(({ text, certain }) => (text === undefined ? [] : { text, certain })),
    ),
  ].map(({ text, certain }) => {
    const message = { text: text.trim(), certain };
    return isLoadedOn(host) ? settledRecord(message, "yes") : message;
  });
}

/** A line of the log, and what the replay knows about it. */
function judged(certain: Certainty): Pick<VerifyItem, "replayed" | "verdict"> {
  if (certain === true) return { replayed: "printed", verdict: "agree" };
  return { replayed: certain === false ? "may be printed" : "printed if kvm_intel loads", verdict: "unknown" };
}

/** A `?` in a text of the replay is digits that are not known. */
function fits(text: string, line: string): boolean {
  if (text === line) return true;
  return text.includes("?") && new RegExp(`^${text.split(/\?+/).map(escaped).join("[0-9a-f]+")}$`).test(line);
}

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Whether a line names a CPU whose configuration is another one. */
function isMismatch(template: string): boolean {
  return COMPATIBILITY_MESSAGES.some(
    ({ obstacles, text }) => text === template && (obstacles as readonly Obstacle[]).includes("mismatch"),
  );
}

let made:
  | readonly {
      readonly perCpu: boolean;
      readonly mismatch: boolean;
      readonly pattern: RegExp;
      readonly releases: readonly Release[];
    }[]
  | undefined;

function patterns(): NonNullable<typeof made> {
  made ??= kernelPrinters().map(({ fn, releases, template }) => ({
    releases,
    mismatch: isMismatch(template),
    perCpu: fn(releases[0] as Release) === PER_CPU_FUNCTION,
    pattern: new RegExp(`^${escaped(template.trim()).replace(/%x/g, "[0-9a-f]+").replace(/%d/g, "\\d+")}$`),
  }));
  return made;
}
