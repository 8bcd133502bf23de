import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatU64 } from "../../src/bits/u64.js";
import { knownValue } from "../../src/host/msr.js";
import { READERS, readerByName } from "../../src/input/formats/registry.js";
import { writeSnapshot } from "../../src/input/formats/snapshot.js";
import { readHost, readHostStream } from "../../src/input/read.js";
import { anyText } from "../any-text.js";
import { DEEP, tries } from "../deep.js";
import { anyHost } from "./arbitrary-host.js";
import { AIDA64_OLD, EXCERPTS, MSR_LIST } from "./excerpts.js";

/** Texts of every format, damaged as texts get damaged. */
const damaged: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(fc.oneof(fc.constantFrom(...EXCERPTS), anyHost.map(writeSnapshot)), { minLength: 1, maxLength: 3 }),
    fc.array(
      fc.tuple(
        fc.constantFrom("cut", "drop", "double", "replace", "insert", "swap", "interleave"),
        fc.nat(),
        fc.nat({ max: 400 }),
        fc.constantFrom(
          "\n",
          "\r",
          "0",
          "f",
          ":",
          "-",
          "`",
          "[",
          "]",
          '"',
          "{",
          "MSR ",
          "rdmsr ",
          "0x",
          "cpu1 ",
          "\t",
          "é",
          "=",
          "#",
        ),
      ),
      { maxLength: 8 },
    ),
  )
  .map(([texts, damages]) => {
    let text = texts.join("");
    for (const [kind, where, size, piece] of damages) {
      const at = where % (text.length + 1);
      const end = Math.min(text.length, at + size);
      if (kind === "cut") text = text.slice(0, Math.max(at, 1));
      else if (kind === "drop") text = text.slice(0, at) + text.slice(end);
      else if (kind === "double") text = text.slice(0, end) + text.slice(at);
      else if (kind === "replace") text = text.slice(0, at) + piece + text.slice(at + 1);
      else if (kind === "insert") text = text.slice(0, at) + piece + text.slice(at);
      else if (kind === "swap") text = text.slice(at) + text.slice(0, at);
      else text = interleave(text, texts[size % texts.length] as string);
    }
    return text;
  });

function interleave(a: string, b: string): string {
  const [left, right] = [a.split("\n"), b.split("\n")];
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i) => [left[i], right[i]])
    .flat()
    .filter((line) => line !== undefined)
    .join("\n");
}

/** The values that a text states, without the signs that stand between their digits. */
function digitsOf(text: string): string {
  return text.toLowerCase().replace(/[-:`_]|0x/g, "");
}

describe("every reader", () => {
  it("survives damaged text of any format, and its diagnostics point into the text", () => {
    fc.assert(
      fc.property(damaged, fc.constantFrom(undefined, ...READERS.map((r) => r.name)), (text, format) => {
        const { host, hosts, diagnostics } = readHost(text, format === undefined ? {} : { format });
        const lines = text.split(/\r\n|\r|\n/).length;
        for (const d of diagnostics) {
          expect(d.line).toBeGreaterThanOrEqual(1);
          expect(d.line).toBeLessThanOrEqual(lines);
          expect(d.column).toBeGreaterThanOrEqual(1);
          expect(d.message).not.toMatch(/undefined|NaN|\[object/);
        }
        expect(host).toBe(hosts[0]);
        if (host === undefined) expect(diagnostics.some((d) => d.severity === "error")).toBe(true);
      }),
      { numRuns: tries(300) },
    );
  });

  it("claims no MSR value that does not stand in the text", () => {
    let claimed = 0;
    fc.assert(
      fc.property(damaged, (text) => {
        const digits = digitsOf(text);
        for (const core of readHost(text).hosts.flatMap((h) => h.cores)) {
          for (const [index, msr] of core.msrs) {
            const value = knownValue(msr);
            // A register of which single bits are unknown has no digits of its own.
            if (value === undefined) continue;
            claimed++;
            expect(digits).toContain(formatU64(value).slice(2));
            expect(digits).toMatch(new RegExp(`${index.toString(16)}|vmx|feat`));
          }
        }
      }),
      { numRuns: tries(300) },
    );
    expect(claimed).toBeGreaterThan(100);
  });

  it("survives any bytes and any string", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), anyText(300)), (input) => {
        expect(readHost(input).hosts.length).toBeLessThan(2);
      }),
      { numRuns: tries(500) },
    );
  });

  it("says in one sentence what it knows", () => {
    for (const reader of READERS) {
      expect(reader.knows).toMatch(/^\S.*\.$/);
      expect(readerByName(reader.name)).toBe(reader);
    }
    expect(new Set(READERS.map((r) => r.name)).size).toBe(READERS.length);
  });
});

describe("readHost", () => {
  it.each([
    ["nothing", "", "the text is empty"],
    ["blanks", " \n\t\n", "the text is empty"],
    ["prose", "Dear list,\nVMX does not work here.\n", "no known format was recognised in 2 lines"],
    ["NUL characters", "\0\x01\x02\0\x03", "binary"],
  ])("of %s gives an error and no host", (_, text, message) => {
    const { host, format, diagnostics } = readHost(text, { file: "x.txt" });
    expect(host).toBeUndefined();
    expect(format).toBeUndefined();
    expect(diagnostics).toMatchObject([
      {
        severity: "error",
        file: "x.txt",
        line: 1,
        column: 1,
        message: expect.stringContaining(message),
        expected: expect.any(String),
      },
    ]);
  });

  it("throws RangeError on a format that there is not", () => {
    expect(() => readHost("", { format: "aida" })).toThrow(RangeError);
  });

  it("says when the format that was asked for finds nothing", () => {
    const { host, format, diagnostics } = readHost(AIDA64_OLD, { format: "snapshot" });
    expect(host).toBeUndefined();
    expect(format).toBe("snapshot");
    expect(diagnostics[0]?.severity).toBe("error");
    expect(readHost("prose\n", { format: "aida64" }).diagnostics).toMatchObject([
      { severity: "error", message: "no host in the text, read as aida64" },
    ]);
  });

  it("finds values below a megabyte of other text", () => {
    const noise = "Nov 22 15:27:01 host kernel: usb 1-1: new high-speed USB device number 4 using xhci_hcd\n".repeat(
      12_000,
    );
    const { host, diagnostics } = readHost(noise + MSR_LIST);
    expect(host?.cores[0].msrs.size).toBe(10);
    expect(diagnostics.every((d) => d.severity === "note")).toBe(true);
  });

  it("believes the format of most lines", () => {
    expect(readHost(`$ rdmsr 0x480\nda040000000012\n${AIDA64_OLD}`).format).toBe("aida64");
    expect(readHost(`${MSR_LIST}\nMSR 00000481: 0000-007F-0000-0016\n`).format).toBe("msr-list");
  });

  it("keeps the number of diagnostics bounded", () => {
    const text = Array.from({ length: 5000 }, (_, i) => `0x480: 0x${i}g`).join("\n");
    const { diagnostics } = readHost(text, { format: "msr-list" });
    expect(diagnostics.length).toBe(101);
    expect(diagnostics.at(-1)?.message).toBe("4901 more diagnostics like these were left out");
  });

  it("loses no error behind many warnings", () => {
    const { host, diagnostics } = readHost("msr 0 0x3a 0000000000000005\n".repeat(300));
    expect(host).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ severity: "error", message: "no known format was recognised in 300 lines" });
  });
});

describe("a number of too many digits", () => {
  it.each([
    "rdmsr ",
    "rdmsr -p 0 0x",
    "MSR ",
    "cpu0 msr 0x",
    "unchecked MSR access error: RDMSR from 0x",
    "set MSR 0x",
  ])("behind %j is the number of no MSR", (before) => {
    for (const digit of ["1", "9", "f"]) {
      const { hosts } = readHost(`${before}${digit.repeat(400)} = 0x1\n0000000000000001\n`);
      expect(hosts.flatMap(({ cores }) => cores.flatMap(({ msrs }) => [...msrs.keys()]))).toEqual([]);
    }
  });
});

describe("a large text", () => {
  it("has a bounded number of diagnostics", () => {
    for (const line of ["cpu1 0x480 = 0x1\ncpu1 0x480 = 0x2\n", "MSR 00000480: 0000-\n", "0x480: zz\r"]) {
      expect(readHost(line.repeat(5000)).diagnostics.length, line).toBeLessThan(300);
    }
  });

  it("of many megabytes is read as a stream", async () => {
    const megabytes = DEEP ? 20 : 5;
    const block = new TextEncoder().encode(
      "[12345.678901] usb 1-1: new high-speed device number 12 using xhci_hcd\n".repeat(900),
    );
    async function* stream() {
      for (let sent = 0; sent < megabytes * 1e6; sent += block.length) yield block;
      yield new TextEncoder().encode(MSR_LIST);
    }
    const { host } = await readHostStream(stream());
    expect(host?.cores[0].msrs.size).toBe(10);
  });
});
