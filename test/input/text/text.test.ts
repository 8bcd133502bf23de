import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMsr } from "../../../src/host/msr.js";
import { type ReadResult, readHost, readHostStream } from "../../../src/input/read.js";
import { diagnosticLog } from "../../../src/input/text/diagnostic.js";
import { decoder, lineSplitter, MAX_LINE } from "../../../src/input/text/text.js";
import { AIDA64_OLD, EXCERPTS, MSR_LIST } from "../excerpts.js";

function lines(...pieces: string[]): { lines: string[]; numbers: number[]; cut: boolean; warnings: number } {
  const found: string[] = [];
  const numbers: number[] = [];
  const log = diagnosticLog(undefined);
  const splitter = lineSplitter((line, number) => {
    found.push(line);
    numbers.push(number);
  }, log);
  for (const piece of pieces) splitter.push(piece);
  const { cut } = splitter.end();
  return { lines: found, numbers, cut, warnings: log.list().length };
}

function utf16(text: string, little: boolean, bom: boolean): Uint8Array {
  const units = [...(bom ? "\ufeff" : ""), ...text].map((c) => c.charCodeAt(0));
  return Uint8Array.from(units.flatMap((u) => (little ? [u & 0xff, u >> 8] : [u >> 8, u & 0xff])));
}

describe("lineSplitter", () => {
  it.each([
    ["a\nb\n", ["a", "b"], false],
    ["a\r\nb", ["a", "b"], true],
    ["a\rb\r", ["a", "b"], false],
    ["a\r\r\nb\n", ["a", "b"], false],
    ["a\n\n\nb", ["a", "", "", "b"], true],
    ["a\rb\nc", ["a", "b", "c"], true],
    ["", [], false],
  ])("cuts %j", (text, expected, cut) => {
    expect(lines(text)).toMatchObject({ lines: expected, cut, warnings: 0 });
  });

  it("gives the same lines and numbers however the text is cut into pieces", () => {
    const text = fc.string({
      unit: fc.constantFrom("a", "b", "\n", "\r", "\r\n", "x".repeat(MAX_LINE / 2)),
      maxLength: 30,
    });
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 6 }), (whole, cuts) => {
        const at = [...new Set(cuts.map((c) => c % (whole.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...at].map((start, i) => whole.slice(start, at[i] ?? whole.length));
        // A comparison of booleans: the difference of two such texts is nothing to print.
        expect(JSON.stringify(lines(...pieces)) === JSON.stringify(lines(whole))).toBe(true);
      }),
    );
  });

  it("leaves out a line that is too long, says so once, and goes on counting", () => {
    const long = "x".repeat(MAX_LINE + 1);
    expect(lines(`a\n${long}\nb`)).toEqual({ lines: ["a", "b"], numbers: [1, 3], cut: true, warnings: 1 });
    expect(lines("a\n", long, long, "y\nb")).toEqual({ lines: ["a", "b"], numbers: [1, 3], cut: true, warnings: 1 });
  });

  it("finds CR lines in a text without LF that is longer than any line", () => {
    const text = "abc\r".repeat(50_000);
    const { lines: found, warnings } = lines(...(text.match(/.{1,4096}/gs) ?? []));
    expect(found).toHaveLength(50_000);
    expect(new Set(found)).toEqual(new Set(["abc"]));
    expect(warnings).toBe(0);
  });
});

describe("decoder", () => {
  it.each([
    ["UTF-8", new TextEncoder().encode(MSR_LIST)],
    ["UTF-8 with a byte order mark", new TextEncoder().encode(`\ufeff${MSR_LIST}`)],
    ["UTF-16LE with a byte order mark", utf16(MSR_LIST, true, true)],
    ["UTF-16BE with a byte order mark", utf16(MSR_LIST, false, true)],
    ["UTF-16LE without one", utf16(MSR_LIST, true, false)],
    ["UTF-16BE without one", utf16(MSR_LIST, false, false)],
  ])("reads %s, in one piece and byte by byte", (_, bytes) => {
    for (const size of [bytes.length, 1, 7]) {
      const log = diagnosticLog(undefined);
      const decode = decoder(log);
      let text = "";
      for (let at = 0; at < bytes.length; at += size) text += decode.push(bytes.subarray(at, at + size));
      text += decode.end();
      expect(text).toBe(MSR_LIST);
      expect(log.list()).toEqual([]);
    }
  });

  it.each([
    ["gzip", [0x1f, 0x8b, 8, 0, 0, 0], "gunzip"],
    ["ELF", [0x7f, 0x45, 0x4c, 0x46, 2, 1], "an ELF file"],
    ["NUL bytes", [0x61, 0, 0, 0, 0x62, 0, 0, 0, 1, 2, 3, 4], "binary"],
    ["UTF-32", [0xff, 0xfe, 0, 0, 0x61, 0, 0, 0], "UTF-32"],
  ])("refuses %s with one diagnostic", (_, bytes, word) => {
    const { host, diagnostics } = readHost(Uint8Array.from(bytes), { file: "f" });
    expect(host).toBeUndefined();
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toMatchObject({ severity: "error", file: "f", line: 1, column: 1 });
    expect(JSON.stringify(diagnostics)).toContain(word);
  });
});

describe("a text with NUL bytes in it", () => {
  const BASIC = "0x480: 0x00da040000000004";
  it.each([
    ["behind its end", `${BASIC}\n\0`, ["0x480"], undefined],
    ["in place of its last line end", `${BASIC}\0`, ["0x480"], undefined],
    ["as lines", `\0\0\0\n${BASIC}\n\0\n`, ["0x480"], "line with NUL bytes left out"],
    // Neither value is there as a whole, and neither is made up.
    ["in values", `${BASIC}\n0x48b: 0x7ffff\0\0\0\0\0\0\0\0\n0x48c: \0xf0106114141\n`, ["0x480"], "line with NUL"],
    ["at the beginning", `${"\0".repeat(5000)}\n${BASIC}\n`, ["0x480"], "line with NUL bytes left out"],
  ])("%s is the rest of it", (_, text, msrs, warning) => {
    const { host, diagnostics } = readHost(text);
    expect([...(host?.cores[0].msrs.keys() ?? [])].map((index) => `0x${index.toString(16)}`)).toEqual(msrs);
    const said = diagnostics.find(({ message }) => message.includes("NUL"))?.message;
    if (warning === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(warning);
  });
});

describe("readHost", () => {
  const values = (text: string | Uint8Array) => {
    const { host, diagnostics } = readHost(text);
    return { cores: host?.cores.map((c) => [...c.msrs].map(([i, m]) => [i, formatMsr(m)])), diagnostics };
  };

  it.each(EXCERPTS.map((text, i) => [i, text] as const))(
    "gives the same for excerpt %i with CRLF, CR, a BOM, UTF-16",
    (_, text) => {
      const expected = values(text);
      expect(expected.cores).toBeDefined();
      expect(values(text.replaceAll("\n", "\r\n"))).toEqual(expected);
      expect(values(text.replaceAll("\n", "\r"))).toEqual(expected);
      expect(values(`\ufeff${text}`)).toEqual(expected);
      expect(values(new TextEncoder().encode(text))).toEqual(expected);
      expect(values(utf16(text, true, true))).toEqual(expected);
      expect(values(utf16(text, false, false))).toEqual(expected);
    },
  );

  it("reads a stream as it reads the whole", async () => {
    const bytes = new TextEncoder().encode(AIDA64_OLD.repeat(3));
    async function* pieces() {
      for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
    }
    const all = (read: ReadResult) => ({ ...read, evidence: read.evidence() });
    expect(all(await readHostStream(pieces(), { file: "f" }))).toEqual(all(readHost(bytes, { file: "f" })));
  });
});
