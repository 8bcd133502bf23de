import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { collectScript } from "../../../src/input/hosts/collect-script.js";
import { onPath } from "../../compare/on-path.js";
import {
  BY_DD,
  BY_RDMSR,
  CPUID,
  expected,
  FILES,
  isLinux,
  LOG,
  QUIET,
  registersOf,
  SKYLAKE,
  said,
} from "./collect-facts.js";
import { collect, isInstalled, machine, NEEDED, PROGRAMS, removeMachines, SHELLS } from "./collect-machine.js";

afterEach(removeMachines);

describe.skipIf(!isLinux)("what is not there is said (needs Linux)", () => {
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

describe.skipIf(!isLinux)("the script, under any user (needs Linux)", () => {
  const SECRETS = ["secret", "0badc0de", "192.0.2.1", "00:53:00", "0000000080050033", "deadcafe", "ffffffff81000000"];

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
