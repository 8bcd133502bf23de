import fc from "fast-check";
import { expect, it } from "vitest";
import { READERS } from "../../src/input/formats/registry.js";
import { readLines } from "../../src/input/hosts/read-lines.js";
import { diagnosticLog } from "../../src/input/text/diagnostic.js";
import { tries } from "../deep.js";
import { AIDA64_OLD, aida64New } from "./excerpts.js";

/*
 * Lines of a dump are read many at a time where they are in the text, and lines that nobody reads are passed over when
 * they come again. A text that comes character by character has none of that, and must say the same.
 */

const DUMP = [...AIDA64_OLD.split("\n"), ...aida64New().split("\n")];
const BETWEEN = [
  "",
  "  ",
  "L2 Unified Cache:   256 KB,  4-way Associative, 64-byte Line",
  "allcpu: Package 0 / Core 0 / Thread 1: Valid, Virtual",
  "CPU #000: APICID 00000000 / Package 0 / Core 0 / Thread 0",
  "MSR 00000019: < FAILED >",
  "MSR 00000480: < FAILED > ",
  "MSR 00000481: 0000-003F-0000",
  "MSR 00000481: 0000-007F-0000-0016 [S200]",
  "CPUID 00000007: 00000000-00000000-00000000-000",
  "CPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBFF `x`",
  "------[ Logical CPU #0 ]------",
  "------[ Logical CPU #1 ]------",
  "------[ MSR Registers / Logical CPU #0 ]------",
  "------[ Versions ]------",
  "IA32_VMX_BASIC =",
  "0x00da040000000004",
  "IA32_VMX_MISC: 0x403c0",
  "0x3a 0x5",
  "foo (0x485): 0x403c0",
  "$ sudo rdmsr -a 0x48b",
  "7ffff00000000",
  "flags : fpu vmx",
  "[    1.000000] kvm: disabled by bios",
  '{"return": [',
  "]}",
  "<cpu mode='host-passthrough'",
  "<feature policy='require' name='vmx'/>",
  "vendor_id : GenuineIntel",
  "    HLT exiting   yes",
  "words that say nothing",
  "L0+L1    Data Cache: 48+192 KB, 12-way Associative, 64-byte Line",
  "CPU   1: APICID    1 / Package 0 / Core   0 / Thread 1: Valid, Virtual",
  "C 1C / P1 00 / P2 00: 00000000  [CPU0]",
  "  0010  00 20 F0 02 00 00 00 00 00 20 F0 02 00 00 00 00 ",
  "CPU Clock Max = 2937.00 MHz / TSC Clock = 2937.00 MHz / CPU Mul = 11.00x",
  "PM Timer Address   = 1032  (0408h)",
  "Max. NUMA Node    : 0",
  "CPU Max Power Limit        : Unlimited Power / Unlimited Time",
  "CPU Alias         : Ivy Bridge",
  "CPU Type          : QuadCore Intel Core i7-3770K, 4500 MHz (45 x 100)",
  "DMI SYS Product     : To Be Filled By O.E.M.",
  "DMI SYS Product     : 0x480: 0xda040000000004",
  "DMI SYS Product     : kvm: disabled by bios, vmx flags : vnmi",
];

/** What the readers of lines make of a text that comes in pieces of so many characters. `marking`: somebody wants to know which lines. */
function read(text: string, size: number, marking = true) {
  const lines: string[] = [];
  const log = diagnosticLog(undefined);
  const sink = readLines(
    READERS.filter((reader) => reader.kind !== "document"),
    {
      head: text.slice(0, 65_536),
      ...(marking ? { onLine: (number: number, format: string) => lines.push(`${number} ${format}`) } : {}),
    },
    log,
  );
  for (let at = 0; at < text.length; at += size) sink.push(text.slice(at, at + size));
  const { evidence, ...found } = sink.end();
  return { ...found, evidence: evidence(), said: log.list(), lines };
}

it("says the same of a dump whole and in pieces, whatever is between its lines", () => {
  const part = fc.oneof(
    { arbitrary: fc.nat(DUMP.length - 8).map((at) => DUMP.slice(at, at + 8).join("\n")), weight: 3 },
    { arbitrary: fc.constantFrom(...BETWEEN), weight: 2 },
  );
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 2, maxLength: 16 }),
      fc.constantFrom("\n", "\r\n"),
      fc.boolean(),
      (parts, end, ended) => {
        const text = `${parts.join("\n")}${ended ? "\n" : ""}`.replaceAll("\n", end);
        const inPieces = read(text, 7);
        expect(read(text, text.length)).toEqual(inPieces);
        // Lines that say nothing are passed over only where nobody wants to know which.
        expect(read(text, text.length, false)).toEqual({ ...inPieces, lines: [] });
      },
    ),
    { numRuns: tries(300) },
  );
});

it("reads a dump the same after others whose lines it shares, and each where its lines mean something else", () => {
  const other = "------[ Versions ]------\nProgram Version : AIDA64\n\n------[ CPU Info ]------\n0x00da040000000004\n";
  const texts = [
    DUMP.join("\n"),
    `${other}${DUMP.join("\n")}`,
    `IA32_VMX_BASIC =\n0x00da040000000004\n${DUMP.join("\n")}`,
    `${DUMP.join("\n")}\n${other}IA32_VMX_BASIC =\n0x00da040000000004\n`,
    `${other}IA32_VMX_MISC: 0x403c0\n${DUMP.join("\n")}`,
  ];
  const alone = texts.map((text) => read(text, text.length));
  // The second time, all lines have been seen in the other texts.
  for (const [at, text] of texts.entries()) expect(read(text, text.length)).toEqual(alone[at]);
  for (const [at, text] of texts.entries()) expect(read(text, 7)).toEqual(alone[at]);
});
