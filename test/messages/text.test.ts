import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineFeed, type TextLine } from "../../src/input/text/text-lines.js";
import { anyText } from "../any-text.js";
import { oneIn, tries } from "../deep.js";
import { explain } from "./explain-all.js";

/** Lines of the corpus whose answer hangs on that line alone. */
const folder = join(import.meta.dirname, "corpus");
const corpus = readdirSync(folder).flatMap(
  (name) =>
    JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      readonly id: string;
      readonly text: string;
      readonly expect: { readonly message: string };
    }[],
);
const single = corpus.filter(({ text }) => !text.includes("\n") && !text.includes("\\") && !text.startsWith("{"));

const ids = (text: string) => explain(text).map(({ message }) => message);

/** What logs, mail programs and terminals do to a line. */
const DISGUISES: readonly (readonly [name: string, (line: string) => string])[] = [
  ["quoted in a mail", (line) => `> ${line}`],
  ["quoted twice", (line) => `>> > ${line}`],
  ["quoted in HTML", (line) => `&gt; ${line.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")}`],
  ["with a time of the kernel", (line) => `[   12.345678] ${line}`],
  ["with a time and a process", (line) => `[Mon Jan  5 10:00:00 2026] ${line}`],
  ["from syslog", (line) => `Jan  5 10:00:00 host-1 kernel: ${line}`],
  ["from the journal", (line) => `2026-01-05T10:00:00.123456+0100 host-1 libvirtd[1234]: ${line}`],
  ["with CRLF", (line) => `${line}\r\n`],
  ["in colour", (line) => `\u001b[1;31m${line}\u001b[0m`],
  ["in a list", (line) => `- ${line}`],
  ["in the middle of a thread", (line) => `Hello,\n\nI get this:\n\n    ${line}\n\nAny ideas?\n-- \nX`],
  ["in a JSON log", (line) => JSON.stringify({ level: "error", msg: line, ts: "2026-01-05T10:00:00Z" })],
  ["in a JSON log in a JSON log", (line) => JSON.stringify({ log: JSON.stringify({ msg: line }) })],
  ["in quotes of Go", (line) => `time="2026-01-05T10:00:00Z" level=error msg=${JSON.stringify(line)}`],
  ["with typographic quotes", (line) => line.replace(/'/g, "\u2019")],
  ["with blanks that do not break", (line) => line.replace(/ /, "\u00a0")],
];

describe("a line in whatever a paste puts around it", () => {
  it("has enough lines to try", () => {
    expect(single.length).toBeGreaterThan(80);
  });

  let turn = 0;
  /** In a short run a sixth of the lines; the next test has others. */
  const some = () => oneIn(6, single, turn++);

  it.each(DISGUISES)("%s", (_name, disguise) => {
    for (const { id, text, expect: wanted } of some()) {
      expect([id, ids(disguise(text))]).toEqual([id, expect.arrayContaining([wanted.message])]);
    }
  });

  it.each([60, 72, 80])("wrapped after a blank before column %i", (width) => {
    for (const { id, text, expect: wanted } of some()) {
      const wrapped = wrap(text, width);
      if (wrapped.split("\n").length > 4) continue;
      expect([id, wrapped, ids(wrapped)]).toEqual([id, wrapped, expect.arrayContaining([wanted.message])]);
    }
  });

  it("is found in its own words where general words reach over the break", () => {
    expect(ids("panicked at 'Cannot create VMM: Cannot open\n/dev/kvm. Error: No such device (os error 19)'")).toEqual([
      "kvm-device",
    ]);
  });

  it("wrapped and quoted, as mail programs do", () => {
    for (const { id, text, expect: wanted } of some()) {
      const wrapped = wrap(text, 72)
        .split("\n")
        .map((line) => `> ${line}`)
        .join("\n");
      if (wrapped.split("\n").length > 4) continue;
      expect([id, ids(wrapped)]).toEqual([id, expect.arrayContaining([wanted.message])]);
    }
  });

  it("keeps the numbers of the lines", () => {
    const text = `first\nsecond\n${"failed to set MSR 0x48d to"}\n0xff00000016\nlast`;
    expect(explain(text)[0]).toMatchObject({ lines: [3, 4], message: "qemu-set-msr" });
    for (const size of [1, 2, 3, 8]) {
      const lines: TextLine[] = [];
      const feed = lineFeed((line) => lines.push(line));
      for (const piece of "a\nb\r\nc\rd".match(new RegExp(`[^]{1,${size}}`, "g")) ?? []) feed.push(piece);
      feed.end();
      expect(lines.map(({ text: line, number }) => [line, number])).toEqual([
        ["a", 1],
        ["b", 2],
        ["c", 3],
        ["d", 4],
      ]);
    }
  });

  it("does not join a line with one that begins a log line of its own", () => {
    const text = "[    1.0] failed to set MSR 0x48d to\n[    2.0] 0xff00000016";
    expect(ids(text)).not.toContain("qemu-set-msr");
  });

  // Joined with the lines behind it, a long trace takes five times as long.
  it.each([
    " qemu-system-x86-1234    [001] ..... 1234.567890: kvm_entry: vcpu 0, rip 0xffffffff81000000",
    "       CPU 0/KVM-2711    [001] d..1.  1234.567890: kvm_exit: reason EPT_VIOLATION rip 0x0",
    "           <...>-2711  ( 2700) [003] d..2.  1234.567890: kvm_nested_vmexit: rip 0x0",
    "       CPU 0/KVM-2711  [001] 1234.567890: kvm_exit: reason HLT rip 0x0",
    "       CPU 0/KVM  2711 [001]  1234.567890: kvm:kvm_exit: reason HLT rip 0x0",
    "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48BH).vmx-ept [bit 1]",
  ])("begins a log line of its own with %j", (text) => {
    const lines: TextLine[] = [];
    const feed = lineFeed((line) => lines.push(line));
    feed.push(`failed to set MSR 0x48d to\n${text}\nand more`);
    feed.end();
    expect(lines.map(({ starts }) => starts)).toEqual([false, true, false]);
  });
});

describe("what is not recognised", () => {
  it("says so, with what can be read", () => {
    const [answer] = explain("my hypervisor: vmx init failed, MSR 0x48c = 0xf0106734141");
    expect(answer).toMatchObject({ lines: [1, 1], causes: [], steps: [] });
    expect(answer?.message).toBeUndefined();
    expect(answer?.what).toContain("not recognised");
    expect(JSON.stringify(answer?.values)).toContain("IA32_VMX_EPT_VPID_CAP");
  });

  it("says so once for each such line, after everything that is known", () => {
    const text = "some vmx trouble\nkvm: disabled by bios\nsome vmx trouble\nother vmx trouble";
    expect(ids(text)).toEqual(["kvm-disabled-by-bios", undefined, undefined]);
  });

  it("has nothing to say of nothing", () => {
    expect(explain("")).toEqual([]);
    expect(explain("  \n\t\n")).toEqual([]);
  });

  it("says that a text holds no message", () => {
    const [answer, ...more] = explain("hello world\nhow are you");
    expect(more).toEqual([]);
    expect(answer?.what).toContain("Nothing in this text");
  });

  it("says that a text describes a machine", () => {
    const cpuinfo =
      "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 60\nstepping\t: 3\nflags\t\t: fpu vme vmx ept\nvmx flags\t: vnmi ept\n";
    expect(explain(cpuinfo)[0]?.what).toContain("describes a machine");
  });

  it("does not speak of commands and of what modules say when all is well", () => {
    const fine = "$ sudo modprobe kvm_intel\nINFO: /dev/kvm exists\nKVM acceleration can be used";
    expect(ids(fine).filter((id) => id !== undefined)).toEqual([]);
  });
});

describe("several messages in one text", () => {
  const text = [
    "warning: host doesn't support requested feature: MSR(48DH).vmx-posted-intr [bit 7]",
    "kvm_intel: L1TF CPU bug present and SMT on, data leak possible.",
    "failed to set MSR 0x48d to 0xff00000016",
    "warning: host doesn't support requested feature: MSR(48DH).vmx-posted-intr [bit 7]",
  ].join("\n");

  it("comes with what blocks first, equal ones once", () => {
    const found = explain(text);
    expect(found.map(({ message, count, gravity }) => [message, count, gravity])).toEqual([
      ["qemu-set-msr", 1, "blocks"],
      ["qemu-requested-feature", 2, "harmless"],
      ["kvm-l1tf", 1, "informs"],
    ]);
  });

  it("answers each as if it stood alone", () => {
    for (const line of text.split("\n").slice(0, 3)) {
      const alone = explain(line)[0];
      const within = explain(text).find(({ message }) => message === alone?.message);
      expect({ ...within, lines: 0, count: 0 }).toEqual({ ...alone, lines: 0, count: 0 });
    }
  });
});

describe("any text", () => {
  it("never throws, and answers with whole sentences", () => {
    const piece = fc.oneof(
      fc.constantFrom(...corpus.map(({ text }) => text)),
      fc.constantFrom(
        "0x",
        "MSR(",
        "failed to set MSR 0x",
        "VMCS config on CPU ",
        " [bit ",
        "\\n",
        '{"msg":"',
        "=\n",
        "> ",
      ),
      anyText(40),
      fc.string({ maxLength: 40 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), fc.constantFrom("", " ", "\n", "\r\n"), (pieces, glue) => {
        for (const { what, steps, lines } of explain(pieces.join(glue))) {
          expect(what).not.toBe("");
          expect(lines[0]).toBeLessThanOrEqual(lines[1]);
          for (const { text } of steps) expect(text).not.toMatch(/undefined|NaN/);
        }
      }),
      { numRuns: tries(100) },
    );
  });

  it("survives a character more, less or changed anywhere", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...corpus.map(({ text }) => text)),
        fc.nat(),
        anyText(2),
        fc.nat({ max: 2 }),
        (text, at, put, take) => {
          const position = at % (text.length + 1);
          explain(text.slice(0, position) + put + text.slice(position + take));
        },
      ),
      { numRuns: tries(200) },
    );
  });
});

/** Breaks at the last blank before the width, as mail programs do. */
function wrap(text: string, width: number): string {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > width) {
    const at = rest.lastIndexOf(" ", width);
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  lines.push(rest);
  return lines.join("\n");
}
