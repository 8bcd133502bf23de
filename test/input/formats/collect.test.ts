import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHexU64, type U64 } from "../../../src/bits/u64.js";
import { formatMsr } from "../../../src/host/msr.js";
import { readHost } from "../../../src/input/read.js";
import { tries } from "../../deep.js";
import { compare } from "../truth.js";

const SCRIPT_SAID = `# vmxlens-collect 1
release: 6.12.107-amd64
cmdline: kvm-intel.nested=1
processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 151
model name	: 12th Gen Intel(R) Core(TM) i9-12900K
stepping	: 2
microcode	: 0x3a
flags		: fpu vme msr vmx lahf_lm

offline: 2-3,9
msr 0 0x3a 0000000000000005
msr 0 0x480 03da050000000013
msr 0 0x492 fault
msr 1 0x480 failed: the CPU went offline
msr 8 0x480 03da050000000013
missing: CPUID of CPU 0-1,8: /dev/cpu/N/cpuid cannot be read; modprobe cpuid, and collect with sudo
/sys/devices/cpu_core/cpus:0-1
/sys/devices/cpu_atom/cpus:8
/sys/devices/system/cpu/cpu0/cache/index2/level:2
/sys/devices/system/cpu/cpu0/cache/index3/level:3
/sys/devices/system/cpu/cpu8/cache/index2/level:2
/sys/module/kvm_intel/parameters/nested:N
[    0.310000] x86/cpu: VMX (outside TXT) enabled
hypervisor: xen
qemu: 9.2.1
libvirt: 11.0.0
# end of vmxlens-collect
`;

const messages = (text: string) =>
  readHost(text).diagnostics.map(({ severity, line, message }) => [severity, line, message]);
const msrsOf = (text: string) =>
  readHost(text).host?.cores.map(({ logicalCpus, msrs }) => [
    logicalCpus,
    [...msrs].map(([index, msr]) => `${index.toString(16)} ${formatMsr(msr)}`),
  ]);

describe("the output of vmxlens collect", () => {
  it("has values, faults and what was not read, of every CPU", () => {
    expect(msrsOf(SCRIPT_SAID)).toEqual([
      ["0", ["3a 0x5", "480 0x3da050000000013", "492 absent"]],
      ["1", []],
      ["8", ["480 0x3da050000000013"]],
    ]);
    expect(messages(SCRIPT_SAID)).toEqual([
      ["note", 13, "offline and therefore not read: CPU 2-3,9"],
      ["warning", 17, "MSR 0x480 (IA32_VMX_BASIC) of CPU 1 was not read: the CPU went offline"],
      [
        "warning",
        19,
        "not collected: CPUID of CPU 0-1,8: /dev/cpu/N/cpuid cannot be read; modprobe cpuid, and collect with sudo",
      ],
    ]);
  });

  it("has what other readers know, and kinds of cores", () => {
    const { host, formats } = readHost(SCRIPT_SAID);
    expect([...formats].sort()).toEqual(["collect", "cpuinfo", "kernel-log", "params"]);
    expect(host).toMatchObject({
      kernel: "6.12.107-amd64",
      name: "12th Gen Intel(R) Core(TM) i9-12900K",
      params: { kvm_intel: { nested: "N" } },
      observed: { messages: ["x86/cpu: VMX (outside TXT) enabled"] },
    });
    expect(host?.cores.map(({ logicalCpus, coreTypes }) => [logicalCpus, coreTypes])).toEqual([
      ["0", ["P"]],
      ["1", ["P"]],
      ["8", ["LP-E"]],
    ]);
    expect(host?.cores[0]).toMatchObject({ signature: 0x90672, microcode: 0x3a });
  });

  it("is read the same from a mail, a terminal or Windows", () => {
    const plain = readHost(SCRIPT_SAID).host;
    expect(readHost(SCRIPT_SAID.replace(/^/gm, "> ")).host).toEqual(plain);
    expect(readHost(SCRIPT_SAID.replaceAll("\n", "\r\n")).host).toEqual(plain);
  });

  it("of two machines is two hosts, also when they are alike", () => {
    const { hosts } = readHost(SCRIPT_SAID + SCRIPT_SAID.replace("03da050000000013", "03da050000000014"));
    expect(hosts.map(({ cores }) => formatMsr(cores[0].msrs.get(0x480) ?? { state: "unknown" }))).toEqual([
      "0x3da050000000013",
      "0x3da050000000014",
    ]);
  });

  it("of a later version is not taken for this one", () => {
    const later = SCRIPT_SAID.replace("collect 1", "collect 2");
    expect(messages(later)[0]).toEqual(["error", 1, "not a version of vmxlens collect that is known here"]);
  });

  it("says when its end is missing, and then claims no more than it has", () => {
    const truth = new Map<number, U64>([
      [0x3a, parseHexU64("0x5") as U64],
      [0x480, parseHexU64("0x3da050000000013") as U64],
    ]);
    fc.assert(
      fc.property(fc.nat({ max: SCRIPT_SAID.length - 2 }), (length) => {
        const { hosts, diagnostics } = readHost(SCRIPT_SAID.slice(0, length));
        for (const core of hosts.flatMap(({ cores }) => cores)) {
          expect(compare(core.msrs, truth).wrong).toEqual([]);
          // An Atom core may be an E core whose level-3 cache stands behind the cut.
          expect(core.coreTypes).toEqual([]);
        }
        expect(["6.12.107-amd64", undefined]).toContain(hosts[0]?.kernel);
        for (const { message } of diagnostics.filter(({ line }) => line === 13)) expect(message).toMatch(/ CPU 2-3,9$/);
        const [header, end] = [SCRIPT_SAID.indexOf("\n"), SCRIPT_SAID.indexOf("# end of vmxlens-collect")];
        if (length > header && length < end) {
          expect(diagnostics.map(({ message }) => message)).toContain(
            "the output of vmxlens collect is not whole: its last line is missing",
          );
        }
      }),
      { numRuns: tries(400) },
    );
  });
});
