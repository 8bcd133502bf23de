import { type Cause, type Decoded, type NamedValue, sinceText } from "../../answers/answer.js";
import { bitsOf64, bitText, type ExplainedBit, explainBit, explainWordBit } from "../../answers/bits.js";
import { listText } from "../../bits/list-text.js";
import { parseHexU64, type U64 } from "../../bits/u64.js";
import { bitsOf } from "../../bits/word.js";
import { describeMsr } from "../../input/text/msr-names.js";
import { COMPATIBILITY_WORDS } from "../../kvm/guest/compatibility.js";
import { type LayoutRow, VMCS_CONFIG_LAYOUTS, vmcsConfigField } from "../../kvm/guest/layout.js";
import { EVMCS_KEEPS, PAIR_REFUSES, PAIRS_REFUSE, SETUP_VMCS_CONFIG_RULES } from "../../kvm/load/setup-vmcs-config.js";
import { printersOf } from "../../kvm/printers.js";
import { replay } from "../../kvm/replay.js";
import { registerOf } from "../../registers/registers.js";
import { formatHeld, mainlineRange, rowIn } from "../../rules/held.js";
import { formatKernels, kernelName, NEWEST_RELEASE } from "../../rules/release.js";
import { bitIndex, WORD_NAMES, type WordName } from "../../rules/words.js";
import { type ExplainContext, replayOptions } from "../context.js";
import type { Match } from "../match.js";

const VMX = "arch/x86/kvm/vmx/vmx.c";

// ---- VMCS config on CPU n doesn't match reference config ----

export function decodeVmcsConfig(matches: readonly [Match, ...Match[]], context: ExplainContext): Decoded {
  const release = context.release ?? NEWEST_RELEASE;
  const bits: ExplainedBit[] = [];
  const values: NamedValue[] = [];
  const causes: Cause[] = [];
  const cpus = new Set<string>();
  for (const { groups } of matches) {
    const cpu = groups.cpu ?? groups.cpu2;
    if (cpu !== undefined) cpus.add(cpu);
    if (groups.offset === undefined) continue;
    const offset = Number(groups.offset);
    const reference = Number.parseInt(groups.ref ?? "", 16);
    const mine = Number.parseInt(groups.mine ?? "", 16);
    const row = vmcsConfigField(release, offset);
    const name = row?.field ?? `offset ${offset}, where this layout has no field`;
    values.push({ name, value: `first CPU ${groups.ref}, CPU ${cpu} ${groups.mine}` });
    if (row?.word === undefined) continue;
    for (const bit of bitsOf((reference ^ mine) >>> 0)) bits.push(differing(row, row.word, bit, reference, cpu ?? "?"));
  }
  const named = listText(bits.map((bit) => `${bitText(bit)} of ${bit.register}`));
  if (context.host !== undefined) causes.push(...hostDifferences(context));
  const isNew = matches.some(({ row }) => row.group === "vmcs-config");
  const printing = printersOf(matches[0]?.line ?? "").flatMap(({ releases }) => releases);
  const cpuText = listText([...cpus].map((cpu) => `CPU ${cpu}`));
  return {
    ...(bits.length === 0
      ? {}
      : {
          what: `On ${cpuText} KVM computed other VMX controls than on the first CPU, so the module does not load. The difference is ${named}.`,
        }),
    bits,
    values,
    causes,
    rule: {
      fn: "vmx_check_processor_compat",
      file: VMX,
      says: "Every further CPU computes struct vmcs_config for itself; all have to be equal byte by byte.",
      since: isNew ? sinceText(COMPATIBILITY_WORDS.held) : `${formatKernels(printing)}, which names no bit`,
    },
    depends:
      isNew && context.release === undefined && values.length > 0
        ? [
            `the layout of struct vmcs_config: that of Linux ${formatHeld(rowIn(VMCS_CONFIG_LAYOUTS, release).held)} was used`,
          ]
        : [],
  };
}

function differing(row: LayoutRow, word: WordName, bit: number, reference: number, cpu: string): ExplainedBit {
  const inReference = (reference >>> bit) & 1;
  const has = inReference ? "the first CPU" : `CPU ${cpu}`;
  const lacks = inReference ? `CPU ${cpu}` : "the first CPU";
  return { ...explainWordBit(word, bit, "differs"), register: row.field, reason: `${has} has it, ${lacks} does not` };
}

/** The further CPUs of the host that was given, by a replay. */
function hostDifferences(context: ExplainContext): Cause[] {
  const { host } = context;
  if (host === undefined) return [];
  const { compatibility, release } = replay(host, replayOptions(context));
  return compatibility
    .filter((check) => check.differences.length > 0)
    .map((check): Cause => {
      const parts = check.differences.slice(0, 6).map(({ word, reference, here }) => {
        const differs = bitsOf((reference.value ^ here.value) & ~(reference.unknown | here.unknown));
        return differs.length === 0
          ? `${word} may differ`
          : `${listText(differs.map((bit) => bitText(explainWordBit(word, bit, "differs"))))} in ${word}`;
      });
      const who = check.core.coreTypes.join("/") || check.core.logicalCpus || "a further CPU";
      return {
        text: `On the machine that was given, ${who} differs from the first CPU under ${kernelName(release)}: ${parts.join("; ")}.`,
        certainty: check.agrees === "no" ? "certain" : "possible",
      };
    });
}

// ---- Inconsistent VM-Entry/VM-Exit pair ----

interface Pair {
  readonly entry: number;
  readonly exit: number;
}

let pairs: readonly Pair[] | undefined;

/** The pairs, read off the rules that print the message. */
function entryExitPairs(): readonly Pair[] {
  if (pairs !== undefined) return pairs;
  const found: Pair[] = [];
  for (const rule of SETUP_VMCS_CONFIG_RULES) {
    const when = rule.when;
    if (when === undefined || !("xor" in when)) continue;
    const [a, b] = when.xor;
    if (!("bit" in a) || !("bit" in b) || a.bit[0] !== "vmentry_ctrl" || b.bit[0] !== "vmexit_ctrl") continue;
    const entry = bitIndex("vmentry_ctrl", a.bit[1]);
    const exit = bitIndex("vmexit_ctrl", b.bit[1]);
    if (!found.some((pair) => pair.entry === entry && pair.exit === exit)) found.push({ entry, exit });
  }
  pairs = found;
  return found;
}

export function decodeEntryExitPair([match]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const hex = (name: string) =>
    match.groups[name] === undefined ? undefined : Number.parseInt(match.groups[name], 16) >>> 0;
  const entry = hex("entry") ?? 0;
  const exit = hex("exit") ?? 0;
  const wanted = hex("wantedEntry") !== undefined;
  const bitOf = (value: number | undefined) =>
    value === undefined || value === 0 ? undefined : 31 - Math.clz32(value);
  let entryBit = bitOf(hex("wantedEntry") ?? entry);
  let exitBit = bitOf(hex("wantedExit") ?? exit);
  if (entryBit === undefined) entryBit = entryExitPairs().find((pair) => pair.exit === exitBit)?.entry;
  if (exitBit === undefined) exitBit = entryExitPairs().find((pair) => pair.entry === entryBit)?.exit;
  const bits: ExplainedBit[] = [];
  if (entryBit !== undefined)
    bits.push(explainBit(0x484, entryBit, entry === 0 ? "refused" : "asked", entry === 0 ? "cannot be 1" : "can be 1"));
  if (exitBit !== undefined)
    bits.push(explainBit(0x483, exitBit, exit === 0 ? "refused" : "asked", exit === 0 ? "cannot be 1" : "can be 1"));
  const missing = bits.find((bit) => bit.role === "refused");
  const there = bits.find((bit) => bit.role === "asked");
  const side = (bit: ExplainedBit | undefined) => (bit?.msr === 0x484 ? "VM-entry control" : "VM-exit control");
  return {
    ...(missing === undefined || there === undefined
      ? {}
      : {
          what: `The ${side(there)} ${bitText(there)} can be 1 and the ${side(missing)} that belongs to it, ${bitText(missing)}, cannot. KVM uses them together or not at all.`,
        }),
    bits,
    rule: {
      fn: "setup_vmcs_config",
      file: VMX,
      says: "Entry and exit controls that load and save the same register have to come in pairs.",
      since: sinceText(wanted ? PAIRS_REFUSE : PAIR_REFUSES),
    },
    causes: [
      { text: "Processors have both or neither: an outer hypervisor hides one of the two bits.", certainty: "likely" },
      ...(exitBit === 12 || entryBit === 13
        ? [
            {
              text: "On Nehalem and Westmere an erratum concerns this very pair; microcode or a hypervisor may hide one side.",
              certainty: "possible" as const,
            },
          ]
        : []),
    ],
    depends: [
      `since ${mainlineRange(PAIR_REFUSES).since} the module does not load, with error_on_inconsistent_vmcs_config=0 it drops both and loads; only the first such pair is printed`,
    ],
  };
}

// ---- Words with eVMCS ----

export function decodeEvmcsWord([match]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const value = parseHexU64(match.groups.value ?? "");
  const field = match.groups.field ?? "";
  const word = WORD_NAMES.find((name) => name === field || name === `${field}.lo`);
  if (value === undefined || word === undefined) return {};
  const bits = bitsOf(value.lo).map((bit) => explainWordBit(word, bit, "refused"));
  return {
    bits,
    what: `KVM runs on Hyper-V with the enlightened VMCS, which has no field for ${listText(bits.map(bitText))}; KVM does without.`,
    rule: {
      fn: "evmcs_sanitize_exec_ctrls",
      file: "arch/x86/kvm/vmx/vmx_onhyperv.c",
      since: sinceText(EVMCS_KEEPS),
    },
  };
}

// ---- ACRN, Xen, bhyve: controls asked for and got ----

const CONTROL_NAMES: readonly (readonly [pattern: RegExp, index: number])[] = [
  [/pin/i, 0x481],
  [/secondary|second/i, 0x48b],
  [/tertiary/i, 0x492],
  [/primary|cpu-based|proc/i, 0x482],
  [/exit/i, 0x483],
  [/entry/i, 0x484],
  [/ept and vpid/i, 0x48c],
  [/vmfunc/i, 0x491],
  [/basic|revision/i, 0x480],
];

export function decodeControlRequest([match]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const { groups, row } = match;
  let index = groups.msr === undefined ? undefined : Number.parseInt(groups.msr, 16);
  const depends: string[] = [];
  if (groups.cap !== undefined) {
    const of = [0x481, 0x482, 0x48b, 0x484, 0x483][Number(groups.cap)];
    if (of === undefined) return {};
    const bit = explainBit(of, Number(groups.bit), "asked");
    return {
      bits: [bit],
      values: [{ name: "register", value: describeMsr(of) }],
      what: `Hypervisor.framework lets ${bitText(bit)} of ${describeMsr(of)} be 0 or 1 (${groups.state}), and ${row.product === "bhyve" ? "xhyve or hyperkit" : row.product} does not say which it wants, so it gives up: the control is newer than the program.`,
      onlyCauses: true,
    };
  }
  if (index === undefined && groups.word !== undefined) {
    const word = groups.word;
    index = CONTROL_NAMES.find(([pattern]) => pattern.test(word))?.[1];
  }
  if (index !== undefined && row.id === "acrn-vmx-ctrl" && registerOf(index)?.layout !== "controls") {
    depends.push(
      `the register: ${describeMsr(index)} holds no controls, so the number is mistyped; the bits are named as secondary controls (0x48b)`,
    );
    index = 0x48b;
  }
  const requested = hexOf(groups.request);
  const got = hexOf(groups.got);
  if (index === undefined) return {};
  if (requested === undefined || got === undefined) {
    return { values: [{ name: "register", value: describeMsr(index) }] };
  }
  const differs = row.id === "xen-cap-differs";
  // A line that was cut: what is there cannot be what was refused.
  if (row.gravity === "blocks" && bitsOf64(minus(requested, got)).length === 0)
    return { values: [{ name: "register", value: describeMsr(index) }] };
  const missing = bitsOf64(minus(requested, got)).map((bit) => explainBit(index, bit, differs ? "differs" : "refused"));
  const added = bitsOf64(minus(got, requested)).map((bit) => explainBit(index, bit, differs ? "differs" : "added"));
  const shown = differs ? [...missing, ...added] : [...missing, ...(row.id === "acrn-vmx-ctrl" ? added : [])];
  const names = listText(missing.map(bitText));
  const verb = row.gravity === "blocks" ? "requires" : "asked for";
  return {
    what: differs
      ? `${listText(shown.map(bitText))} differ between this CPU and the boot CPU in ${describeMsr(index)}.`
      : `${row.product} ${verb} ${names === "" ? "nothing that is missing" : names}, and ${describeMsr(index)} does not allow ${missing.length === 1 ? "it" : "them"} to be 1.${
          added.length > 0 && row.id === "acrn-vmx-ctrl"
            ? ` It adds ${added.length} control${added.length === 1 ? "" : "s"} that must be 1, which is normal.`
            : ""
        }`,
    bits: shown,
    values: [
      { name: "register", value: describeMsr(index) },
      { name: differs ? "boot CPU" : "requested", value: groups.request ?? "" },
      { name: differs ? "this CPU" : "got", value: groups.got ?? "" },
    ],
    causes: differs
      ? []
      : [
          {
            text: "Inside a virtual machine the outer hypervisor does not offer them: KVM offers guests no tertiary controls, PAUSE-loop exiting, EPT-violation #VE or Intel PT, for example.",
            certainty: "likely",
          },
          { text: "The CPU is older than the feature.", certainty: "possible" },
        ],
    depends,
    steps:
      row.gravity === "degrades"
        ? [{ text: `If ${row.product} continues, nothing has to be done: the features are optional.` }]
        : [],
  };
}

function hexOf(text: string | undefined): U64 | undefined {
  return text === undefined ? undefined : parseHexU64(text);
}

function minus(a: U64, b: U64): U64 {
  return { hi: (a.hi & ~b.hi) >>> 0, lo: (a.lo & ~b.lo) >>> 0 };
}
