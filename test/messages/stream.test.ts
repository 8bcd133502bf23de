import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageMatcher } from "../../src/messages/matcher.js";
import { keptText } from "../../src/vmcs/dumps/kept-text.js";
import { readVmcs } from "../../src/vmcs/dumps/read.js";
import { explain, explainStream } from "./explain-all.js";

/*
 * A text may come in pieces, and a long one is not kept: what is said of it must not depend on either.
 */

const folder = join(import.meta.dirname, "corpus");
const TEXTS = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as readonly { readonly text: string }[])
  .map(({ text }) => text);

/** A dump of Linux, shortened. */
const DUMP = `[    7.0] KVM: entry failed, hardware error 0x80000021
[    7.0] kvm_intel: VMCS 0000000061b9b7db, last attempted VM-entry on CPU 3
[    7.1] kvm_intel: *** Guest State ***
[    7.1] kvm_intel: CR0: actual=0x0000000000000031, shadow=0x0000000000000011, gh_mask=fffffffffffefff7
[    7.1] kvm_intel: CR3 = 0x0000000000012000
[    7.1] kvm_intel: RFLAGS=0x00000000         DR7 = 0x0000000000000400
[    7.1] kvm_intel: *** Host State ***
[    7.1] kvm_intel: CR0=0000000080050033 CR3=000000001ef1c003 CR4=00000000003326b0
[    7.1] kvm_intel: *** Control State ***
[    7.1] kvm_intel: PinBased=0x0000003f EntryControls=0000d1ff ExitControls=002befff
[    7.1] kvm_intel:         reason=80000021 qualification=0000000000000004
[    7.1] kvm_intel: Virtual processor ID = 0x0001
`;
/** A line as there are many, and one of those that are long, so that a long text has few. */
const NOISE =
  `[    9.1] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n[    9.1] ${"x".repeat(3000)}\n`.repeat(50);

async function* pieces(text: string, size: number): AsyncGenerator<string> {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

it("says the same of a text in pieces, wherever they end", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...TEXTS, DUMP, "\n", "\r\n", "\ufeff"), { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 200 }),
      async (texts, size) => {
        const text = texts.join("\n");
        expect(await explainStream(pieces(text, size))).toEqual(explain(text));
      },
    ),
    { numRuns: 60 },
  );
});

it.each([
  "kvm: disabled by bios",
  "kvm: no hardware support\nkvm: disabled by bios",
  "[    1.0] x86/cpu: VMX (outside TXT)\n disabled by BIOS",
  "nothing\nkvm: disabled by bios\nkvm: disabled by bios",
])("finds what a log repeats on every line where it is: %j", (message) => {
  const repeated = `${message}\n`.repeat(12);
  const matcher = messageMatcher();
  matcher.push(repeated);
  const found = matcher.end().groups.flatMap(({ matches }) => matches.map(({ first, last }) => [first, last]));
  const wrapped = message.includes("x86") ? 1 : 0;
  const expected = repeated
    .split("\n")
    .flatMap((line, at) => (/kvm|x86/.test(line) ? [[at + 1, at + 1 + wrapped]] : []));
  expect(found.sort(([a = 0], [b = 0]) => a - b)).toEqual(expected);
});

describe("a text that is too long to be kept", () => {
  const long =
    NOISE.repeat(40) + DUMP + NOISE.repeat(17) + DUMP.replaceAll("0061b9b7db", "0000000001") + NOISE.repeat(2);

  it("is too long", () => {
    expect(long.length).toBeGreaterThan(8_000_000);
  });

  it("has the dumps, on the lines, that it has as a whole", () => {
    const text = keptText();
    for (let at = 0; at < long.length; ) {
      const end = long.lastIndexOf("\n", at + 50_000) + 1;
      const piece = long.slice(at, end);
      text.push(piece, piece.split("\n").length - 1);
      at = end;
    }
    expect(text.whole()).toBeUndefined();
    const { dumps, places } = text.dumps();
    expect(dumps).toEqual(readVmcs(long).dumps);
    expect(places).toEqual(dumps.map(({ lines }) => lines));
    expect(text.head()).toBe(long.slice(0, 1_000_000));
  });

  it("is explained with its dump", async () => {
    const short = explain(DUMP);
    const [first] = await explainStream(pieces(long, 65_536));
    const shift = NOISE.split("\n").length * 40 - 40;
    expect(first).toMatchObject({
      message: short[0]?.message,
      count: 2,
      lines: short[0]?.lines.map((line) => line + shift),
    });
    expect(first?.causes[0]?.text).toBe(short[0]?.causes[0]?.text);
  });

  it("does not care for a line without an end", async () => {
    const line = `kvm: disabled by bios ${"x".repeat(20_000_000)}`;
    const found = await explainStream(pieces(line, 65_536));
    expect(found.map(({ message }) => message)).toEqual(explain(line.slice(0, 1000)).map(({ message }) => message));
    const many = await explainStream(pieces(`${line}\nkvm: no hardware support\n`, 100_000));
    expect(many.map(({ lines }) => lines[0]).sort()).toEqual([1, 2]);
  });
});
