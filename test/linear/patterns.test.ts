import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readHost } from "../../src/input/read.js";
import { explain } from "../../src/messages/explain.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { patternGrowth } from "../../tools/pattern-growth.js";
import { patternLiterals } from "../../tools/pattern-literals.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";

const ROOT = resolve(import.meta.dirname, "../..");
const { literals, built } = patternLiterals(ROOT, "src");

/** Linear patterns that the check reports as superlinear, each with the reason. */
const EXCUSED: { readonly [pattern: string]: string } = {
  "/^(\\w{3,8}) (?=\\1\\b)/i": "anchored, and the group that is referred back to has at most eight letters",
  "/\\b0\\/(?<nodes>\\d{1,4}) nodes are available:(?=[^\\n]{0,600}\\bdevices\\.kubevirt\\.io\\/kvm\\b)[^\\n]{0,600}?\\b\\k<nodes> Insufficient (?<what>(?!devices\\.kubevirt\\.io)[\\w./-]{2,80}\\w)/i":
    "behind words of one program, six hundred letters at most, and the group that is referred back to has at most four",
  "/[\\p{Cc}\\p{Cf}]/gu": "one class of characters, by properties of Unicode",
};

/** Files that put patterns together, how many, and of what. A pattern of a foreign text would have no bound. */
const BUILT: { readonly [file: string]: readonly [count: number, of: string] } = {
  "src/situation/evidence/messages.ts": [
    2,
    "printed texts of our tables, letters for letters, numbers for what varies",
  ],
  "src/fleet/labels.ts": [1, "a pattern of paths, letters for letters; each name in braces is one bounded class"],
  "src/input/formats/aida64.ts": [1, "a pattern of the file, with blank lines around it"],
  "src/input/formats/cpu-report.ts": [1, "the words of the file between bounded repetitions"],
  "src/input/formats/dumps/nothing.ts": [1, "the lines of the file; bounded repetitions"],
  "src/input/formats/kernel-log.ts": [1, "a list of words in the file"],
  "src/input/formats/linux/lscpu.ts": [2, "the titles of the file, letters for letters; bounded repetitions"],
  "src/input/hosts/mark-filter.ts": [2, "the marks and words of the readers, each of which is a pattern here"],
  "src/input/text/clean-line.ts": [1, "bounded repetitions and the escape character"],
  "src/kvm/printers.ts": [1, "printed texts of our tables, letters for letters"],
  "src/messages/hints.ts": [2, "patterns of the rows with another flag; their hints, letters for letters"],
  "src/input/text/text-lines.ts": [1, "bounded repetitions and the escape character"],
  "src/messages/rows/desktop/windows-check.ts": [2, "the words of the file between bounded repetitions"],
  "src/input/prose/in-guest-words.ts": [1, "the words of the file between bounded repetitions"],
  "src/input/prose/said-on.ts": [2, "the words of the file between bounded repetitions"],
  "src/input/prose/windows-words.ts": [1, "the words of the file between bounded repetitions"],
  "src/report/ansi.ts": [2, "classes of characters"],
  "src/report/visible.ts": [2, "classes of characters"],
  "src/situation/kernel-name.ts": [1, "a series, digits and a dot, letters for letters; bounded repetitions"],
  "src/vmcs/dumps/guest-view.ts": [7, "names of registers in the file"],
  "src/vmcs/dumps/lists/scan.ts": [1, "one class of characters"],
};

const name = ({ source, flags }: { source: string; flags: string }) => `/${source}/${flags}`;

function superlinear(patterns: Iterable<{ source: string; flags: string; at?: string }>): string[] {
  return [...patterns].flatMap((pattern) => {
    const { growth, text } = patternGrowth(pattern.source, pattern.flags);
    return growth === "linear" || name(pattern) in EXCUSED
      ? []
      : [`${pattern.at} ${name(pattern)}: ${growth}, ${text}`];
  });
}

describe("the check of a pattern", () => {
  it.each([
    ["[ \\t]+$", "", "polynomial"],
    ["^[ \\t]+$", "", "linear"],
    ["[ \\t]+$", "y", "linear"],
    ["\\s*foo", "", "polynomial"],
    ["foo\\s*", "", "linear"],
    ["^a*a*b", "", "polynomial"],
    ["^a{0,40}a{0,40}b", "", "linear"],
    ["^\\s*(?:a )?\\s*b", "", "polynomial"],
    ["^(?:ab)*(?:ab)*c", "", "polynomial"],
    ["^(?:ab)*(?:ba)*c", "", "linear"],
    ["^(?:ab)*a?(?:ba)*c", "", "polynomial"],
    ["\\bflags\\s*:.*\\bhypervisor\\b", "i", "polynomial"],
    ["^flags\\s*:.*\\bsvm\\b", "im", "linear"],
    ["^[^\\n]*\\S", "gm", "polynomial"],
    ["^[ \\t]*foo", "m", "linear"],
    ["^\\s*foo", "m", "polynomial"],
    ["\\w+\\s*=", "", "polynomial"],
    ["\\b\\w+=", "", "linear"],
    ["(?=\\s*$)a", "", "polynomial"],
    ["a(?=\\s*$)", "", "linear"],
    ["(?!a*b)c", "", "polynomial"],
    ["[A-Z]*[a-z]*!", "i", "polynomial"],
    ["^[A-Z]*[a-z]*!", "", "linear"],
    ["(?:a+)+b", "", "exponential"],
    ["^(?:a|a)*b", "", "exponential"],
    ["^(?:a*b?)*c", "", "exponential"],
    ["^(?:a{2,5})+b", "", "exponential"],
    ["^(?:\\w|\\d)+!", "", "exponential"],
    ['^(?:"[^"\\\\]*(?:\\\\.[^"\\\\]*)*")*$', "", "linear"],
    ["(a)\\1*b", "", "undecided"],
    ["(?<=a*)b", "", "undecided"],
  ])("finds /%s/%s %s", (source, flags, growth) => {
    expect(patternGrowth(source, flags).growth).toBe(growth);
  });
});

describe("the regular expressions of the source", () => {
  it("take linear time on any text", () => {
    expect(literals.length).toBeGreaterThan(500);
    expect(superlinear(literals)).toEqual([]);
    // An excuse for a pattern that is gone would excuse another one.
    expect(Object.keys(EXCUSED).filter((excused) => !literals.some((literal) => name(literal) === excused))).toEqual(
      [],
    );
  });

  it("are put together in known places only", () => {
    const counts: { [file: string]: number } = {};
    for (const { at } of built) {
      const file = at.slice(0, at.indexOf(":"));
      counts[file] = (counts[file] ?? 0) + 1;
    }
    expect(counts).toEqual(Object.fromEntries(Object.entries(BUILT).map(([file, [count]]) => [file, count])));
  });

  it("take linear time where they are put together", () => {
    const used = new Set<RegExp>();
    const { exec } = RegExp.prototype;
    RegExp.prototype.exec = function (text) {
      used.add(this);
      return exec.call(this, text);
    };
    try {
      for (const text of [...Object.values(SHORT_TEXTS), GUEST_VIEWS]) {
        readHost(text);
        explain(text);
        readVmcs(text);
      }
    } finally {
      RegExp.prototype.exec = exec;
    }
    const known = new Set(literals.map(name));
    const ours = [...new Map([...used].map((pattern) => [String(pattern), pattern])).values()].filter(
      (pattern) => !known.has(String(pattern)),
    );
    expect(ours.length).toBeGreaterThan(50);
    expect(superlinear(ours)).toEqual([]);
  });
});

/** What makes `src/vmcs/dumps/guest-view.ts` put its patterns together. */
const GUEST_VIEWS = `KVM: entry failed, hardware error 0x80000021
EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663
ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
ES =0000 00000000 0000ffff 00009300
GDT=     00000000 0000ffff
CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000

00:00:12.345678 Guest CPUM (VCPU 0) state:
rax=0000000000000000 rbx=0000000000000000 rcx=0000000000000000 rdx=0000000000000000
cs={f000 base=00000000ffff0000 limit=0000ffff flags=0000009b}
cr0=0000000060000010 cr2=0000000000000000 cr3=0000000000000000 cr4=0000000000000000
gdtr=0000000000000000:ffff idtr=0000000000000000:ffff eflags=00000002
`;
