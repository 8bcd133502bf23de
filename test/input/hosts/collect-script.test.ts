import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readLiveMachine } from "../../../src/cli/live-machine.js";
import { REGISTERS } from "../../../src/registers/registers.js";
import { oneIn } from "../../deep.js";
import { ATLAS_TRUTH } from "../truth.js";
import {
  BY_DD,
  BY_RDMSR,
  CPUID,
  expected,
  FILES,
  hex,
  isLinux,
  LOG,
  QUIET,
  registersOf,
  SKYLAKE,
  said,
} from "./collect-facts.js";
import {
  collect,
  type FakeCpu,
  isInstalled,
  machine,
  PROGRAMS,
  preadMachine,
  removeMachines,
  SHELLS,
  type Shell,
} from "./collect-machine.js";

afterEach(removeMachines);

describe.each(SHELLS)("the script in $name", (shell: Shell) => {
  const test = it.skipIf(!isLinux || !isInstalled(shell));
  const note = !isLinux
    ? " (skipped: this is not Linux)"
    : isInstalled(shell)
      ? ""
      : ` (skipped: ${shell.command[0]} is not installed)`;
  const two: readonly FakeCpu[] = [
    { msrs: SKYLAKE, cpuid: CPUID },
    { msrs: new Map(), cpuid: CPUID },
  ];

  test(`reads through rdmsr what a machine has${note}`, () => {
    const result = collect(machine(two, FILES), {
      shell,
      programs: { ...BY_DD, ...BY_RDMSR, dmesg: PROGRAMS.dmesg(LOG) },
    });
    expect(result.stderr).toBe("");
    expect(said(result)).toEqual([]);
    expect([...result.formats].sort()).toEqual(["collect", "cpuid", "cpuinfo", "kernel-log", "params"]);
    expect([...registersOf(result)]).toEqual([
      [0, expected(SKYLAKE)],
      [1, expected(new Map())],
    ]);
    expect(result.host).toMatchObject({
      name: "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz",
      vendor: "GenuineIntel",
      kernel: "6.12.107-amd64",
      params: { kvm: { tdp_mmu: "Y" }, kvm_intel: { ept: "Y", nested: "N" } },
    });
    const [core] = result.host?.cores ?? [];
    expect(core).toMatchObject({ signature: 0x50654, microcode: 0x2006e05, coreTypes: [] });
    expect(core?.cpuid).toMatchObject({
      features: { vmx: true, smx: true, mpx: true, umip: true, xsaves: true, pdpe1gb: true, sgx: false, la57: false },
      maxLeaf: 0x16,
      physAddrBits: 46,
    });
    // Leaf 1AH is above the highest.
    expect(result.stdout).not.toContain("0x0000001a");
    expect(result.host?.observed?.messages).toEqual([
      "x86/cpu: VMX (outside TXT) enabled",
      "kvm_intel: VMCS config on CPU 1 doesn't match reference config:",
      "Offset 12 REF = 0x0000007f, CPU1 = 0x0000003f, mismatch = 0x00000040",
      "unchecked MSR access error: RDMSR from 0x492 at rIP: 0x0 (native_read_msr+0x0/0x10)",
    ]);
  });

  test(`prints the parameters that its head names, and nothing that a terminal acts upon${note}`, () => {
    const evil = "\u001b]0;x\u0007\u009b31m\u202e\r";
    const files = {
      ...FILES,
      "sys/module/kvm_amd/parameters/nested": "1\n",
      "sys/module/kvm_pvm/parameters/secret": "1\n",
      "sys/module/kvm/parameters/ignore_msrs": `N${evil}\n`,
      [`sys/module/kvm_intel/parameters/${evil}`]: "Y\n",
      "sys/module/kvm_intel/parameters/new\nline": "Y\n",
      "sys/hypervisor/type": `xen${evil}\n`,
      "proc/cmdline": `kvm.${evil}=1\n`,
      "proc/sys/kernel/osrelease": `6.12${evil}\n`,
    };
    const root = machine([{ msrs: SKYLAKE, cpuid: CPUID }], files);
    const cpuinfo = readFileSync(join(root, "proc/cpuinfo"), "utf8");
    writeFileSync(
      join(root, "proc/cpuinfo"),
      cpuinfo.replace(/GenuineIntel|Intel\(R\)/g, (name) => name + evil),
    );
    const dmesg = PROGRAMS.dmesg(`${LOG}\n[    1.0] kvm: disabled by bios ${evil}\n`);
    const result = collect(root, { shell, programs: { ...BY_DD, dmesg } });
    expect(result.stdout).not.toMatch(/kvm_amd|kvm_pvm|new/);
    expect(result.stdout).toContain("/sys/module/kvm/parameters/ignore_msrs:N?]");
    expect(result.stdout).toContain("hypervisor: xen?");
    expect(result.stdout).toContain("kvm: disabled by bios ?");
    expect(result.stdout + result.stderr).not.toMatch(/[^\t\n -~]/);
  });

  test(`reads the same without rdmsr${note}`, () => {
    const root = machine(two.slice(0, 1), FILES);
    const whole = collect(root, { shell, programs: { ...BY_DD, ...BY_RDMSR } }).stdout;
    expect(collect(root, { shell, programs: BY_DD }).stdout).toBe(whole);
  });

  test(`finds the right bytes in a device, with the dd, od and hexdump that are there${note}`, () => {
    const root = machine([{ msrs: new Map() }], FILES);
    const bytes = Uint8Array.from({ length: 0x493 + 8 }, (_, i) => (i * 151 + (i >> 3)) & 0xff);
    writeFileSync(join(root, "dev/cpu/0/msr"), bytes);
    const view = new DataView(bytes.buffer);
    const values = REGISTERS.map(({ index }) => [
      `0x${index.toString(16)}`,
      `0x${view.getBigUint64(index, true).toString(16)}`,
    ]);
    const ways: { [name: string]: string }[] = [{}, { dd: PROGRAMS.oldDd }];
    if (shell.tools === "busybox") ways.push({ od: PROGRAMS.smallOd, hexdump: '#!/bin/sh\nexec REAL "$@"\n' });
    for (const programs of ways) {
      const result = collect(root, { shell, programs: { ...QUIET, ...programs } });
      expect(registersOf(result).get(0)).toEqual(Object.fromEntries(values));
    }
  });

  test(`takes a real input error for a fault, and nothing else${note}`, () => {
    const root = machine([{ msrs: new Map() }, { msrs: new Map() }, { msrs: new Map() }], FILES);
    // Nothing is mapped at the first addresses of a process, and reading there fails as a faulting MSR does.
    for (const [cpu, target] of [
      [0, "/proc/self/mem"],
      [1, "/dev/null"],
      [2, "/proc/self/status"],
    ] as const) {
      spawnSync("ln", ["-sf", target, join(root, `dev/cpu/${cpu}/msr`)]);
    }
    for (const programs of [QUIET, { ...QUIET, dd: PROGRAMS.oldDd }]) {
      const result = collect(root, { shell, programs });
      const registers = registersOf(result);
      expect(registers.get(0)).toEqual(expected(new Map()));
      expect(registers.get(1)).toEqual({});
      expect(said(result)).toContain("MSR 0x480 (IA32_VMX_BASIC) of CPU 1 was not read: dd does not get eight bytes");
      // Too short a text for the higher ones.
      expect(Object.values(registers.get(2) ?? {})).not.toContain("absent");
    }
  });

  test(`says what an ordinary user cannot read, and reads the rest${note}`, () => {
    const root = machine(two, FILES);
    for (const cpu of [0, 1]) {
      for (const device of ["msr", "cpuid"]) spawnSync("chmod", ["000", join(root, `dev/cpu/${cpu}/${device}`)]);
    }
    const result = collect(root, {
      shell,
      programs: { ...BY_DD, ...BY_RDMSR, dmesg: PROGRAMS.noDmesg },
      unprivileged: true,
    });
    expect(said(result)).toEqual([
      "not collected: VMX MSRs: only root may read /dev/cpu/N/msr; collect with sudo",
      "not collected: CPUID of CPU 0-1: /dev/cpu/N/cpuid cannot be read; modprobe cpuid, and collect with sudo",
      "not collected: kernel messages: dmesg: read kernel buffer failed: Operation not permitted",
    ]);
    // Nobody read them: not absent.
    expect([...registersOf(result)]).toEqual([
      [0, {}],
      [1, {}],
    ]);
    expect(result.host).toMatchObject({ kernel: "6.12.107-amd64", params: { kvm_intel: { ept: "Y" } } });
    expect(result.host?.cores[0]).toMatchObject({ signature: 0x50654, microcode: 0x2006e05 });
    expect(result.stderr.match(/^vmxlens-collect: missing: /gm)).toHaveLength(3);
  });
});

describe.skipIf(!isLinux)("what the script gives is read as it was (needs Linux)", () => {
  it.each([
    [
      "an rdmsr that may not open the device",
      { rdmsr: "#!/bin/sh\necho 'rdmsr: open: Permission denied' >&2\nexit 127\n" },
    ],
    ["another program of that name", { rdmsr: "#!/bin/sh\necho 1\n" }],
    ["the C library musl, which has other words for a fault", { dd: PROGRAMS.dd("I/O error") }],
  ] as const)("with %s", (_, programs) => {
    const result = collect(machine([{ msrs: SKYLAKE }], FILES), { programs: { ...BY_DD, ...programs } });
    expect(registersOf(result).get(0)).toEqual(expected(SKYLAKE));
  });

  it("for CPUs of the atlas, through rdmsr and through dd", () => {
    // Each CPU as a logical one of the same machine, so that they also must be kept apart.
    const cpus = oneIn(16, ATLAS_TRUTH).map(({ msrs }) => ({ msrs }));
    const root = machine(cpus, FILES);
    const registers = registersOf(collect(root, { programs: BY_RDMSR }));
    expect(registers.size).toBe(cpus.length);
    for (const [cpu, { msrs }] of cpus.entries()) expect(registers.get(cpu)).toEqual(expected(msrs));
    const few = cpus.filter((_, i) => i % 4 === 0);
    const byDd = registersOf(collect(machine(few, FILES), { programs: BY_DD }));
    expect([...byDd.keys()].sort((a, b) => a - b)).toEqual(few.map((_, i) => i));
    for (const [cpu, { msrs }] of few.entries()) expect(byDd.get(cpu)).toEqual(expected(msrs));
  });

  const kinds = ["40", "20", "20"].map(
    (kind, i): FakeCpu => ({
      msrs: i === 0 ? SKYLAKE : new Map([...SKYLAKE, [0x48b, hex("0x7ffcff00000000")]]),
      cpuid: {
        ...CPUID,
        "0.0": [0x20, 0x756e6547, 0x6c65746e, 0x49656e69],
        "4.3": [i === 2 ? 0 : 0x163, 0, 0, 0],
        "7.0": [0, 0, 0, 1 << 15],
        "1a.0": [Number.parseInt(`${kind}000001`, 16), 0, 0, 0],
      },
      cpuinfo: { "cpuid level": "32", ...(i === 1 ? { microcode: "0x2006e06" } : {}) },
    }),
  );
  const sysfs = {
    ...FILES,
    "sys/devices/cpu_core/cpus": "0\n",
    "sys/devices/cpu_atom/cpus": "1-2\n",
    "sys/devices/system/cpu/cpu0/cache/index0/level": "1\n",
    "sys/devices/system/cpu/cpu0/cache/index3/level": "3\n",
    "sys/devices/system/cpu/cpu1/cache/index0/level": "1\n",
    "sys/devices/system/cpu/cpu1/cache/index3/level": "3\n",
    "sys/devices/system/cpu/cpu2/cache/index0/level": "1\n",
  };

  it.each([
    ["of a hybrid with CPUID", kinds, sysfs],
    ["of a hybrid whose cores sysfs tells apart", kinds.map(({ cpuid: _, ...cpu }) => cpu), sysfs],
    ["of a machine without kinds of cores", [{ msrs: SKYLAKE, cpuid: CPUID }, { msrs: SKYLAKE }], FILES],
    [
      "with clearcpuid on its command line",
      [{ msrs: SKYLAKE, cpuinfo: { flags: "vmx lahf_lm" } }],
      { ...FILES, "proc/cmdline": "quiet clearcpuid=smx\n" },
    ],
  ] as const)("and is the same %s as vmxlens reads by itself there", (_, cpus, files) => {
    const root = machine(cpus, files);
    const { host } = collect(root, { programs: BY_DD });
    const live = readLiveMachine({ root, platform: "linux", pread: preadMachine }).host;
    expect(host?.cores).toEqual(live?.cores);
    for (const fact of ["name", "vendor", "kernel"] as const) expect(host?.[fact]).toBe(live?.[fact]);
    expect({ ...host?.params?.kvm }).toEqual(live?.params?.kvm);
  });

  it("with P, E and LP-E cores apart", () => {
    for (const cpus of [kinds, kinds.map(({ cpuid: _, ...cpu }) => cpu)]) {
      const { host } = collect(machine(cpus, sysfs), { programs: BY_DD });
      expect(host?.cores.map(({ coreTypes, logicalCpus, microcode }) => [coreTypes, logicalCpus, microcode])).toEqual([
        [["P"], "0", 0x2006e05],
        [["E"], "1", 0x2006e06],
        [["LP-E"], "2", 0x2006e05],
      ]);
    }
  });

  it("as it is on this machine", () => {
    const { host: live, missing } = readLiveMachine();
    const { host } = collect("", { env: { VMXLENS_ROOT: "" }, cwd: "/", programs: QUIET });
    if (live === undefined) expect(missing).not.toEqual([]);
    expect(host?.kernel).toBe(release());
    for (const { msrs, ...core } of live?.cores ?? []) {
      const same = host?.cores.find(({ logicalCpus }) => logicalCpus === core.logicalCpus);
      expect(same).toMatchObject(core);
      // What the flags prove comes on top of what was read.
      for (const [index, msr] of msrs) expect(same?.msrs.get(index)).toEqual(msr);
    }
  });
});
