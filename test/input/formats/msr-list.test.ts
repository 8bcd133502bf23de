import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { formatMsr, type Msr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { msrByName } from "../../../src/input/text/msr-names.js";
import { REGISTERS } from "../../../src/registers/registers.js";
import { MSR_LIST, MSR_LIST_BY_CPU, RDMSR_ALL, RDMSR_SINGLE, RDMSR_UNIQ, WINDBG } from "../excerpts.js";

const shared = resolve(import.meta.dirname, "../../../../shared");

function show(msrs: ReadonlyMap<number, Msr> | undefined): { [index: string]: string } {
  return Object.fromEntries([...(msrs ?? [])].map(([index, msr]) => [`0x${index.toString(16)}`, formatMsr(msr)]));
}

function read(text: string) {
  const result = readHost(text);
  return {
    ...result,
    groups: result.host?.cores.map((c) => [c.logicalCpus, show(c.msrs)]),
    told: result.diagnostics.map((d) => `${d.severity} ${d.line}:${d.column} ${d.message}`),
  };
}

/** The MSRs of a text about one unnamed CPU. */
function one(text: string) {
  const { groups } = read(text);
  expect(groups?.length ?? 0).toBeLessThan(2);
  return groups?.[0]?.[1] as { [index: string]: string } | undefined;
}

describe("a list", () => {
  it("is read in every spelling", () => {
    const { format, groups, told } = read(MSR_LIST);
    expect(format).toBe("msr-list");
    expect(groups).toEqual([
      [
        undefined,
        {
          "0x3a": "0x5",
          "0x480": "0xda040000000012",
          "0x481": "0x7f00000016",
          "0x482": "0xfff9fffe0401e172",
          "0x483": "0x7fffff00036dff",
          "0x484": "0xffff000011ff",
          "0x485": "0x300481e5",
          "0x486": "0x80000021",
          "0x48b": "0x7cff00000000",
          "0x48c": "0xf0106334141",
        },
      ],
    ]);
    expect(told).toEqual([expect.stringContaining("note 1:1 the list has no CPUID")]);
  });

  it.each([
    ["0x480: 0x12", "0x12"],
    ["0x00000480 = 0X1F", "0x1f"],
    ["480h = 1f", "0x1f"],
    ["480: 0x1f00000016", "0x1f00000016"],
    ["480: 0000001f00000016", "0x1f00000016"],
    ["MSR 00000480: 0x1f", "0x1f"],
    ["  > - 0x480 -> 0x1f", "0x1f"],
    ["[   12.345678] cpu3: 0x480: 0x1f", "0x1f"],
    ["0x480\t0x1f", "0x1f"],
    ["0x480,0x1f", "0x1f"],
    ["IA32_VMX_BASIC (0x480): 0x1f", "0x1f"],
    ["IA32_VMX_BASIC 0x480 = 0x1f", "0x1f"],
    ["0x480 IA32_VMX_BASIC 0x1f", "0x1f"],
    ["MSR_IA32_VMX_BASIC_INFO = 1f # revision", "0x1f"],
    ["msr(0x480) = 0x1f", "0x1f"],
    ["rdmsr[0x480]=0x1f", "0x1f"],
    ["0x480: EDX=00da0400 EAX=00000012", "0xda040000000012"],
    ["0x480: eax=0x12, edx=0xda0400", "0xda040000000012"],
    ["0x480: 0x00da0400:0x00000012", "0xda040000000012"],
    ["0x480 = 00da0400_00000012", "0xda040000000012"],
    ["0x480 = 0xda040000000012 (revision 0x12)", "0xda040000000012"],
    ["0x480: EIO", "absent"],
    ["0x480 = #GP", "absent"],
    ["0x480: < FAILED >", "absent"],
    ["0x480: Input/output error", "absent"],
    ["0x480: absent", "absent"],
    // Not values: prose, hex dumps, other tools' text.
    ["0x480: reserved", undefined],
    ["0x480: added in 2008", undefined],
    ["0x480: bad", undefined],
    ["0x480 is the first of them", undefined],
    ["00000480: 7f45 4c46 0201 0100 0000", undefined],
    [" 480: c3", undefined],
    ["0x480 4 bytes", undefined],
    ["feature msr 0x480 = 0x1f", undefined],
    ["MSR(480H).vmx-basic", undefined],
    ["0x480: Permission denied", undefined],
    ["0x480: unknown", undefined],
    ["0x479: 0x1f", undefined],
  ])("%j gives %s", (line, expected) => {
    expect(one(`${line}\n`)?.["0x480"]).toBe(expected);
  });

  it.each([
    ["0x480: 0x00da0400000000012", 8, "17 hex digits"],
    ["0x480=00000da0400000000012", 7, "20 hex digits"],
    ["IA32_VMX_BASIC: 0xda04g", 17, "not an MSR value"],
    ["0x480: 0xda0400:0x123456789", 8, "not an MSR value"],
    ["0x480 = 00da0400 00000012", 9, "two halves"],
    ["0x480 IA32_VMX_MISC = 0x1", 1, "which are two"],
    ["IA32_VMX_BASIC (0x481) = 0x1", 1, "which are two"],
    ["msr[480] = 0000ffff`0", 12, "not an MSR value"],
    ["0x480: 0x", 8, "not an MSR value"],
  ])("%j is refused with the place and the reason", (line, column, reason) => {
    const { host, diagnostics } = read(`0x481: 0x7f00000016\n${line}\n`);
    expect(host?.cores[0].msrs.has(0x480)).toBe(false);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ severity: "error", line: 2, column, message: expect.stringContaining(reason) }),
    );
    expect(diagnostics.find((d) => d.line === 2)?.expected).toBeTruthy();
  });

  it("takes grouped and binary digits", () => {
    const { host } = readHost("IA32_VMX_PROCBASED_CTLS2 = 0x0055_7cff_0000_0000\n0x485: 0b1110_0101\n");
    expect(host?.cores[0].msrs.get(0x48b)).toMatchObject({ hi: { value: 0x557cff }, lo: { value: 0 } });
    expect(host?.cores[0].msrs.get(0x485)).toMatchObject({ hi: { value: 0 }, lo: { value: 0xe5 } });
  });

  it("takes several on a line", () => {
    expect(one("0x480=0x12 0x481=0x7f00000016, 0x485=0x1")).toEqual({
      "0x480": "0x12",
      "0x481": "0x7f00000016",
      "0x485": "0x1",
    });
  });

  it("keeps CPUs apart and groups equal ones, a fault as absent", () => {
    expect(read(MSR_LIST_BY_CPU).groups).toEqual([
      ["0-1", { "0x3a": "0x5", "0x480": "0xd810000000002b", "0x491": "0x1", "0x492": "absent" }],
    ]);
    const unequal = MSR_LIST_BY_CPU.replace(/(cpu1 msr 0x00000491.* = ).*/, "$10x0000000000000000");
    expect(read(unequal).groups?.map((g) => g[0])).toEqual(["0", "1"]);
  });

  it("leaves the bits unknown on which two lines disagree, and says so at the second", () => {
    const { groups, told } = read(
      "0x480: 0x12\n0x48b: 0x2007fff00000000\n0x48b: 0x7fff00000000\n0x48b: 0x2007fff00000000\n",
    );
    expect(groups?.[0]?.[1]).toMatchObject({ "0x48b": "0x?007fff00000000" });
    expect(told.filter((t) => t.startsWith("warning"))).toEqual([
      "warning 3:8 MSR 0x48b (IA32_VMX_PROCBASED_CTLS2) of the CPU is 0x7fff00000000 here and 0x2007fff00000000 in line 2; bit 57 stays unknown",
    ]);
    const readable = read("0x480: 0x12\n0x492: EIO\n0x492: 0x1\n0x492: EIO\n");
    expect(readable.groups?.[0]?.[1]).toMatchObject({ "0x492": "unknown" });
    expect(readable.told).toContainEqual(expect.stringContaining("whether it can be read stays unknown"));
  });

  it("suspects exchanged halves and never exchanges them", () => {
    const text = "0x480: 0x0000001200da0400\n0x481: 0x000000160000007f\n0x483: 0x7fffff00036dff\n";
    const { groups, told } = read(text);
    expect(groups?.[0]?.[1]).toMatchObject({ "0x480": "0x1200da0400", "0x481": "0x160000007f" });
    expect(told.filter((t) => t.includes("look exchanged")).map((t) => t.slice(0, 12))).toEqual([
      "warning 1:8 ",
      "warning 2:8 ",
    ]);
  });

  it("refuses the only value of a text that ends inside it, as far as one can see", () => {
    const first = (value: string) => read(`IA32_FEATURE_CONTROL = ${value}`).host?.cores[0].msrs.get(0x3a);
    for (const part of ["0x00000000000000", "0x000000000000", "0x00000000", "0x000"])
      expect(first(part)).toBeUndefined();
    expect(first("0x00000000\n")).toMatchObject({ lo: { value: 0 } });
    for (const whole of ["0x0000000000000005", "0x00000005", "0x5"])
      expect(first(whole)).toMatchObject({ lo: { value: 5 } });
    expect(first("0x0")).toMatchObject({ lo: { value: 0 } });
  });

  it("refuses the last value of a text that ends inside it", () => {
    const text = MSR_LIST_BY_CPU.slice(0, MSR_LIST_BY_CPU.indexOf("cpu1 msr 0x00000491") + 55);
    const { groups, told } = read(text);
    expect(groups).toEqual([
      ["0", { "0x3a": "0x5", "0x480": "0xd810000000002b", "0x491": "0x1", "0x492": "absent" }],
      ["1", { "0x3a": "0x5", "0x480": "0xd810000000002b" }],
    ]);
    expect(told).toContainEqual("error 9:39 the text ends inside the value of MSR 0x491 (IA32_VMX_VMFUNC)");
    expect(told).toContainEqual("note 1:1 MSR 0x491 (IA32_VMX_VMFUNC) is given for some CPUs and not for CPU 1");
  });

  it("concludes VMX from any capability register and nothing from a zero in its place", () => {
    expect(read("0x480: 0x12").host?.cores[0].cpuid.features).toEqual({ vmx: true });
    expect(read("0x480: 0x0").host?.cores[0].cpuid.features).toEqual({});
    expect(read("0x481: 0x7f00000016").host?.cores[0].cpuid.features).toEqual({ vmx: true });
    expect(read("0x3a: 0x1").host?.cores[0].cpuid.features).toEqual({});
  });
});

describe("names", () => {
  it("are known with and without their prefixes", () => {
    for (const { index, sdm: name } of REGISTERS) {
      expect(msrByName(name)).toBe(index);
      expect(msrByName(`MSR_${name}`)).toBe(index);
      expect(msrByName(name.replace("IA32_", "").toLowerCase())).toBe(index);
    }
    expect(REGISTERS.map((r) => r.index)).toEqual([0x3a, ...Array.from({ length: 20 }, (_, i) => 0x480 + i)]);
    expect(msrByName("IA32_FEAT_CTL")).toBe(0x3a);
    expect(msrByName("IA32_EFER")).toBeUndefined();
  });
});

describe("a transcript of rdmsr", () => {
  it("gives one value for each CPU after -a", () => {
    expect(read(RDMSR_ALL).groups).toEqual([
      ["0", { "0x480": "0xda040000000012", "0x48b": "0x2007fff00000000" }],
      ["1-2", { "0x480": "0xda040000000012", "0x48b": "0x7fff00000000" }],
    ]);
  });

  it("divides the output of several commands on one line by its length, and uses none where that does not come out", () => {
    const ask = "$ sudo rdmsr -a 0x480; sudo rdmsr -a 0x3a; sudo rdmsr -a 0x492\n";
    const both = read(`${ask}da0400000000012\nda0400000000012\n5\n1\nrdmsr: CPU 0 cannot read MSR 0x00000492\n`);
    expect(both.groups).toEqual([
      ["0", { "0x3a": "0x5", "0x480": "0xda0400000000012", "0x492": "absent" }],
      ["1", { "0x3a": "0x1", "0x480": "0xda0400000000012" }],
    ]);
    const odd = read("$ rdmsr -a 0x480; rdmsr -a 0x3a\nda0400000000012\nda0400000000012\n5\n");
    expect(odd.groups).toBeUndefined();
    expect(odd.told[0]).toMatch(/^warning 2:1 which rdmsr of the 2 on the command line printed which of these 3/);
  });

  it("has the bits unknown on which CPUs disagree that uniq hides", () => {
    const { groups, told } = read(RDMSR_UNIQ);
    expect(groups).toEqual([[undefined, { "0x48b": "0x?007fff00000000" }]]);
    expect(told).toContainEqual(expect.stringMatching(/^warning 3:1 the CPUs disagree .* bit 57 stays unknown/));
  });

  it("takes the one value that uniq leaves for all CPUs", () => {
    const text = `${RDMSR_ALL}# rdmsr -a 0x485 2>/dev/null | sort | uniq\n300481e5\n`;
    expect(read(text).groups?.map((g) => (g[1] as { [index: string]: string })["0x485"])).toEqual([
      "0x300481e5",
      "0x300481e5",
    ]);
  });

  it("reads CPU 0 without -p and -a", () => {
    expect(read(RDMSR_SINGLE).groups).toEqual([["0", { "0x485": "0x300481e5", "0x48b": "0x7cff00000000" }]]);
  });

  it.each([
    ["$ rdmsr -p 3 0x485\n300481e5", ["3", "0x300481e5"]],
    ["$ sudo rdmsr -p3 -0 0x485\n00000000300481e5", ["3", "0x300481e5"]],
    ["$ rdmsr --processor=3 --c-language 0x485\n0x300481e5", ["3", "0x300481e5"]],
    ["$ rdmsr -d 0x485\n805601765", ["0", "0x300481e5"]],
    ["$ rdmsr -u 0x485\n805601765", ["0", "0x300481e5"]],
    ["$ rdmsr -o 0x485\n6001100745", ["0", "0x300481e5"]],
    ["$ rdmsr -f 31:0 0x485\n300481e5", ["0", "0x????????300481e5"]],
    ["$ rdmsr -f 7:4 0x485\ne", ["0", "0x??????????????e?"]],
    ["$ rdmsr -f 7:4 0x485\n1e", undefined],
    ["$ rdmsr -p 0 0x485 | head -1\n300481e5", ["0", "0x300481e5"]],
    ["# rdmsr 1157\n300481e5", ["0", "0x300481e5"]],
    ["$ rdmsr 485\n300481e5", undefined],
    ["$ rdmsr $m\n300481e5", undefined],
    ["$ rdmsr 0x485 > file\n300481e5", undefined],
    ["$ rdmsr 0x485 | awk '{print $1}'\n300481e5", undefined],
    ["$ rdmsr 0x485\n300481e5300481e53", undefined],
    ["$ rdmsr 0x485\nbash: rdmsr: command not found\n300481e5", undefined],
    ["300481e5", undefined],
  ])("%j", (text, expected) => {
    const { host } = readHost(`${text}\n`);
    const core = host?.cores[0];
    const msr = core?.msrs.get(0x485);
    expect(msr === undefined ? undefined : [core?.logicalCpus, formatMsr(msr)]).toEqual(expected);
  });

  it("says that rdmsr takes 485 as decimal", () => {
    expect(read("$ rdmsr 485\n0\n$ rdmsr 0x480\nda040000000012").told).toContainEqual(
      "warning 1:9 rdmsr reads 485 as decimal, MSR 0x1e5: its output is not used",
    );
  });

  it("reads a failed read as absent, and no other trouble", () => {
    const text = `$ rdmsr 0x480
da040000000012
$ rdmsr 0x492
rdmsr: CPU 0 cannot read MSR 0x00000492
$ rdmsr 0x485
rdmsr: open: Permission denied
$ rdmsr 0x48c
rdmsr: CPU 0 cannot read MSR 0x0000048c: Operation not permitted
$ rdmsr 0x48d
rdmsr: CPU 7 doesn't support MSRs
`;
    const { groups, told } = read(text);
    expect(groups).toEqual([["0", { "0x480": "0xda040000000012", "0x492": "absent" }]]);
    expect(told.filter((t) => t.startsWith("warning")).map((t) => t.slice(8, 11))).toEqual(["6:1", "8:1", "10:"]);
  });

  it("tells values from their missing command line", () => {
    const { host, diagnostics } = readHost("da040000000012\nda040000000012\n", { format: "msr-list" });
    expect(host).toBeUndefined();
    expect(diagnostics).toMatchObject([{ severity: "error", line: 1, message: "values without an MSR number" }]);
  });

  it("refuses a last line that is only the beginning of the one before", () => {
    const { groups, told } = read("# rdmsr -a 0x480\nda040000000012\nda040000000012\nda0400");
    expect(groups).toEqual([["0-1", { "0x480": "0xda040000000012" }]]);
    expect(told).toContainEqual("error 4:1 the text ends inside the value of MSR 0x480 (IA32_VMX_BASIC)");
  });

  it("of WinDbg has hexadecimal numbers, halves and words for a fault", () => {
    expect(read(WINDBG).groups).toEqual([
      [undefined, { "0x481": "0x7f00000016", "0x48b": "0x1ffcff00000000", "0x492": "absent" }],
    ]);
  });
});

describe("real texts", () => {
  it.skipIf(!existsSync(resolve(shared, "samples/rdmsr")))(
    "of 36 CPUs and of WinDbg are read (needs ../shared)",
    () => {
      const all = read(readFileSync(resolve(shared, "samples/rdmsr/e5-2696v3-0x480-all-cpus.txt"), "utf8"));
      expect(all.groups).toEqual([["0-35", { "0x480": "0xda040000000012" }]]);
      const windbg = read(readFileSync(resolve(shared, "samples/windbg/vmcs-auditor-post.txt"), "utf8"));
      expect(Object.keys((windbg.groups?.[0]?.[1] ?? {}) as object)).toHaveLength(11);
      expect(windbg.groups?.[0]?.[1]).toMatchObject({ "0x48c": "0xf0106334141", "0x491": "0x1" });
    },
  );

  const capture = resolve(shared, "captures/6.1-corei7_skylake_x-cpus2.txt.gz");
  it.skipIf(!existsSync(capture))("of a whole console log give what its MSR part says (needs ../shared)", () => {
    const text = gunzipSync(readFileSync(capture)).toString("utf8");
    const part = /=== BEGIN msrs ===\n([\s\S]*?)=== END msrs ===/.exec(text)?.[1] ?? "";
    expect(part.length).toBeGreaterThan(1000);
    const { groups } = read(text);
    expect(groups).toEqual(read(part).groups);
    expect(groups).toMatchObject([["0-1", { "0x3a": "0x5", "0x48b": "0x2177fff00000000", "0x493": "absent" }]]);
    expect(Object.keys((groups?.[0]?.[1] ?? {}) as object)).toHaveLength(21);
  });
});
