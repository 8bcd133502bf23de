import { describe, expect, it } from "vitest";
import { readHost } from "../../../src/input/read.js";
import { cleanLine, isQuotedPrintable } from "../../../src/input/text/clean-line.js";

describe("cleanLine", () => {
  it.each([
    ["  HLT exiting    yes", "  HLT exiting    yes"],
    [">   HLT exiting    yes", "  HLT exiting    yes"],
    [">> > text", "text"],
    ["| text", "text"],
    ["[   12.345678] kvm: disabled by bios", "kvm: disabled by bios"],
    ["[   12.345678][   T1] kvm: x", "kvm: x"],
    ["<6>[    0.000000] Linux version", "Linux version"],
    ["[Tue Mar  3 12:34:56 2020] kvm: x", "kvm: x"],
    ["Nov 22 15:27:01 host kernel: [   12.3] kvm: x", "kvm: x"],
    ["Nov 22 15:27:01 host kernel: kvm: x", "kvm: x"],
    ["Nov 22 15:27:01 host virtqemud[1234]: x", "x"],
    ["2024-03-01T12:00:00.123456+01:00 host kernel: kvm: x", "kvm: x"],
    ["2024-03-01 12:00:00 kvm: x", "kvm: x"],
    ["00:00:04.809255 HM: x", "HM: x"],
    ["kern  :info  : [    0.1] kvm: x", "kvm: x"],
    ["> [   12.345678]   indented", "  indented"],
    ["\u001b[1;32mgreen\u001b[0m text", "green text"],
    ["&lt;msr index=&quot;0x480&quot;/&gt;", '<msr index="0x480"/>'],
    ["a\u00a0b", "a b"],
    ["(XEN) [2025-02-16 21:56:40.181] x", "(XEN) [2025-02-16 21:56:40.181] x"],
    ["lkd> rdmsr 0x480", "lkd> rdmsr 0x480"],
    ["0x480: 0x5", "0x480: 0x5"],
    ["Entry Controls MSR: 0x5", "Entry Controls MSR: 0x5"],
  ])("makes %j %j", (raw, text) => {
    expect(cleanLine(raw).text).toBe(text);
  });
});

describe("quoted-printable", () => {
  it.each([
    ["a header", "Content-Transfer-Encoding: quoted-printable\n\nx = 1\n", true],
    ["soft breaks", "  Inject event with insn length=3D0    =\nno\n", true],
    ["equals signs that mean what they say", "0x480=DA040000000004\nx=\n", false],
    ["plain text", "a = b\n", false],
    ["no equals sign", "text\n", false],
  ])("is told by %s", (_, text, expected) => {
    expect(isQuotedPrintable(text)).toBe(expected);
  });

  it("is undone, and lines keep their numbers", () => {
    const text = `Content-Transfer-Encoding: quoted-printable

vmx flags=09: vnmi preemption_timer invvpid ept_x_only flexpriority =
tsc_offset vtpr mtf vapic ept vpid=20
HM: MSR_IA32_VMX_BASIC =3D 0xda0400000=
00004
`;
    const { host, evidence } = readHost(text);
    expect(host?.observed?.vmxFlags).toHaveLength(11);
    expect(evidence().find((row) => row.msr?.index === 0x480)).toMatchObject({ value: "0xda040000000004", line: 5 });
  });
});
