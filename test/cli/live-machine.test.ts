import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Pread, readLiveMachine } from "../../src/cli/live-machine.js";
import { formatMsr } from "../../src/host/msr.js";

const FLAGS = "fpu vme msr ss nx pdpe1gb vmx smx xsave xsaves ept vpid";

function cpuinfo(count: number, changes: { [field: string]: string } = {}): string {
  const fields = {
    vendor_id: "GenuineIntel",
    "cpu family": "6",
    model: "85",
    "model name": "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz",
    stepping: "4",
    microcode: "0x2006e05",
    "cpuid level": "22",
    flags: FLAGS,
    "vmx flags": "vnmi preemption_timer invvpid ept_x_only",
    "address sizes": "46 bits physical, 48 bits virtual",
    ...changes,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name.padEnd(16)}: ${value}`);
  return Array.from({ length: count }, (_, cpu) => `processor\t: ${cpu}\n${lines.join("\n")}\n\n`).join("");
}

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

/** A directory that stands for the root of a machine. */
function machine(files: { [path: string]: string }): string {
  const root = mkdtempSync(join(tmpdir(), "vmxlens-"));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const LOADED = {
  "proc/cpuinfo": cpuinfo(2),
  "proc/sys/kernel/osrelease": "6.12.107-amd64\n",
  "sys/module/kvm/parameters/tdp_mmu": "Y\n",
  "sys/module/kvm_intel/parameters/ept": "Y\n",
  "sys/module/kvm_intel/parameters/nested": "Y\n",
};

function failure(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall });
}

const MSRS: { [index: string]: bigint } = { "0x3a": 5n, "0x480": 0xda0400_0000_0004n, "0x48b": 0x1ffcff_0000_0000n };

/** Devices that have MSRS and CPUID of a CPU with leaf 1AH and without SGX. */
function devices(change: (cpu: number, index: string) => bigint | undefined = () => undefined): Pread {
  return (file, position, length) => {
    const [, cpu, device] = /dev\/cpu\/(\d+)\/(msr|cpuid)$/.exec(file) ?? [];
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    if (device === "msr") {
      const index = `0x${position.toString(16)}`;
      const value = change(Number(cpu), index) ?? MSRS[index];
      if (value === undefined) throw failure("EIO", "read");
      view.setBigUint64(0, value, true);
      return bytes;
    }
    const leaves: { [leaf: string]: number[] } = {
      "0": [0x16, 0x756e6547, 0x6c65746e, 0x49656e69],
      "80000000": [0x80000008, 0, 0, 0],
      "1": [0x50654, 0, 1 << 5, 1 << 27],
      "80000008": [0x302e, 0, 0, 0],
      "10000000d": [0xf, 0, 0, 0],
    };
    const leaf = leaves[position.toString(16)] ?? [0, 0, 0, 0];
    for (const [i, register] of leaf.entries()) view.setUint32(i * 4, register, true);
    return bytes;
  };
}

describe("a machine with everything readable", () => {
  const read = (pread = devices()) => readLiveMachine({ root: machine(LOADED), platform: "linux", pread });

  it("gives MSRs, faults as absent, CPUID, parameters, release", () => {
    const { host, missing } = read();
    expect(missing).toEqual([]);
    expect(host).toMatchObject({
      name: "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz",
      vendor: "GenuineIntel",
      kernel: "6.12.107-amd64",
      params: { kvm: { tdp_mmu: "Y" }, kvm_intel: { ept: "Y", nested: "Y" } },
      source: "this machine",
    });
    expect(host?.cores).toHaveLength(1);
    const core = host?.cores[0];
    expect(core).toMatchObject({ logicalCpus: "0-1", signature: 0x50654, microcode: 0x2006e05, coreTypes: [] });
    expect(core?.msrs.size).toBe(21);
    const shown = [0x3a, 0x480, 0x481, 0x48b, 0x493].map((i) => formatMsr(core?.msrs.get(i) ?? { state: "unknown" }));
    expect(shown).toEqual(["0x5", "0xda040000000004", "absent", "0x1ffcff00000000", "absent"]);
    expect(core?.cpuid).toMatchObject({
      features: { vmx: true, smx: false, ss: true, xsaves: true, sgx: false, nx: false },
      maxLeaf: 0x16,
      physAddrBits: 46,
    });
  });

  it("keeps CPUs apart that differ", () => {
    const { host } = read(
      devices((cpu, index) => (cpu === 1 && index === "0x48b" ? 0x2_1ffcff_0000_0000n : undefined)),
    );
    expect(host?.cores.map((c) => c.logicalCpus)).toEqual(["0", "1"]);
  });

  it("knows the vendor string of Zhaoxin with its blanks", () => {
    const root = machine({ ...LOADED, "proc/cpuinfo": cpuinfo(1, { vendor_id: "  Shanghai  " }) });
    expect(readLiveMachine({ root, platform: "linux", pread: devices() }).host?.vendor).toBe("  Shanghai  ");
  });
});

describe("what cannot be read is named with a remedy", () => {
  const cases: readonly (readonly [string, { [path: string]: string }, Pread, RegExp, string | undefined])[] = [
    ["no msr module", LOADED, throwing("ENOENT", "open"), /msr module is not loaded/, "sudo modprobe msr"],
    [
      "a container",
      { ...LOADED, ".dockerenv": "" },
      throwing("ENOENT", "open"),
      /container/,
      "sudo modprobe msr, on the host; then docker run --privileged",
    ],
    [
      "a loaded module without devices",
      { ...LOADED, "sys/module/msr/refcnt": "0" },
      throwing("ENOENT", "open"),
      /module is loaded/,
      undefined,
    ],
    ["an ordinary user", LOADED, throwing("EACCES", "open"), /only root/, "sudo vmxlens"],
    ["root without the capability", LOADED, throwing("EPERM", "open"), /CAP_SYS_RAWIO/, "sudo vmxlens"],
    ["a CPU without MSRs", LOADED, throwing("EIO", "open"), /fails with EIO/, undefined],
    ["a short read", LOADED, () => new Uint8Array(3), /fails with EOF/, undefined],
  ];

  it.each(cases)("%s", (_, files, pread, why, type) => {
    const { host, missing } = readLiveMachine({ root: machine(files), platform: "linux", pread });
    expect(missing[0]).toMatchObject({ what: "VMX MSRs", why: expect.stringMatching(why) });
    expect(missing[0]?.type).toBe(type);
    // Nothing is made up for the MSRs, and the rest is there.
    expect(host?.cores[0].msrs.size).toBe(0);
    expect(host?.kernel).toBe("6.12.107-amd64");
  });

  it("the CPUs concerned when it is not all of them", () => {
    const all = devices();
    const pread: Pread = (file, position, length) => {
      if (file.includes("cpu/1/")) throw failure("ENXIO", "open");
      return all(file, position, length);
    };
    const { host, missing } = readLiveMachine({ root: machine(LOADED), platform: "linux", pread });
    expect(missing[0]).toEqual({ what: "VMX MSRs of CPU 1", why: "the CPU is offline" });
    expect(host?.cores.map((c) => [c.logicalCpus, c.msrs.size])).toEqual([
      ["0", 21],
      ["1", 0],
    ]);
  });

  it("CPUID, of which /proc/cpuinfo proves only a part", () => {
    const msrOnly: Pread = (file, position, length) => {
      if (file.endsWith("cpuid")) throw failure("ENOENT", "open");
      return devices()(file, position, length);
    };
    const { host, missing } = readLiveMachine({ root: machine(LOADED), platform: "linux", pread: msrOnly });
    expect(missing).toMatchObject([{ what: "CPUID", type: "sudo modprobe cpuid" }]);
    expect(host?.cores[0]).toMatchObject({ signature: 0x50654 });
    // Linux clears or hides the flags that are not here, so their absence proves nothing.
    expect(host?.cores[0].cpuid).toEqual({
      features: {
        fpu: true,
        msr: true,
        vmx: true,
        smx: true,
        nx: true,
        ss: true,
        pdpe1gb: true,
        xsave: true,
        xsaves: true,
        hypervisor: false,
      },
      maxLeaf: 22,
      physAddrBits: 46,
      linAddrBits: 48,
    });
    const cleared = machine({
      ...LOADED,
      "proc/cmdline": "quiet clearcpuid=umip",
      "proc/cpuinfo": cpuinfo(1, { flags: "vmx tme" }),
    });
    const facts = readLiveMachine({ root: cleared, platform: "linux", pread: msrOnly }).host?.cores[0].cpuid;
    expect(facts).toEqual({ features: { vmx: true }, maxLeaf: 22, linAddrBits: 48 });
  });

  it("a hypervisor that hides VMX, and firmware that disabled it", () => {
    const hidden = machine({ ...LOADED, "proc/cpuinfo": cpuinfo(1, { flags: "msr hypervisor" }) });
    expect(readLiveMachine({ root: hidden, platform: "linux", pread: devices() }).missing[0]).toMatchObject({
      what: "VMX",
      why: expect.stringContaining("hypervisor hides VMX"),
      type: expect.stringContaining("nested=1"),
    });
    const disabled = machine({ ...LOADED, "proc/cpuinfo": cpuinfo(1, { flags: "msr" }) });
    expect(readLiveMachine({ root: disabled, platform: "linux", pread: devices() }).missing[0]?.why).toMatch(
      /firmware disabled it/,
    );
  });

  it("kvm_intel that is not loaded", () => {
    const root = machine({ "proc/cpuinfo": LOADED["proc/cpuinfo"], "proc/sys/kernel/osrelease": "6.1.0\n" });
    const { host, missing } = readLiveMachine({ root, platform: "linux", pread: devices() });
    expect(missing).toMatchObject([{ what: "parameters of kvm_intel", type: "sudo modprobe kvm_intel" }]);
    expect(host?.params).toBeUndefined();
  });
});

describe("a machine that has no VMX MSRs by its kind", () => {
  it.each([
    ["another system", "darwin", LOADED, /does not run Linux/],
    ["no /proc", "linux", { x: "" }, /cannot be read/],
    [
      "another architecture",
      "linux",
      { "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n" },
      /another architecture/,
    ],
    [
      "a CPU of AMD",
      "linux",
      { "proc/cpuinfo": cpuinfo(1, { vendor_id: "AuthenticAMD", flags: "svm msr" }) },
      /AMD CPU, which has SVM/,
    ],
  ])("%s gives no host and the reason", (_, platform, files, why) => {
    const result = readLiveMachine({ root: machine(files), platform, pread: devices() });
    expect(result.host).toBeUndefined();
    expect(result.missing).toMatchObject([{ why: expect.stringMatching(why) }]);
  });
});

describe("hybrids without the cpuid device", () => {
  it("get their core types from sysfs, an Atom core without level-3 cache being LP-E", () => {
    const files: { [path: string]: string } = {
      ...LOADED,
      "proc/cpuinfo": cpuinfo(3, { flags: `${FLAGS} hybrid_cpu` }),
      "sys/devices/cpu_core/cpus": "0\n",
      "sys/devices/cpu_atom/cpus": "1-2\n",
    };
    for (const cpu of [0, 1]) files[`sys/devices/system/cpu/cpu${cpu}/cache/index3/level`] = "3\n";
    for (const cpu of [0, 1, 2]) files[`sys/devices/system/cpu/cpu${cpu}/cache/index0/level`] = "1\n";
    const { host } = readLiveMachine({ root: machine(files), platform: "linux", pread: throwing("EACCES", "open") });
    expect(host?.cores.map((c) => [c.logicalCpus, c.coreTypes])).toEqual([["0-2", ["P", "E", "LP-E"]]]);
  });
});

describe("the real devices", () => {
  it.skipIf(process.platform !== "linux")(
    "are opened for reading, and EIO while reading is a fault of the MSR (needs Linux)",
    () => {
      const root = machine(LOADED);
      // Nothing is mapped at the first addresses of a process, and reading there fails as a faulting MSR does.
      mkdirSync(join(root, "dev/cpu/0"), { recursive: true });
      symlinkSync("/proc/self/mem", join(root, "dev/cpu/0/msr"));
      const { host, missing } = readLiveMachine({ root, platform: "linux" });
      expect(host?.cores[0].logicalCpus).toBe("0");
      expect(host?.cores[0].msrs.size).toBe(21);
      expect([...(host?.cores[0].msrs.values() ?? [])].every((msr) => msr.state === "absent")).toBe(true);
      expect(missing[0]).toEqual({ what: "VMX MSRs of CPU 1", why: "there is no /dev/cpu/N/msr for it" });
    },
  );

  it("give the bytes that stand at the number of the MSR, low byte first", () => {
    const root = machine({ ...LOADED, "proc/cpuinfo": cpuinfo(1) });
    mkdirSync(join(root, "dev/cpu/0"), { recursive: true });
    writeFileSync(
      join(root, "dev/cpu/0/msr"),
      Buffer.concat([Buffer.alloc(0x3a), Buffer.from([5, 0, 0, 0, 1, 0, 0, 0])]),
    );
    const { host, missing } = readLiveMachine({ root, platform: "linux" });
    expect(formatMsr(host?.cores[0].msrs.get(0x3a) ?? { state: "unknown" })).toBe("0x100000005");
    expect(missing[0]?.why).toMatch(/EOF/);
  });
});

function throwing(code: string, syscall: string): Pread {
  return () => {
    throw failure(code, syscall);
  };
}
