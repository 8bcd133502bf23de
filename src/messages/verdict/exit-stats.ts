import type { FoundVerdict, TextVerdict } from "../../answers/answer.js";
import { EXIT_ADVICE } from "../../answers/exit-advice.js";
import type { Step } from "../../answers/message.js";
import { EXIT_REASONS } from "../../vmcs/fields/decode-tables.js";
import { exitNamed } from "../../vmcs/fields/exit-names.js";
import { monitor } from "../rows/shared-advice.js";

/*
 * Counts of VM exits by reason, as perf prints them (perf kvm stat), and KVM's own trace events: which exits they are, and what makes
 * so many. Facts: tools/perf/util/kvm-stat.c, arch/x86/kvm/trace.h; Intel SDM volume 3C.
 */

const HEADING = /^[>\s]{0,48}VM-EXIT\s{1,10}Samples\b/m;
const ROW =
  /^[>\s]{0,48}([A-Z][A-Z0-9_]{2,40})\s{1,20}(\d{1,12})\s{1,20}(\d{1,3}(?:\.\d{1,3})?)%\s{1,20}(\d{1,3}(?:\.\d{1,3})?)%/gm;
const SUM = /\bTotal Samples:/;
const TRACED =
  /\bkvm_exit:[\s>]{1,40}(?:vcpu \d{1,4},?[\s>]{1,8})?reason[\s>]{1,12}([A-Z][A-Z0-9_]{2,40})\b(?:[\s>]{1,8}rip[\s>]{1,8}(0x[0-9a-f]{1,16}))?/g;
const MOST = 3;
/** A share of all exits below which a reason does not matter. */
const SHARE = 5;

/** What a running system has so many of, and what takes them away. */
const MUCH: { readonly [reason: number]: string } = {
  1: "interrupts of the host that came while the guest ran: its timer, its devices, and those of the guest's passed devices where posted interrupts are off",
  7: "interrupts that waited until the guest could take them",
  10: "CPUID, which nothing but calls of it makes",
  12: "the guest was idle",
  28: "control registers; many only without EPT or unrestricted guest",
  30: "ports of emulated devices",
  32: "WRMSR: the guest's APIC timer, EOI and interrupts to other CPUs by x2APIC; APIC virtualization (enable_apicv) takes most of them away, and for Windows guests hv-stimer and hv-vapic",
  40: "PAUSE in a loop: a guest with more virtual CPUs than can run waits for a lock",
  44: "the guest's local APIC by memory; enable_apicv and x2APIC take most of them away",
  48: "memory that the guest touched for the first time, or that is write-protected while it is migrated",
  49: "MMIO of emulated devices (KVM marks those pages so on purpose): virtio, vhost or passed devices need fewer",
  52: "the guest's APIC timer",
};

/** What APIC virtualization takes away: external interrupts, WRMSR, APIC accesses, APIC writes. */
const OF_APIC: readonly number[] = [1, 32, 44, 56];

/** Exits to user space, counted by the reason in struct kvm_run: Linux, Documentation/virt/kvm/api.rst. */
const TO_USER_SPACE = /^\s{0,8}K?VM_EXIT_([A-Z][A-Z0-9_]{1,30})\s{0,24}[:=]\s{0,8}(\d{1,12})\s{0,200}$/gm;
const FEWEST = 4;
const USER_SPACE: { readonly [reason: string]: string } = {
  MMIO: "memory of emulated devices",
  IO: "ports of emulated devices",
  INTR: "signals to the virtual CPU's thread",
  IRQ_WINDOW_OPEN: "interrupts from an APIC that QEMU emulates",
  HLT: "an idle guest whose APIC QEMU emulates",
};

function toUserSpace(text: string): Omit<TextVerdict, "covers"> | undefined {
  const rows = [...text.matchAll(TO_USER_SPACE)].map(([, name = "", count]) => ({ name, count: Number(count) }));
  if (rows.length < FEWEST) return undefined;
  const sums = new Map<string, number>();
  for (const { name, count } of rows) sums.set(name, (sums.get(name) ?? 0) + count);
  const all = [...sums.values()].reduce((sum, count) => sum + count, 0);
  const most = [...sums].filter(([, count]) => count * 100 >= all * SHARE && count > 0).sort((a, b) => b[1] - a[1]);
  if (most.length === 0) return undefined;
  const parts = most
    .slice(0, MOST)
    .map(
      ([name, count]) =>
        `${name} ${Math.round((count * 100) / all)} %${name in USER_SPACE ? ` (${USER_SPACE[name]})` : ""}`,
    );
  return {
    says: `Of these exits from KVM to the program that runs it, ${parts.join("; ")}. Each is work of the program's devices, and no VM entry was refused: what the guest does with which device decides how many there are.`,
    steps: [
      {
        text: "Count them by address: the most frequent one belongs to the device that costs the time.",
        commands: [
          "sudo perf kvm stat record -p PID; sudo perf kvm stat report --event=mmio",
          monitor("info mtree -f"),
        ],
      },
    ],
    evidence: [],
  };
}

/** Exits counted by their number, as modules of courses print them: `exit number 28, number of exits: 7667001`. */
const NUMBERED =
  /\bexit[ _]?(?:number|reason|type|no)\b[ :=#]{0,4}(\d{1,2})\b[^\n\d]{0,40}?\b(?:exits?|count|times)\b[ :=]{1,4}(\d{1,12})\b/gi;

/** kvm_stat of Linux (tools/kvm/kvm_stat): a row for each reason, indented below that of all exits or with their name. */
const OF_KVM_STAT = /^[>\s]{0,48}(?:kvm_exit\()?([A-Z][A-Z0-9_]{2,40})\)[\s]{1,60}(\d{1,14})\b/gm;

function numbered(text: string): Omit<TextVerdict, "covers"> | undefined {
  // Counters only grow: of several values the last one is the sum.
  const counts = new Map(
    [
      ...[...text.matchAll(NUMBERED)].map(([, reason, count]) => [Number(reason), Number(count)] as const),
      ...[...text.matchAll(OF_KVM_STAT)].map(([, name = "", count]) => [exitNamed(name) ?? -1, Number(count)] as const),
    ].filter(([reason]) => reason >= 0),
  );
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const most = [...counts]
    .filter(([reason, count]) => EXIT_REASONS[reason] !== undefined && count * 100 >= all * SHARE && count > 0)
    .sort((a, b) => b[1] - a[1])
    .slice(0, MOST);
  if (counts.size < FEWEST || most.length === 0) return undefined;
  const parts = most.map(
    ([reason, count]) => `${reason} (${EXIT_REASONS[reason]}) ${Math.round((count * 100) / all)} %${meaning(reason)}`,
  );
  return { says: `Of these VM exits ${parts.join("; ")}.`, steps: [], evidence: [] };
}

/** Reasons of exits that a log prints one after another. */
const LOGGED = /(?<!\brun(?:->|\.))\bexit[ _]?reason\s{0,3}[:=]\s{0,3}(0x)?([0-9a-f]{1,8})\b/gi;
const SEVERAL = 3;

/** Ordinary exits of several kinds are what a running guest makes; a failed entry has an answer of its own. */
function logged(text: string): Omit<TextVerdict, "covers"> | undefined {
  const written = [...text.matchAll(LOGGED)];
  const isHex = written.some(([, , digits = ""]) => /[a-f]/i.test(digits));
  const reasons = [
    ...new Set(written.map(([, hex, digits = ""]) => Number.parseInt(digits, hex === undefined && !isHex ? 10 : 16))),
  ];
  if (reasons.length < SEVERAL || reasons.some((one) => EXIT_REASONS[one] === undefined || FAILURES.includes(one)))
    return undefined;
  const names = reasons.map((one) => `${one} (${EXIT_REASONS[one]})`);
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return {
    says: `The guest runs: its exits have the reasons ${names.slice(0, MOST_NAMED).join(", ")}${more}, ordinary ones, and no VM entry failed.`,
    steps: [],
    evidence: [],
  };
}

const UNMAPPED = /^(?:EPT_VIOLATION|(?:EXIT_)?NPF)$/;

/** Several EPT violations at one instruction and nothing else: KVM maps no page there. A device's memory has events of its own. */
function stuck(text: string): Omit<TextVerdict, "covers"> | undefined {
  const traced = [...text.matchAll(TRACED)];
  const [, name = "", rip] = traced[0] ?? [];
  // A text may have a machine of each vendor.
  const exits = traced.filter(([, one]) => one === name);
  const isOne = traced.every(([, one = ""]) => UNMAPPED.test(one)) && exits.every(([, , at]) => at === rip);
  if (exits.length < SEVERAL || rip === undefined || !isOne || /\bkvm_mmio\b/.test(text)) return undefined;
  return {
    says: `Stuck: ${exits.length} exits in a row are ${name} at RIP ${rip}, and KVM enters the guest each time without mapping the page. VM entries work; what the host does with that memory (MMU notifiers, memory pressure) keeps KVM from it, or a bug of the host's KVM.`,
    steps: [
      {
        text: "See what KVM does about that page, also with a newer kernel on the host.",
        commands: ["sudo trace-cmd record -e kvm -e kvmmmu"],
      },
    ],
    evidence: [],
  };
}

const MOST_NAMED = 6;
/** Failed entries, and the triple fault with which a guest ends. */
const FAILURES: readonly number[] = [2, 33, 34, 41];

const GUEST_FAULT = /^(?=[^\0]*\b(?:qemu|kvm)\b)(?=[^\0]*\bEPT[_ ]?VIOLATIONS?\b)[^\0]*\btripp?le[- ]?fault/i;
const IN_GUEST: Omit<TextVerdict, "covers"> = {
  says: "In KVM EPT violations are how a guest gets its memory, page by page: many of them are usual. A triple fault is the guest's own: an exception without a valid IDT or stack while another one is handled, mostly since CR3, GDTR, IDTR or the address it was loaded to is not what its code expects.",
  steps: [
    {
      text: "Let QEMU stop there and show the registers of the first exception.",
      commands: ["-no-reboot -no-shutdown -accel tcg -d int,cpu_reset -D qemu.log"],
    },
  ],
  evidence: [],
};

const SEE_ALL: Step = {
  text: "Compare what is on with what the CPU has.",
  commands: ["grep . /sys/module/kvm_intel/parameters/*", "vmxlens why apicv HOST"],
};

/** Exit reason 30, I/O instruction. Ports: QEMU, hw/isa and hw/acpi; perf kvm stat (tools/perf/Documentation/perf-kvm.txt). */
const IO = 30;
const SEE_PORTS: Step = {
  text: "Count them by port: 0x70 and 0x71 are the clock (RTC), 0x40 to 0x43 the timer (PIT), 0x608 and 0xb008 ACPI's timer. A Windows guest leaves those for Hyper-V's clock and timers.",
  commands: [
    "sudo perf kvm stat record -p PID; sudo perf kvm stat report --event=ioport",
    "-cpu host,hv-time,hv-vpindex,hv-synic,hv-stimer",
  ],
};

/** Shares of exits by instruction, as perf top prints them; of several tables the first one. */
function byRip(text: string): readonly { readonly name: string; readonly share: number }[] {
  const [, table = ""] = text.split(/\bOverhead\s{1,8}Trace output/);
  const shares = new Map<string, number>();
  for (const [, share, name = ""] of table.matchAll(
    /^[>\s]{0,48}(\d{1,3}\.\d{1,2})%\s{1,8}reason ([A-Z][A-Z0-9_]{2,40}) rip/gm,
  ))
    shares.set(name, (shares.get(name) ?? 0) + Number(share));
  return [...shares].map(([name, share]) => ({ name, share: Math.round(share) })).sort((a, b) => b.share - a.share);
}

/** What a table of exits or a trace of them says; undefined where the text has neither. */
export function exitStats(text: string): Omit<TextVerdict, "covers"> | undefined {
  const ofProgram = toUserSpace(text) ?? numbered(text) ?? stuck(text);
  if (ofProgram !== undefined) return ofProgram;
  // Each table ends with its sum.
  const [table = ""] = text.split(SUM, 1);
  const listed = [...table.matchAll(ROW)].map(([, name = "", , share]) => ({ name, share: Number(share) }));
  const named = listed.filter(({ name }) => exitNamed(name) !== undefined);
  const rows = HEADING.test(text) || named.length >= SEVERAL ? listed : [];
  const counted = (rows.length > 0 ? rows : [...byRip(text), ...inProse(text)]).filter(
    ({ name, share }) => exitNamed(name) !== undefined && share >= SHARE,
  );
  if (counted.length > 0) {
    const parts = counted
      .slice(0, MOST)
      .map(({ name, share }) => `${name} ${share} %${meaning(exitNamed(name) as number)}`);
    const ofApic = counted.some(({ name }) => OF_APIC.includes(exitNamed(name) as number));
    return {
      says: `Of these VM exits ${parts.join("; ")}.`,
      steps: exitNamed(counted[0]?.name ?? "") === IO ? [SEE_PORTS] : ofApic ? [SEE_ALL] : [],
      evidence: [],
    };
  }
  const handled = inProfile(text);
  if (handled !== undefined) return handled;
  const traced = [...new Set([...text.matchAll(TRACED)].map(([, name = ""]) => name))].filter(
    (name) => exitNamed(name) !== undefined,
  );
  if (traced.length === 0) return GUEST_FAULT.test(text) ? IN_GUEST : undefined;
  const parts = traced.slice(0, MOST).map((name) => `${name}${meaning(exitNamed(name) as number)}`);
  return {
    says: `A trace of KVM's VM exits, ordinary ones: ${parts.join("; ")}.${nestedEpt(text)}`,
    // Notes of one's own program ask for nothing.
    steps: TROUBLE.test(text)
      ? [
          {
            text: "Count them by reason: the most frequent one says what the guest does.",
            commands: ["sudo perf kvm stat record -p PID; sudo perf kvm stat report"],
          },
        ]
      : [],
    evidence: [],
  };
}

/** A handler of kvm_intel with its share in a profile: `15.53%--handle_ept_misconfig`, `20.2%  [k] handle_ept_misconfig`. */
const HANDLER = /\b(\d{1,2}\.\d{1,2})%(?:-{1,3}|[ \t]{1,24}(?:\[k\] )?)handle_([a-z_]{3,30})\b/g;
const LEAST_SHARE = 3;

/** Which exit takes the most time, by the functions of KVM in a profile. */
function inProfile(text: string): Omit<TextVerdict, "covers"> | undefined {
  const [most] = [...text.matchAll(HANDLER)]
    .map(([, share, name = ""]) => ({ share: Number(share), reason: exitNamed(name.toUpperCase()), name }))
    .filter(({ share, reason }) => reason !== undefined && share >= LEAST_SHARE)
    .sort((a, b) => b.share - a.share);
  if (most?.reason === undefined) return undefined;
  return {
    says: `Of this profile handle_${most.name} has ${most.share} %: exit reason ${most.reason}${meaning(most.reason)}. These are ordinary exits, and none of them is a failed VM entry.`,
    steps: [
      {
        text: "Count the exits by reason and by address: the device with the most is what costs the time.",
        commands: [
          "sudo perf kvm stat record -p PID; sudo perf kvm stat report",
          "sudo perf kvm stat report --event=mmio",
        ],
      },
    ],
    evidence: [],
  };
}

/** "71 % of the exits are PAUSE_INSTRUCTION", or the name first. */
const SHARES =
  /\b(?<share>\d{1,3}(?:[.,]\d{1,2})?) ?%[^%\n]{0,80}?\b(?<name>[A-Z][A-Z0-9_]{3,40})\b|\b(?<name2>[A-Z][A-Z0-9_]{3,40})\b[^%\n]{0,24}?\b(?<share2>\d{1,3}(?:[.,]\d{1,2})?) ?%/g;
const OF_EXITS = /\bexits?\b|\bVM-?EXIT/i;

function inProse(text: string): readonly { readonly name: string; readonly share: number }[] {
  if (!OF_EXITS.test(text)) return [];
  return [...text.matchAll(SHARES)].map(({ groups: { name, name2, share, share2 } = {} }) => ({
    name: (name ?? name2) as string,
    share: Number((share ?? share2 ?? "0").replace(",", ".")),
  }));
}

const NESTED_EPT = /\bnested_ept[=: ]{1,2}(?<is>[yn])\b/;
/** Linux, arch/x86/kvm/trace.h (kvm_nested_vmenter). */
const nestedEpt = (text: string): string =>
  NESTED_EPT.exec(text)?.groups?.is === "n"
    ? " nested_ept=n: the hypervisor in the guest runs its own guests without EPT, by shadow page tables, and every change of those exits through both levels. Its own KVM has ept off (or its CPU model lacks vmx-ept): with EPT there they are much faster."
    : "";

function meaning(reason: number): string {
  const says = MUCH[reason] ?? EXIT_ADVICE[reason]?.comes?.replace(/^It comes |\.$/g, "");
  return says === undefined ? "" : ` (${says})`;
}

const ORDINARY = ": an ordinary VM exit, no failed entry.";
const FEWEST_LINES = 5;
const TROUBLE =
  /[?？]|\b(?:fail\w{0,4}|errors?|hangs?|hung|stuck|stops?|stopped|crash\w{0,3}|freez\w{1,3}|loops?|repeat\w{0,4}|endless\w{0,2}|infinite\w{0,2}|forever|again|why|not|cannot|wrong|problem|issue|unexpected\w{0,2}|unhandled|unknown|help|missing|panic|only|always|never|instead)\b|n['’]t\b|失败|卡|错|为什么/i;

/** An answer with what the exits in the text say. */
export function withStats(found: FoundVerdict, text: string): FoundVerdict {
  const several = found.says.startsWith("Exit reason ") ? logged(text) : undefined;
  if (several !== undefined) return { ...found, ...several, covers: [...found.covers, "vmx-exit-reason", "any-exit"] };
  // An exit that the guest's log goes on after is handled, and nothing is asked about it.
  if (found.says.includes(ORDINARY) && text.split("\n", FEWEST_LINES).length === FEWEST_LINES && !TROUBLE.test(text))
    return { ...found, steps: [], covers: [...found.covers, "vmx-exit-reason"] };
  const loop = stuck(text);
  if (loop !== undefined && /^An? (?:EPT violation|guest touched)/.test(found.says))
    return { ...found, ...loop, covers: [...found.covers, "generic-ept-exit"] };
  const stats = exitStats(text);
  const { claim, ...rest } = found;
  if (stats !== undefined && claim === "a guest as asked for") return { ...rest, ...stats };
  if (stats === undefined || found.says.includes(stats.says)) return found;
  // What an exit of a program with a mistake is about is not what a share of the exits of KVM is.
  return inProse(text).length > 0 && found.says.startsWith("An EPT violation (exit reason 48) is")
    ? { ...found, says: `${stats.says} None of these is an error of the EPT: KVM handles them.`, steps: stats.steps }
    : {
        ...(claim === "nothing off" ? rest : found),
        // Where all is on and nothing is to be done, the exits are the question.
        says: claim === "nothing off" ? `${stats.says} ${found.says}` : `${found.says} ${stats.says}`,
        steps: [...found.steps, ...stats.steps.filter((step) => step === SEE_PORTS)],
      };
}
