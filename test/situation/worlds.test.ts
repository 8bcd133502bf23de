import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CoreGroup, Host } from "../../src/host/host.js";
import { msrBit } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { readHost } from "../../src/input/read.js";
import { replay } from "../../src/kvm/replay.js";
import { cpuFlags } from "../../src/linux/cpuinfo.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import { assume } from "../../src/situation/assume.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";

const loads = (text: string, kernel?: string) => {
  const { host } = readHost(text);
  if (host === undefined) throw new Error(`no host in ${text}`);
  return replays(situation(host, kernel === undefined ? {} : { kernel })).loads;
};

const CPUINFO = `processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 142
model name\t: Intel(R) Core(TM) i7-7500U CPU @ 2.70GHz
stepping\t: 9
flags\t\t: fpu vme de pse FLAGS ss syscall nx lahf_lm fsgsbase arat
`;

describe("whether KVM loads is known where every case of what was not read agrees", () => {
  it.each([
    ["0x3a is 1, nothing else was read", "$ sudo rdmsr -a 0x3a\n1\n1\n", "no"],
    ["0x3a is 0: Linux may set it", "$ sudo rdmsr -a 0x3a\n0\n", "unknown"],
    ["0x3a is 5: the controls are open", "$ sudo rdmsr -a 0x3a\n5\n", "unknown"],
    ["a whole list of flags without vmx", CPUINFO.replace("FLAGS", "tsc"), "no"],
    ["a list with vmx", CPUINFO.replace("FLAGS", "vmx"), "unknown"],
    ["grep -c vmx gave 0", "$ grep -c vmx /proc/cpuinfo\n0\n", "no"],
    ["the module is loaded", "kvm_intel 290816 0\nkvm 823296 1 kvm_intel\n", "yes"],
    ["a parameter that exists", "/sys/module/kvm_intel/parameters/ept:Y\n", "yes"],
    ["no vendor's module: perhaps nobody loaded it", "kvm 1105920 0\n", "unknown"],
    ["the kernel refused it", "modprobe: ERROR: could not insert 'kvm_intel': Input/output error\n", "no"],
    ["the boot message", "x86/cpu: VMX (outside TXT) disabled by BIOS\n", "no"],
    ["an old kernel's message", "kvm: disabled by bios\n", "no"],
    [
      "kvm_amd's probe says nothing of VMX",
      "has_svm: not amd or hygon\nkvm: no hardware support\n0x480 0xda040000000004\n",
      "unknown",
    ],
  ])("%s", (_, text, expected) => {
    expect(loads(text)).toBe(expected);
  });

  it.each(["5.4", "5.15", "6.1", "6.12", "7.3"])("under Linux %s, too", (kernel) => {
    expect(loads("$ sudo rdmsr -a 0x3a\n1\n", kernel)).toBe("no");
    expect(loads(CPUINFO.replace("FLAGS", "tsc"), kernel)).toBe("no");
  });
});

describe("what a message proves", () => {
  const known = (text: string) => {
    const { host } = readHost(text);
    if (host === undefined) throw new Error("no host");
    return situation(host);
  };

  it("VMX (outside TXT) disabled by BIOS: CPUID has VMX, IA32_FEAT_CTL is locked without bit 2, a vendor that is looked at", () => {
    const { host } = known("x86/cpu: VMX (outside TXT) disabled by BIOS\n");
    const [core] = host.cores;
    const msr = core.msrs.get(0x3a) ?? { state: "unknown" as const };
    expect([core.cpuid.features.vmx, msrBit(msr, 0), msrBit(msr, 2)]).toEqual([true, "yes", "no"]);
  });

  it("EIO at load: VMX was found and is on", () => {
    const { host } = known("modprobe: ERROR: could not insert 'kvm_intel': Input/output error\n");
    expect(host.cores[0].cpuid.features.vmx).toBe(true);
    expect(msrBit(host.cores[0].msrs.get(0x3a) ?? { state: "unknown" }, 2)).toBe("yes");
  });

  it("nothing, where another line says the contrary; both are named", () => {
    const made = known("x86/cpu: VMX (outside TXT) disabled by BIOS\nkvm_intel 290816 0\nkvm 823296 1 kvm_intel\n");
    expect(made.notes.join()).toMatch(
      /cannot both be true.*disabled by BIOS.*kvm_intel loads|cannot both be true.*kvm_intel loads.*disabled by BIOS/,
    );
  });
});

/** Hosts of which everything is known, and what Linux reports of each. */
const ATLAS = atlas().filter((_, at) => at % 6 === 0);
const FIRMWARE = ["firmware=enabled", "firmware=disabled", "firmware=unlocked"] as const;

describe("cases are sound", () => {
  it("what is made known of a machine by its reports is true of it", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ATLAS),
        fc.constantFrom(...FIRMWARE),
        fc.constantFrom<Release>(...RELEASES),
        fc.boolean(),
        fc.boolean(),
        (entry, firmware, release, hidesVmx, hidesVendor) => {
          const whole = assume(assume(entryHost(entry), "registers=sdm").host, firmware).host;
          const truth = replay(whole, { release });
          const vmxFlag = cpuFlags(release, (name) => truth.cpu.bit("caps", name)).find(({ flag }) => flag === "vmx");
          const messages = [...truth.cpu.boot.messages, ...truth.cpu.load.messages].flatMap(({ text, certain }) =>
            certain === true ? [text.trim()] : [],
          );
          const hide = (core: CoreGroup): CoreGroup => {
            const { vmx: _, ...features } = core.cpuid.features;
            const msrs = new Map([...core.msrs].filter(([index]) => index !== 0x3a));
            return { ...core, msrs, cpuid: { ...core.cpuid, features: hidesVmx ? features : core.cpuid.features } };
          };
          const { vendor, ...others } = whole;
          const asked: Host = {
            ...others,
            ...(hidesVendor || vendor === undefined ? {} : { vendor }),
            kernel: release.includes(" ") ? "6.12" : release,
            observed: {
              messages,
              ...(vmxFlag === undefined || vmxFlag.set === "unknown" ? {} : { vmx: vmxFlag.set === "yes" }),
            },
            cores: whole.cores.map(hide) as unknown as Host["cores"],
          };
          const made = situation(asked, { kernel: release });
          const [core] = made.host.cores;
          const [real] = whole.cores;
          const { vmx } = core.cpuid.features;
          if (vmx !== undefined) expect(vmx).toBe(real.cpuid.features.vmx ?? true);
          for (const bit of [0, 2]) {
            const said = msrBit(core.msrs.get(0x3a) ?? { state: "unknown" }, bit);
            const is = msrBit(real.msrs.get(0x3a) ?? { state: "unknown" }, bit);
            // Linux locks a register that the firmware left open, and it is read after that.
            if (said !== "unknown" && firmware !== "firmware=unlocked") expect([bit, said]).toEqual([bit, is]);
          }
          const { loads: known } = replays(made);
          if (known !== "unknown" && truth.loads !== "unknown") expect(known).toBe(truth.loads);
        },
      ),
      { numRuns: 300 },
    );
  });
});
