import { readWanted } from "../../src/compare/controls/control-names.js";
import { COLLECT_HEADER } from "../../src/input/formats/collect.js";
import { readHost } from "../../src/input/read.js";
import { cleanLine } from "../../src/input/text/clean-line.js";
import { explain } from "../../src/messages/explain.js";
import { findRegister } from "../../src/registers/lookup.js";
import { auditVmcs } from "../../src/vmcs/audit.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { findField } from "../../src/vmcs/fields/field-names.js";
import { findFeature } from "../../src/why/find-feature.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";
import { ALPHABET, BEGINNINGS, BLANKS, LETTER, LINES, REPEATED, REPEATED_TOO } from "./alphabet.js";
import type { Shape, Subject } from "./watch.js";

/*
 * Everything that works through a text of somebody else, and the texts for it: a part of them for
 * `npm run check:linear -- --quick`, everything with everything for `npm run check:linear`.
 */

const ENDINGS = [LETTER, "", "\n", "!x\n", "=", '"'];

/** The endings in turn, so that few texts have them all. */
function endings(): () => string {
  let turn = 0;
  return () => ENDINGS[turn++ % ENDINGS.length] as string;
}

/** Each unit alone: on one line, and on a line each. */
function* alone(units: readonly string[]): Generator<Shape> {
  const next = endings();
  for (const unit of units) {
    yield { prefix: "", unit, suffix: LETTER };
    yield unit.includes("\n") ? { prefix: "", unit, suffix: "" } : { prefix: "", unit: `${unit}\n`, suffix: next() };
  }
}

function* onOneLine(units: readonly string[]): Generator<Shape> {
  for (const unit of units) yield { prefix: "", unit, suffix: LETTER };
}

/** Each unit behind each beginning. */
function* behind(beginnings: readonly string[], units: readonly string[]): Generator<Shape> {
  for (const prefix of beginnings) {
    for (const unit of units) if (unit !== prefix) yield { prefix, unit, suffix: LETTER };
  }
}

/** Lines of nearly 400 characters, the longest that a list of VMCS fields has. */
function* longLines(beginnings: readonly string[], units: readonly string[]): Generator<Shape> {
  for (const prefix of beginnings) {
    for (const unit of units) yield { prefix: "", unit: `${prefix}${unit.repeat(370 / unit.length)}!\n`, suffix: "" };
  }
}

/** The alphabet, and whole lines, of which several on one line are for the deep sweep. */
function* units(deep: boolean): Generator<Shape> {
  yield* alone(deep ? [...ALPHABET, ...LINES] : ALPHABET);
  if (!deep) for (const line of LINES) yield { prefix: "", unit: `${line}\n`, suffix: "" };
}

/** What begins something, and something repeated behind it. */
function* pairs(deep: boolean): Generator<Shape> {
  yield* behind(ALPHABET, deep ? ALPHABET : REPEATED);
  if (deep) yield* behind(BEGINNINGS, REPEATED_TOO);
}

function* lists(deep: boolean): Generator<Shape> {
  yield* units(deep);
  yield* pairs(deep);
  yield* longLines(
    deep ? ALPHABET : ["", "0x48b", "0x6802 ", "GUEST_CR0", "haxm_", "(", '"a'],
    deep ? ALPHABET : REPEATED,
  );
}

/** A unit with a number in its place each time: what is remembered, named or searched for is another one. */
function* numbered(units: readonly string[]): Generator<Shape> {
  for (const unit of units) yield { prefix: "", unit, suffix: "", counted: true };
}

const COUNTED = [
  ..."# ;#,;-#;a#: ;a#=0 ;a#\n;0x#: 0\n;0x48b#;cpu# ;cpu# 0x480 = 0x1\n;processor\t: #\n;vmx-a# ;+vmx-a#,;flags: a#\n".split(
    ";",
  ),
  ...'"a#":0,;{"a#":;<a# ;<a#>\n;kvm: a#\n;kvm_intel.a#=1 ;options kvm_intel a#=1\n;[    #.000000] ;GUEST_CR#=0\n'.split(
    ";",
  ),
  ..."0x48b: 0x#\n;cpu0 0x480 = 0x#\n;MSR 00000480: 0000-0000-0000-#\n;VM_EXIT_#\n;exit reason #\n;model name\t: #\n".split(
    ";",
  ),
];

/** Texts that were dear once, or that some reader has to look at twice; long, because some things begin to count there. */
const KNOWN: readonly Shape[] = [
  ...[
    "[12345.678901] usb 1-1: new high-speed device number 12 using xhci_hcd\n",
    "00000480: 7f45 4c46 0201 0100 0000 0000 0000 0000  .ELF............\n",
    ..."da040000000012da\n;0x480: ;[[[[[[[[{{{{{{{{;$ rdmsr -a 0x48b | uniq | sort -u\n;MSR 00000480: 0000-\n".split(
      ";",
    ),
    ...'{"format":"vmxlens-snapshot/1","a;------[ MSR Registers / Logical CPU #1 ]------\n; ;0x480: zz\r'.split(";"),
    "cpu1 0x480 = 0x1\ncpu1 0x480 = 0x2\n",
    ...["<cpu ", "<msr index='", "vmx flags\t: vnmi\n", "> ", "&lt;", "HM: MSR_IA32_VMX_BASIC =\n"],
    ...['{"a":[', '{"a":"x\n'],
  ].map((unit) => ({ prefix: "", unit, suffix: "" })),
];

/** A short text in every format, over and over. */
const WHOLE: readonly Shape[] = Object.values(SHORT_TEXTS).map((text) => ({
  prefix: "",
  unit: `${text}\n`,
  suffix: "",
}));

const ASKED: readonly Shape[] = [
  { prefix: "", unit: "\r", suffix: LETTER },
  { prefix: "", unit: "failed to set MSR 0x", suffix: "" },
  { prefix: "guest CPU doesn't match specification: missing features: ", unit: "vmx-ept,", suffix: "" },
  { prefix: "", unit: "> ", suffix: "kvm: disabled by bios" },
  { prefix: "", unit: "\\", suffix: "n" },
  ...["[", "*", "&gt;", "kvm: \n", "\n"].map((unit) => ({ prefix: "", unit, suffix: "" })),
  { prefix: "", unit: "VMX: CPU1 has insufficient ", suffix: "" },
  { prefix: "exit reason ", unit: "9", suffix: "" },
  { prefix: "exit reason", unit: " ", suffix: "33" },
  { prefix: "", unit: "flags:", suffix: "" },
  { prefix: "", unit: "MSR(48BH).vmx-x ", suffix: "" },
];

const HEADS = [
  '{"format":"vmxlens-snapshot/1",',
  '{"format":"vmxlens-snapshot/1","cores":[',
  '{"format":"vmxlens-snapshot/1","cores":[{"msrs":{',
  '{"format":"vmxlens-snapshot/1","cores":[{"msrs":{}}],"observed":{"messages":[',
  '{"format":"vmxlens-snapshot/1","cores":[{"msrs":{}}],"params":{"kvm":{',
];
const MEMBERS = [
  ...['"a":0,', '"cores":0,', '"0x480":0,', '"0x480":"0x0",', '"__proto__":0,', '"a",', '"a":[0,0,0],', '{"a":'],
  ...["0,", "{},", "[],", '{"msrs":{"a":0}},', '{"msrs":0},', '{"msrs":{"0x480":"0x0","0x0480":"0x0"}},', "{", "["],
  ...['"0x48b":{"value":"0x0","unknown":"x"},', '"\\u0000",', "\n", " "],
  ...['"a":0,\n', "0,\n", '"0x480":"0x0",\n'],
];

const DUMPS = [
  "*** Guest State ***\nMSR guest autoload:",
  "*** Guest State ***\nCR0: actual=0x0000000080050033, shadow=0x0000000000000000, gh_mask=fffffffffffffff7\n",
  "*** Guest State ***\n*** Host State ***\n*** Control State ***\n",
  '{"fields":{"GUEST_CR0":"0x80050033"},"msrLoad":[',
  '{"fields":{',
  "[",
];
const DUMPED = [
  ...["   0: msr=0x00000600 value=0x0000000000000000\n", '{"index":"0xc0000080","value":"0x500"},', '"GUEST_CR0":0,'],
  ...[
    '{"GUEST_CR0":"0x1"},',
    '"a":0,',
    "CR3 = 0x0000000000000000\n",
    "CS:   sel=0x0008, attr=0x0a09b\n",
    "FailEntry(1,\n",
  ],
  ...["d1v0 VMLAUNCH error: 0x7\n", "VMCS 0, last attempted VM-entry on CPU 0\n", " ", "\n", "0", "="],
];

const LOG = `[    0.000000] Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org) (gcc-12) #1 SMP Debian 6.1.76-1
[    0.000000] BIOS-provided physical RAM map:
[    0.412345] x86/cpu: VMX (outside TXT) disabled by BIOS
[    1.234567] pci 0000:00:14.0: [8086:a12f] type 00 class 0x0c0330
[    2.345678] kvm: disabled by bios
Nov 28 12:00:00 host systemd[1]: Started Journal Service.
`;
const LIST = `0x00006800: 0x0000000080050033
0x6802 GUEST_CR3 = 0x1000
GUEST_CR4 (0x6804): 0x2000
VM_ENTRY_CONTROLS = 0x000011ff
HOST_CR0 -> 0x80050033
`;
const MSRS = Array.from({ length: 300 }, (_, i) => `"0x${(0x480 + i).toString(16)}":"0x0"`).join(",");

const ordinary = (text: string) => text.repeat(Math.ceil(8000 / text.length));

/** Beyond the 64 Ki characters up to which a line or a text is looked at as a whole. */
const LONG = 70_000;

const READ_HOST = { name: "readHost", run: readHost, ordinary: ordinary(LOG) };
/** Without a message: what a replay costs, however long the text is, would hide what each word of a line costs. */
const UNKNOWN = LOG.split("\n")
  .filter((line) => !/kvm|Linux|VMX/.test(line))
  .join("\n");
const EXPLAIN = { name: "explain", run: (text: string) => explain(text), ordinary: ordinary(UNKNOWN) };
const READ_VMCS = { name: "readVmcs", run: (text: string) => readVmcs(text), ordinary: ordinary(LIST) };
const OTHERS = {
  // A text of nothing but blanks is looked at as a host from 64 Ki characters on.
  blanks: { ...READ_HOST, name: "readHost of blanks" },
  audit: {
    name: "audit",
    // What checks cost does not depend on the length of the text; how many dumps it holds does.
    run: (text: string) => {
      for (const { vmcs } of readVmcs(text).dumps.slice(0, 2)) auditVmcs(vmcs, undefined);
    },
    ordinary: `${ordinary(LOG)}\n${LIST}`,
  },
  snapshot: {
    name: "snapshot",
    run: readHost,
    ordinary: `{"format":"vmxlens-snapshot/1","cores":[{"msrs":{${MSRS}}}]}`,
  },
  collect: {
    name: "collect output",
    run: (text: string) => readHost(`${COLLECT_HEADER}\n${text}`),
    ordinary: ordinary(SHORT_TEXTS.collect as string),
  },
  controls: {
    name: "controls",
    run: (text: string) => readWanted([{ text }]),
    ordinary: ordinary("ENABLE_EPT, vmx-vpid? -HLT_EXITING\n"),
  },
  line: { name: "cleanLine", run: cleanLine, ordinary: ordinary("[    0.412345] x86/cpu: ") },
  names: {
    name: "names",
    run: (text: string) => [findFeature(text), findRegister(text), findField(text)],
    ordinary: ordinary("vmx-exit-load-perf "),
  },
} as const;

/** One shape of `step` where not all are tried, the same ones each time. */
function* some(all: boolean, step: number, shapes: Iterable<Shape>): Generator<Shape> {
  let at = 0;
  for (const shape of shapes) if (at++ % step === 0 || all) yield shape;
}

const MAIL = "Content-Transfer-Encoding: quoted-printable\n\n";

/** Blanks first and always, in a mail as well: it is with them that a pattern most often goes on without end. */
function* blanksAnd(shapes: Iterable<Shape>): Generator<Shape> {
  yield* alone(BLANKS);
  yield* behind([MAIL], BLANKS);
  yield* shapes;
}

/** Everything with everything, or what finds a fault in half a minute. */
export type Extent = "all" | "quick";

export function subjects(extent: Extent): readonly Subject[] {
  const deep = extent === "all";
  const lengths = deep ? [48, 384, 3072, 12_288, 49_152, 98_304] : [384, 6144];
  // Pairs are so many that longer ones would take hours.
  const short = deep ? [48, 384, 3072] : [384, 2304];
  const { blanks, audit, snapshot, collect, controls, line, names } = OTHERS;
  return [
    { ...READ_HOST, lengths, shapes: () => blanksAnd(some(deep, 12, units(deep))) },
    { ...READ_HOST, name: "readHost of numbers", lengths: [384, 12_288], shapes: () => numbered(COUNTED) },
    {
      ...READ_HOST,
      name: "readHost of long texts",
      lengths: [LONG],
      shapes: () => [...KNOWN, ...some(deep, 6, WHOLE)],
    },
    { ...READ_HOST, name: "readHost of pairs", lengths: short, shapes: () => some(deep, 12, pairs(deep)) },
    { ...blanks, lengths: [LONG], shapes: () => BLANKS.map((unit) => ({ prefix: "", unit, suffix: "" })) },
    { ...EXPLAIN, lengths: deep ? lengths : [384, 4096], shapes: () => blanksAnd(some(deep, 12, units(deep))) },
    { ...EXPLAIN, name: "explain of numbers", lengths: [384, 12_288], shapes: () => numbered(COUNTED) },
    {
      ...EXPLAIN,
      name: "explain of long texts",
      lengths: [12_288, LONG],
      shapes: () => ASKED,
    },
    { ...EXPLAIN, name: "explain of pairs", lengths: short, shapes: () => some(deep, 12, pairs(deep)) },
    // Lines of more than 400 characters are not read.
    { ...READ_VMCS, lengths: [48, 360, ...short.slice(-1)], shapes: () => some(deep, 12, lists(deep)) },
    { ...READ_VMCS, name: "readVmcs of numbers", lengths: [384, 12_288], shapes: () => numbered(COUNTED) },
    { ...audit, lengths, shapes: () => behind(DUMPS, deep ? [...DUMPED, ...ALPHABET] : DUMPED) },
    {
      ...snapshot,
      lengths: deep ? [48, 384, 12_288] : [384, 6144],
      shapes: () => behind(HEADS, deep ? [...MEMBERS, ...ALPHABET] : MEMBERS),
    },
    {
      ...collect,
      lengths: short,
      shapes: () => (deep ? units(deep) : blanksAnd(some(deep, 6, alone(ALPHABET)))),
    },
    {
      ...controls,
      lengths: [384, 1024],
      shapes: () => (deep ? pairs(false) : blanksAnd(some(deep, 6, onOneLine(ALPHABET)))),
    },
    { ...controls, name: "controls of numbers", lengths: [3072], shapes: () => numbered(COUNTED) },
    { ...line, lengths: short, shapes: () => alone(ALPHABET) },
    { ...names, lengths: short, shapes: () => (deep ? pairs(false) : alone(ALPHABET)) },
  ];
}

/** What the sweep must find, by what it has to call it: were it blind, it would find nothing anywhere. */
export const PLANTED: readonly (Subject & { readonly expected: "growth" | "price" })[] = [
  {
    name: "a pattern that looks for blanks at the end",
    expected: "growth",
    run: (text) => /[ \t]+$/.test(text),
    ordinary: ordinary("words "),
    // Long enough for a fast machine, too: 3072 blanks cost one of them less than what is worth a look.
    lengths: [48, 384, 6144],
    shapes: () => [{ prefix: "", unit: " ", suffix: LETTER }],
  },
  {
    name: "work that counts for lines up to 400 characters only",
    expected: "growth",
    run: (text) => text.length <= 400 && /^\s*a?\s*b?\s*$/.test(text),
    ordinary: ordinary("words "),
    lengths: [48, 360, 3072],
    shapes: () => [{ prefix: "", unit: "\t", suffix: LETTER }],
  },
  {
    name: "a search for each word",
    expected: "price",
    run: (text) => text.split("-").map((word) => findFeature(`no-${word}`)),
    ordinary: ordinary("words "),
    lengths: [48, 384, 3072],
    shapes: () => [{ prefix: "", unit: "a-", suffix: "" }],
  },
];
