import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { formatU64, parseHexU64, type U64 } from "../../src/bits/u64.js";
import { readLiveMachine } from "../../src/cli/live-machine.js";
import { collectScript } from "../../src/fleet/collect-script.js";
import { parseCpuRanges } from "../../src/input/cpu-ranges.js";
import { formatMsr } from "../../src/model/msr.js";
import { REGISTERS } from "../../src/spec/registers.js";
import { onPath } from "../compare/on-path.js";
import { ATLAS_TRUTH } from "../input/truth.js";
import {
  collect,
  type FakeCpu,
  isInstalled,
  machine,
  NEEDED,
  PROGRAMS,
  preadMachine,
  type Registers,
  removeMachines,
  SHELLS,
  type Shell,
} from "./collect-machine.js";

afterEach(removeMachines);

/** The script is for Linux, and asks its programs as they are there. */
const isLinux = process.platform === "linux";

const hex = (text: string): U64 => parseHexU64(text) as U64;
const SKYLAKE: Registers = new Map([
  [0x3a, hex("0x5")],
  [0x480, hex("0xda040000000004")],
  [0x482, hex("0xfff9fffe0401e172")],
  [0x48b, hex("0x1ffcff00000000")],
]);
/** CPUID of a CPU of which leaf 20H is the highest; above it the CPU answers with that one. */
const CPUID: NonNullable<FakeCpu["cpuid"]> = {
  "0.0": [0x16, 0x756e6547, 0x6c65746e, 0x49656e69],
  "1.0": [0x50654, 0, 0x60 | (1 << 26), 1 << 27],
  "4.0": [0x121, 0, 0, 0],
  "7.0": [0, 1 << 14, 1 << 2, 0],
  "d.1": [0xf, 0, 0, 0],
  "15.0": [2, 250, 0, 0],
  "1a.0": [0x40000001, 7, 7, 7],
  "80000000.0": [0x80000008, 0, 0, 0],
  "80000001.0": [0, 0, 0, (1 << 20) | (1 << 26)],
  "80000008.0": [0x302e, 0, 0, 0],
};
const FILES = {
  "sys/module/msr/refcnt": "0\n",
  "sys/module/kvm/parameters/tdp_mmu": "Y\n",
  "sys/module/kvm_intel/parameters/ept": "Y\n",
  "sys/module/kvm_intel/parameters/nested": "N\n",
  "sys/module/kvm_intel/parameters/vmentry_l1d_flush": "not required\n",
};
const LOG = `[    0.000000] Linux version 6.12.107-amd64 (builder@secret.example.org) (gcc 14.2) #1 SMP
[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=UUID=0badc0de-0000 ip=192.0.2.1
[    0.310000] x86/cpu: VMX (outside TXT) enabled
[    0.400000] eth0: 00:53:00:aa:bb:cc secret.example.org
[    5.000000] kvm_intel: VMCS 00000000deadbeef, last attempted VM-entry on CPU 3
[    5.000001] kvm_intel: *** Guest State ***
[    5.000002] kvm_intel: CR0: actual=0x0000000080050033, shadow=0x0000000060000010
[    6.000000] kvm_intel: VMCS config on CPU 1 doesn't match reference config:
[    6.000001]   Offset 12 REF = 0x0000007f, CPU1 = 0x0000003f, mismatch = 0x00000040
[    7.000000] unchecked MSR access error: RDMSR from 0x492 at rIP: 0xffffffff81000000 (native_read_msr+0x0/0x10)`;
const QUIET = { dmesg: PROGRAMS.dmesg("Linux version 6.12") };
const BY_RDMSR = { ...QUIET, rdmsr: PROGRAMS.rdmsr };
const BY_DD = { ...QUIET, dd: PROGRAMS.dd() };

/** Registers of every logical CPU of a host, as text. */
function registersOf(result: ReturnType<typeof collect>): Map<number, { [index: string]: string }> {
  const all = new Map<number, { [index: string]: string }>();
  for (const core of result.host?.cores ?? []) {
    const msrs = Object.fromEntries([...core.msrs].map(([index, msr]) => [`0x${index.toString(16)}`, formatMsr(msr)]));
    for (const cpu of parseCpuRanges(core.logicalCpus ?? "") ?? []) all.set(cpu, msrs);
  }
  return all;
}

/** What reading a CPU must give: every register of the table, and "absent" for those that it does not have. */
function expected(msrs: Registers): { [index: string]: string } {
  return Object.fromEntries(
    REGISTERS.map(({ index }) => {
      const value = msrs.get(index);
      return [`0x${index.toString(16)}`, value === undefined ? "absent" : formatU64(value)];
    }),
  );
}

const said = ({ diagnostics }: ReturnType<typeof collect>): string[] => diagnostics.map(({ message }) => message);

describe.each(SHELLS)("the script in $name", (shell: Shell) => {
  const test = it.skipIf(!isLinux || !isInstalled(shell));
  const note = isInstalled(shell) ? "" : ` (skipped: ${shell.command[0]} is not installed)`;
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
      "kvm_intel: VMCS 00000000deadbeef, last attempted VM-entry on CPU 3",
      "kvm_intel: VMCS config on CPU 1 doesn't match reference config:",
      "Offset 12 REF = 0x0000007f, CPU1 = 0x0000003f, mismatch = 0x00000040",
      "unchecked MSR access error: RDMSR from 0x492 at rIP: 0xffffffff81000000 (native_read_msr+0x0/0x10)",
    ]);
  });

  test(`reads the same without rdmsr${note}`, () => {
    const root = machine(two, FILES);
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

describe.skipIf(!isLinux)("what the script gives is read as it was", () => {
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

  it("for every CPU of the atlas, through rdmsr and through dd", () => {
    // Each CPU as a logical one of the same machine, so that they also must be kept apart.
    const cpus = ATLAS_TRUTH.map(({ msrs }) => ({ msrs }));
    const root = machine(cpus, FILES);
    const registers = registersOf(collect(root, { programs: BY_RDMSR }));
    expect(registers.size).toBe(cpus.length);
    for (const [cpu, { msrs }] of cpus.entries()) expect(registers.get(cpu)).toEqual(expected(msrs));
    const few = cpus.filter((_, i) => i % 8 === 0);
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

describe.skipIf(!isLinux)("what is not there is said", () => {
  const one = [{ msrs: SKYLAKE }];
  const none = (files: { [path: string]: string }, change: (root: string) => void = () => {}) => {
    const root = machine(one, files);
    spawnSync("rm", ["-r", join(root, "dev")]);
    change(root);
    return said(collect(root, { programs: BY_DD }));
  };
  const { "sys/module/msr/refcnt": _, ...noMsrModule } = FILES;

  it("when the msr module is not loaded, and by whom it must be", () => {
    expect(none(noMsrModule)[0]).toMatch(/VMX MSRs: .* the msr module is not loaded; modprobe msr and collect again$/);
    expect(none({ ...noMsrModule, ".dockerenv": "" })[0]).toMatch(/VMX MSRs: this container has no .* on the host/);
    expect(none({ ...noMsrModule, "run/.containerenv": "" })[0]).toMatch(/VMX MSRs: this container/);
    expect(none(FILES)[0]).toMatch(/VMX MSRs: the msr module is loaded and .* is not there/);
  });

  it("and of which CPUs", () => {
    const root = machine([...one, ...one, ...one, ...one], { ...FILES, "sys/devices/system/cpu/cpu1/online": "1\n" });
    for (const cpu of [1, 2]) spawnSync("rm", ["-r", join(root, `dev/cpu/${cpu}`)]);
    const result = collect(root, { programs: BY_DD });
    expect(said(result)[0]).toBe("not collected: VMX MSRs of CPU 1-2: there is no /dev/cpu/N/msr for it");
    expect([...registersOf(result)].map(([cpu, msrs]) => [cpu, Object.keys(msrs).length])).toEqual([
      [0, 21],
      [3, 21],
      [1, 0],
      [2, 0],
    ]);
  });

  it("when CPUs are offline", () => {
    const files = Object.fromEntries([2, 10, 11, 9].map((cpu) => [`sys/devices/system/cpu/cpu${cpu}/online`, "0\n"]));
    const result = collect(machine(one, { ...FILES, ...files, "sys/devices/system/cpu/cpu1/online": "1\n" }), {
      programs: BY_DD,
    });
    expect(said(result)).toContain("offline and therefore not read: CPU 2,9-11");
    expect(registersOf(result).size).toBe(1);
  });

  it("on CPUs of other makers, whose registers of these numbers are other ones", () => {
    const root = machine([{ msrs: SKYLAKE, cpuinfo: { vendor_id: "AuthenticAMD", flags: "svm lahf_lm" } }], FILES);
    const result = collect(root, { programs: BY_RDMSR });
    expect(said(result)[0]).toBe(
      "not collected: VMX MSRs: this CPU is AuthenticAMD, not one of Intel, Centaur or Zhaoxin",
    );
    expect(result.host?.cores[0].msrs.size).toBe(0);
    const zhaoxin = machine([{ msrs: SKYLAKE, cpuinfo: { vendor_id: "  Shanghai  " } }], FILES);
    expect(registersOf(collect(zhaoxin, { programs: BY_RDMSR })).get(0)).toEqual(expected(SKYLAKE));
    const arm = machine([], { ...FILES, "proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\n" });
    expect(said(collect(arm, { programs: BY_DD }))[0]).toMatch(/another architecture/);
  });

  it("when there is no program that could read it", () => {
    const programs = { ...QUIET, dd: undefined, od: undefined };
    const result = collect(machine(one, FILES), { programs });
    expect(said(result)[0]).toBe("not collected: VMX MSRs: there is neither rdmsr nor od or hexdump");
    expect(result.host?.kernel).toBe("6.12.107-amd64");
  });

  it("when nothing at all can be read", () => {
    const root = machine([]);
    spawnSync("rm", ["-r", join(root, "proc"), join(root, "dev")]);
    const { stdout, status } = collect(root, { programs: { dmesg: PROGRAMS.noDmesg } });
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.replace(/: .*/, ""))).toEqual([
      "# vmxlens-collect 1",
      "missing",
      "missing",
      "missing",
      "missing",
      "missing",
      "# end of vmxlens-collect",
      "",
    ]);
  });

  it("when kvm_intel is not loaded, or the log has lost its beginning", () => {
    const programs = { ...BY_DD, dmesg: PROGRAMS.dmesg("[ 9.1] kvm_intel: VMX not supported by CPU 3") };
    const result = collect(machine(one), { programs });
    expect(said(result)).toEqual(
      expect.arrayContaining([
        "not collected: parameters of kvm_intel: the module is not loaded",
        "not collected: kernel messages of the boot: the log no longer has its beginning",
      ]),
    );
    expect(result.host?.observed?.messages).toEqual(["kvm_intel: VMX not supported by CPU 3"]);
    const journalctl = `#!/bin/sh
printf '%s\\n' 'Linux version 6.12' 'kvm: disabled by bios'
`;
    const both = collect(machine(one), { programs: { ...programs, journalctl } });
    expect(both.host?.observed?.messages).toEqual(["kvm: disabled by bios"]);
  });
});

describe.skipIf(!isLinux)("whoever runs the script", () => {
  const SECRETS = ["secret", "0badc0de", "192.0.2.1", "00:53:00", "0000000080050033", "deadcafe"];

  it("gives away no name, address, serial number or content of a guest", () => {
    const root = machine([{ msrs: SKYLAKE, cpuid: CPUID }], {
      ...FILES,
      "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=UUID=0badc0de-0000 ip=192.0.2.1 kvm-intel.nested=1 clearcpuid=514 *\n",
      "proc/sys/kernel/hostname": "secret\n",
      "etc/hostname": "secret\n",
      "sys/class/dmi/id/product_serial": "deadcafe\n",
    });
    const { stdout } = collect(root, { programs: { ...BY_DD, dmesg: PROGRAMS.dmesg(LOG) } });
    for (const secret of SECRETS) expect(stdout).not.toContain(secret);
    expect(stdout).toContain("\ncmdline: kvm-intel.nested=1 clearcpuid=514\n");
  });

  it("finds everything afterwards as it was", () => {
    const root = machine([{ msrs: SKYLAKE, cpuid: CPUID }, { msrs: SKYLAKE }], { ...FILES, "home/x": "", "tmp/x": "" });
    const tree = (): string[] =>
      (readdirSync(root, { recursive: true }) as string[]).sort().map((name) => {
        const file = statSync(join(root, name));
        return `${name} ${file.mtimeMs} ${file.ctimeMs} ${file.mode} ${file.isFile() ? readFileSync(join(root, name), "hex") : ""}`;
      });
    const env = { HOME: join(root, "home"), TMPDIR: join(root, "tmp") };
    const programs = { ...BY_DD, dmesg: PROGRAMS.dmesg(LOG) };
    spawnSync("chmod", ["-R", "a-w,a+rX", root]);
    const before = tree();
    for (const shell of SHELLS.filter(isInstalled)) {
      const { stderr, status } = collect(root, { shell, programs, env, cwd: join(root, "tmp"), unprivileged: true });
      expect({ stderr, status }).toEqual({ stderr: expect.not.stringMatching(/denied|read-only/i), status: 0 });
    }
    expect(tree()).toEqual(before);
  });

  it("sees in it no redirection into a file and no document that a shell would keep in one", () => {
    const targets = [...collectScript().matchAll(/^[^#\n]*$/gm)].flatMap(([line]) =>
      [...line.replace(/'[^']*'/g, "''").matchAll(/\d?>+\s*([^\s;)]+)|<<.*/g)].map(([, target]) => target),
    );
    expect(targets.length).toBeGreaterThan(10);
    expect(new Set(targets)).toEqual(new Set(["&1", "&2", "&3", "/dev/null"]));
  });

  it("is told every program that it starts", () => {
    const root = machine([{ msrs: SKYLAKE, cpuid: CPUID }], { ...FILES, "sys/hypervisor/type": "xen\n" });
    const qemu = "#!/bin/sh\necho 'QEMU emulator version 9.2.1 (v9.2.1)'\n";
    const virsh = "#!/bin/sh\necho 11.0.0\n";
    const result = collect(root, { programs: { ...BY_DD, "qemu-system-x86_64": qemu, virsh } });
    // A program that is not in the list would not be found: PATH has these only.
    expect(result.stderr).toBe("");
    expect(result.stdout).toMatch(/^hypervisor: xen\nqemu: 9\.2\.1\nlibvirt: 11\.0\.0\n# end/m);
    const head = collectScript().split("\n\n")[0] as string;
    for (const program of [...NEEDED, "hexdump", "dmesg", "journalctl", "rdmsr", "qemu-system-x86_64", "virsh"]) {
      expect(head).toContain(program);
    }
  });

  it("gets all of it or nothing when it is cut", () => {
    const whole = collectScript();
    for (const length of [1000, whole.length >> 1, whole.lastIndexOf("main <")]) {
      const run = spawnSync("sh", ["-s"], { input: whole.slice(0, length), encoding: "utf8" });
      expect(run.stdout).toBe("");
    }
  });

  const shellcheck = onPath("shellcheck");
  it.skipIf(shellcheck === undefined)(
    `can have it checked by shellcheck${shellcheck === undefined ? " (skipped: it is not installed)" : ""}`,
    () => {
      for (const dialect of ["sh", "dash", "bash", "ksh"]) {
        const run = spawnSync(shellcheck as string, ["-s", dialect, "-"], { input: collectScript(), encoding: "utf8" });
        expect(run.stdout).toBe("");
        expect(run.status).toBe(0);
      }
    },
  );
});
