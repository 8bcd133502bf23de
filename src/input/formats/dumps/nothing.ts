/*
 * Lines of a dump in which no reader finds anything: blank ones, and those whose form has no room for more than numbers and a few words.
 */

const LINES = [
  // L1  Instr. Cache:    32 KB,  8-way Associative, 64-byte Line
  String.raw`L[0-4](?:\+L[0-4])? {1,6}(?:Instr\.|Data|Unified|Trace) Cache: [\w ,+-]{1,80}`,
  // CPU   1: APICID    1 / Package 0 / Core   0 / Thread 1: Valid, Virtual
  String.raw`CPU {1,3}\d{1,4}: APICID {1,5}\d{1,5} / Package {1,3}\d{1,3} / Core {1,4}\d{1,4} / Thread {1,3}\d{1,3}: Valid(?:, Virtual)?(?:, Intel (?:Atom|Core))?`,
  // C 1C / P1 00 / P2 00: 00000000  [CPU0]
  String.raw`C [0-9A-F]{2} / P1 [0-9A-F]{2} / P2 [0-9A-F]{2}: (?:[0-9A-F]{8}|< FAILED >)(?: {1,2}\[CPU\d{1,4}\])?`,
  //   0000  D1 02 60 00 00 00 00 00 E3 02 60 00 00 00 00 00
  " {2}[0-9A-F]{4} (?: [0-9A-F]{2}){16} ?",
  // CPU Clock Max = 2937.00 MHz / TSC Clock = 2937.00 MHz / CPU Mul = 11.00x
  String.raw`(?:APIC Clock|CPU Clock(?: Max)?|INTPERFCTR\d) = [\w ./=()]{1,100}`,
  String.raw`(?:PerformanceFrequency|PM Timer Address|CPU Clock M\.Method) {1,3}= \d{1,20}(?: {1,2}\([\w ]{1,20}\))?`,
  // CPU Max Power Limit        : Unlimited Power / Unlimited Time
  String.raw`(?:(?:Program|LLKD|BenchDLL) Version|GetProductInfo|CPUID Revision|(?:HTT|SMT) / CMP Units|Max\. NUMA Node|CPU Stepping) {0,20}: [\w ./-]{1,60}`,
  String.raw`(?:Tjmax Temperature|HTC Temperature Limit|(?:CPU|DRAM) TD[PC]|CPU Max Power Limit|CPU Power Limit \d(?: \(\w{1,10}\))?) {0,20}: [\w ./()]{1,60}`,
];
const NOTHING = new RegExp(`(?:(?:${LINES.join("|")})?\r?\n){1,500}`, "y");

/** Lines with names that a manufacturer chose: one could have what a reader looks for. */
const NAMES =
  /(?:CPU Type|CPU Platform|Platform ID|Windows Version|Max Turbo Boost Multipliers|Motherboard (?:ID|Chipset)|DMI (?:MB|SYS|BIOS) \w{1,20}) {0,20}:(?![^\n]{0,200}(?:0x|MSR|VMX))[ -%'-)+-;=-_a-z|}~]{0,200}\r?\n/y;

/**
 * Where the line behind such lines begins; `start` if another is there.
 *
 * @param mayHaveMark whether a line may be one for another reader
 */
export function endOfNothing(text: string, start: number, mayHaveMark: (line: string) => boolean): number {
  let end = start;
  for (;;) {
    NOTHING.lastIndex = end;
    if (NOTHING.test(text)) end = NOTHING.lastIndex;
    NAMES.lastIndex = end;
    if (!NAMES.test(text) || mayHaveMark(text.slice(end, NAMES.lastIndex - 1))) return end;
    end = NAMES.lastIndex;
  }
}
