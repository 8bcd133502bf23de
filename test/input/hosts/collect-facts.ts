/* A machine and its texts, and what must be known of it afterwards. */
import { formatU64, parseHexU64, type U64 } from "../../../src/bits/u64.js";
import { formatMsr } from "../../../src/host/msr.js";
import { parseCpuRanges } from "../../../src/input/text/cpu-ranges.js";
import { REGISTERS } from "../../../src/registers/registers.js";
import { type collect, type FakeCpu, PROGRAMS, type Registers } from "./collect-machine.js";

/** The script is for Linux, and asks its programs as they are there. */
export const isLinux = process.platform === "linux";

export const hex = (text: string): U64 => parseHexU64(text) as U64;
export const SKYLAKE: Registers = new Map([
  [0x3a, hex("0x5")],
  [0x480, hex("0xda040000000004")],
  [0x482, hex("0xfff9fffe0401e172")],
  [0x48b, hex("0x1ffcff00000000")],
]);
/** CPUID of a CPU of which leaf 16H is the highest; above it the CPU answers with that one. */
export const CPUID: NonNullable<FakeCpu["cpuid"]> = {
  "0.0": [0x16, 0x756e6547, 0x6c65746e, 0x49656e69],
  "1.0": [0x50654, 0, 0x60 | (1 << 26), (1 << 27) | (1 << 5) | 1],
  "4.0": [0x121, 0, 0, 0],
  "7.0": [0, 1 << 14, 1 << 2, 0],
  "d.1": [0xf, 0, 0, 0],
  "15.0": [2, 250, 0, 0],
  "1a.0": [0x40000001, 7, 7, 7],
  "80000000.0": [0x80000008, 0, 0, 0],
  "80000001.0": [0, 0, 1, (1 << 20) | (1 << 26)],
  "80000008.0": [0x302e, 0, 0, 0],
};
export const FILES = {
  "sys/module/msr/refcnt": "0\n",
  "sys/module/kvm/parameters/tdp_mmu": "Y\n",
  "sys/module/kvm_intel/parameters/ept": "Y\n",
  "sys/module/kvm_intel/parameters/nested": "N\n",
  "sys/module/kvm_intel/parameters/vmentry_l1d_flush": "not required\n",
};
export const LOG = `[    0.000000] Linux version 6.12.107-amd64 (builder@secret.example.org) (gcc 14.2) #1 SMP
[    0.000000] Command line: BOOT_IMAGE=/vmlinuz root=UUID=0badc0de-0000 ip=192.0.2.1
[    0.310000] x86/cpu: VMX (outside TXT) enabled
[    0.400000] eth0: 00:53:00:aa:bb:cc secret.example.org
[    5.000000] kvm_intel: VMCS 00000000deadbeef, last attempted VM-entry on CPU 3
[    5.000001] kvm_intel: *** Guest State ***
[    5.000002] kvm_intel: CR0: actual=0x0000000080050033, shadow=0x0000000060000010
[    5.000003] kvm_intel: EPT pointer = 0x00000000deadcafe
[    6.000000] kvm_intel: VMCS config on CPU 1 doesn't match reference config:
[    6.000001]   Offset 12 REF = 0x0000007f, CPU1 = 0x0000003f, mismatch = 0x00000040
[    7.000000] unchecked MSR access error: RDMSR from 0x492 at rIP: 0xffffffff81000000 (native_read_msr+0x0/0x10)`;
export const QUIET = { dmesg: PROGRAMS.dmesg("Linux version 6.12") };
export const BY_RDMSR = { ...QUIET, rdmsr: PROGRAMS.rdmsr };
export const BY_DD = { ...QUIET, dd: PROGRAMS.dd() };

/** Registers of every logical CPU of a host, as text. */
export function registersOf(result: ReturnType<typeof collect>): Map<number, { [index: string]: string }> {
  const all = new Map<number, { [index: string]: string }>();
  for (const core of result.host?.cores ?? []) {
    const msrs = Object.fromEntries([...core.msrs].map(([index, msr]) => [`0x${index.toString(16)}`, formatMsr(msr)]));
    for (const cpu of parseCpuRanges(core.logicalCpus ?? "") ?? []) all.set(cpu, msrs);
  }
  return all;
}

/** What reading a CPU must give: every register of the table, and "absent" for those that it does not have. */
export function expected(msrs: Registers): { [index: string]: string } {
  return Object.fromEntries(
    REGISTERS.map(({ index }) => {
      const value = msrs.get(index);
      return [`0x${index.toString(16)}`, value === undefined ? "absent" : formatU64(value)];
    }),
  );
}

export const said = ({ diagnostics }: ReturnType<typeof collect>): string[] =>
  diagnostics.map(({ message }) => message);
