import { describe, expect, it } from "vitest";
import { knownValue, msrBit } from "../../src/host/msr.js";
import { READERS } from "../../src/input/formats/registry.js";
import { type ReadResult, readHost, readHostStream } from "../../src/input/read.js";
import { nestedBitsOf } from "./truth.js";

/** A thread as it is pasted into a bug report: cpuinfo, kernel log, parameters, a QEMU error, a few registers. */
const THREAD = `> On a 7800X my nested guest does not start.

> $ uname -r
> 6.1.0-13-amd64
> $ grep -m1 -A30 "processor" /proc/cpuinfo
> processor	: 0
> vendor_id	: GenuineIntel
> cpu family	: 6
> model		: 85
> model name	: Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz
> stepping	: 4
> vmx flags	: vnmi preemption_timer invvpid ept_x_only ept_ad ept_1gb flexpriority tsc_offset vtpr
> vapic ept vpid unrestricted_guest vapic_reg vid ple shadow_vmcs pml tsc_scaling

Does grep . /sys/module/kvm_intel/parameters/* show nested?

>> /sys/module/kvm_intel/parameters/nested:Y
>> /sys/module/kvm_intel/parameters/ept:Y
> [    9.123456] kvm_intel: Inconsistent VMCS config on CPU 0
> qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48DH).vmx-posted-intr [bit 7]
> qemu-system-x86_64: error: failed to set MSR 0x48d to 0xff00000016
# rdmsr 0x481
7f00000016
0x00000480: 0x00da040000000004
`;

describe("a text of several formats", () => {
  it("becomes one host with everything in it", () => {
    const { host, hosts, formats, diagnostics } = readHost(THREAD, { file: "bug.txt" });
    expect(hosts).toHaveLength(1);
    expect(new Set(formats)).toEqual(new Set(["cpuinfo", "kernel-log", "params", "msr-list"]));
    expect(diagnostics.filter((d) => d.severity !== "note")).toEqual([]);
    expect(host).toMatchObject({
      name: "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz",
      vendor: "GenuineIntel",
      kernel: "6.1.0-13-amd64",
      params: { kvm_intel: { nested: "Y", ept: "Y" } },
      source: "bug.txt",
    });
    const [core] = host?.cores ?? [];
    expect(core).toMatchObject({ logicalCpus: "0", signature: 0x50654 });
    expect(knownValue(core?.msrs.get(0x481) ?? { state: "absent" })).toEqual({ hi: 0x7f, lo: 0x16 });
    // From the flags, with the release that the prompt told.
    expect(msrBit(core?.msrs.get(0x48b) ?? { state: "unknown" }, 32 + 31)).toBe("no");
    expect(nestedBitsOf(host, 0x48d).zeros).toEqual(["POSTED_INTR"]);
    expect(host?.observed?.messages).toEqual(["kvm_intel: Inconsistent VMCS config on CPU 0"]);
  });

  it("lists every fact with its line, column, layer and format", () => {
    const { evidence } = readHost(THREAD, { file: "bug.txt" });
    const row = (about: RegExp, format: string) => evidence().find((e) => about.test(e.about) && e.format === format);
    const lines = THREAD.split("\n");
    for (const { line, column, file } of evidence()) {
      expect(file).toBe("bug.txt");
      expect(column).toBeLessThanOrEqual((lines[line - 1] as string).length + 1);
    }
    expect(row(/^kernel$/, "kernel-log")).toMatchObject({ layer: "system", value: "6.1.0-13-amd64", line: 4 });
    expect(row(/vmx flags/, "cpuinfo")).toMatchObject({ layer: "linux", line: 12 });
    expect(row(/kvm_intel.nested/, "params")).toMatchObject({ layer: "kvm", value: "Y", line: 17 });
    expect(row(/0x48d/, "kernel-log")).toMatchObject({ layer: "nested", line: 20 });
    expect(row(/0x481/, "msr-list")).toMatchObject({ layer: "cpu", value: "0x7f00000016", line: 23 });
    expect(row(/failed to set/, "kernel-log")).toMatchObject({ layer: "guest", line: 21 });
  });

  it("points at the place in the text as it is, quote marks and all", () => {
    const text = "> > MSR 0x480: 0xzz\n";
    const { diagnostics } = readHost(text);
    expect(diagnostics).toContainEqual(expect.objectContaining({ line: 1, column: text.indexOf("0xzz") + 1 }));
  });

  it("with a register that contradicts a flag keeps neither, and tells", () => {
    const text = THREAD.replace("7f00000016", "5f00000016");
    const { host, diagnostics } = readHost(text);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ severity: "warning", message: expect.stringContaining("bit 37 stays unknown") }),
    );
    expect(msrBit(host?.cores[0].msrs.get(0x481) ?? { state: "absent" }, 37)).toBe("unknown");
  });

  it("gives what is said of a CPU without a number to the boot CPU, and to no other", () => {
    const cpus = [0, 1, 2].map((n) => `processor\t: ${n}\nmodel name\t: Some CPU\n\n`).join("");
    const { host } = readHost(`${cpus}HM: MSR_IA32_VMX_BASIC = 0xda040000000004\n`);
    expect(host?.cores.map((core) => [core.logicalCpus, core.msrs.has(0x480)])).toEqual([
      ["0", true],
      ["1-2", false],
    ]);
  });

  it("adds facts of other formats to an AIDA64 dump", () => {
    const dump = `------[ CPUID Registers / Logical CPU #0 ]------
CPUID 00000000: 00000016-756E6547-6C65746E-49656E69
CPUID 00000001: 00050654-00010800-77FAF3BF-BFEBFBFF
------[ MSR Registers / Logical CPU #0 ]------
MSR 00000480: 00DA-0400-0000-0004
`;
    const { host, formats } = readHost(`${dump}\nLinux version 6.1.0 (gcc)\nHM: MSR_IA32_VMX_VMFUNC = 0x1\n`);
    expect(new Set(formats)).toEqual(new Set(["aida64", "kernel-log", "vboxlog"]));
    expect(host).toMatchObject({ vendor: "GenuineIntel", kernel: "6.1.0" });
    expect([...(host?.cores[0].msrs.keys() ?? [])]).toEqual([0x480, 0x491]);
  });

  it("reads the same in one piece, in pieces and as bytes", async () => {
    const all = (read: ReadResult) => ({ ...read, evidence: read.evidence() });
    const whole = all(readHost(THREAD));
    async function* pieces() {
      for (let i = 0; i < THREAD.length; i += 7) yield THREAD.slice(i, i + 7);
    }
    expect(all(await readHostStream(pieces()))).toEqual(whole);
    expect(all(readHost(new TextEncoder().encode(THREAD)))).toEqual(whole);
  });

  it("can be read as one format alone", () => {
    const { host, formats } = readHost(THREAD, { format: "params" });
    expect(formats).toEqual(["params"]);
    expect(host).toEqual({
      params: { kvm_intel: { nested: "Y", ept: "Y" } },
      cores: [{ coreTypes: [], msrs: new Map(), cpuid: { features: {} } }],
    });
  });
});

describe("the registry", () => {
  it("says of every format what it knows", () => {
    for (const reader of READERS) {
      expect(reader.knows, reader.name).toMatch(/^\S.*\.$/s);
    }
  });

  it("finds every marked line by its words, or marks only beginnings of lines", () => {
    for (const reader of READERS) {
      if (reader.kind !== "facts") continue;
      expect(reader.words !== undefined || reader.mark.source.startsWith("^"), reader.name).toBe(true);
    }
  });
});
