import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";

/*
 * Steps and sentences that fit the program, the vendor, the age and the place that the text shows, whatever message it holds.
 */

const answerTo = async (text: string): Promise<string> => (await inShort(text)).lines(300).join("\n");

const NESTED = "$ cat /sys/module/kvm_intel/parameters/nested\nY\nIn the guest:\n$ grep -c vmx /proc/cpuinfo\n0\n";
const MISSING = "error: operation failed: guest CPU doesn't match specification: missing features: avx512f,clwb\n";
const MESSAGES = [
  NESTED,
  "kvm: warning: host doesn't support requested feature: CPUID.01H:ECX.aes [bit 25]\nkvm: Host doesn't support requested features\n",
  "qemu-system-x86_64: error: failed to set MSR 0x480 to 0x0\n",
  "Fatal glibc error: CPU does not support x86-64-v2\n",
  "qemu-system-x86_64: Failed to put registers after init: Invalid argument\n",
  "kvm: CPU model 'host' requires KVM or HVF\n",
];

describe.each([
  ["Proxmox", "root@pve:~# qm start 101\n", /(?:^|[:;] )(?:-cpu (?:host|max)(?:;|$)|<cpu mode)/m],
  ["libvirt", "$ virsh start lab\n", /(?:^|[:;] )qm set\b|# Proxmox: qm set/m],
  ["QEMU by hand", "$ qemu-system-x86_64 -m 4G -enable-kvm -hda a.img\n", /(?:^|[:;] )(?:qm set\b|<cpu mode)/m],
] as const)("where %s starts the guests", (_, shows, never) => {
  it.each(MESSAGES)("no step is another program's: %s", async (message) => {
    expect(await answerTo(`${shows}${message}`)).not.toMatch(never);
  });
});

describe("what the text shows", () => {
  it.each([
    [
      "no vendor",
      "With qemu-system-x86_64 -enable-kvm the guest kernel ends in a page fault, boots fine under tcg\n",
      /VT-x \(or AMD-V\) is on/,
    ],
    [
      "Intel",
      "i7-8700K: with qemu-system-x86_64 -enable-kvm the guest kernel ends in a page fault, boots fine under tcg\n",
      /so VT-x is on/,
    ],
    [
      "nova",
      `ERROR nova.virt.libvirt.driver Live Migration failure: ${MISSING}`,
      /cpu_model_extra_flags = -avx512f, -clwb/,
    ],
    ["HAXM's log", "haxm_warning: 4402 VM_EXIT_INFO_REASON: 80000021\n", /register list that follows/],
    [
      "a runner with the rule",
      '  shell: /usr/bin/bash -e {0}\nKERNEL=="kvm", GROUP="kvm"\nls: cannot access \'/dev/kvm\': No such file or directory\n',
      /another kind of runner/,
    ],
    [
      "nested kept off",
      "L0# cat /sys/module/kvm_intel/parameters/nested\nN\nL0# cat /etc/modprobe.d/kvm.conf\noptions kvm_intel nested=0\nL1# modprobe kvm_intel\nmodprobe: ERROR: could not insert 'kvm_intel': Operation not supported\n",
      /next boot the line with nested=0/,
    ],
    [
      "RSM",
      "KVM internal error. Suberror: 1\nEAX=00000001 EBX=000f7dc2 ECX=00000001 EDX=00000001\nEIP=000fd069 EFL=00010046 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\nCS =0000 00000000 00000fff 00809b00\nCR0=00000010 CR2=00000000 CR3=00000000 CR4=00000000\nCode=e8 27 3d ff ff <0f> aa fa fc 66 ba\n",
      /RSM \(0f aa/,
    ],
    [
      "a whole number",
      "vmwrite error: reg 6c0a value ffff88307e66e480 (err 2120672384)\n",
      /\b2120672384 is not a VM-instruction error/,
    ],
    [
      "KVM loaded",
      "TASK ERROR: KVM virtualisation configured, but not available.\n# cat /sys/module/kvm_intel/parameters/nested\nY\n",
      /loaded, so that is another machine/,
    ],
    [
      "a crash of QEMU",
      "qemu-system-x86_64: warning: host doesn't support requested feature: MSR(48FH).vmx-exit-load-perf-global-ctrl [bit 12]\n*** buffer overflow detected ***: terminated\n",
      /fault of this build of QEMU/,
    ],
  ])("is answered: %s", async (_, text, says) => {
    expect(await answerTo(text)).toMatch(says);
  });

  it.each([
    ["a whole machine", "Hetzner EX44\nKVM internal error. Suberror: 1\nemulation failure\n", /Hetzner Cloud/],
    ["an old system", "kvm: unhandled exit 80000021\nkvm_run returned -22\n", /tdp_mmu|dump_invalid_vmcs|SMM=1 in it/],
    ["HAXM's log", "haxm_warning: 4402 VM_EXIT_INFO_REASON: 80000021\n", /kvm_intel|tdp_mmu/],
    [
      "a heading",
      "KVM:\nqemu-system-i386: warning: host doesn't support requested feature: CPUID.07H:EBX.hle [bit 4]\n",
      /Not recognised/,
    ],
    [
      "each command once",
      "root@pve:~# cat /sys/module/kvm_intel/parameters/nested\nY\nroot@pve:~# qm config 100 | grep cpu\ncpu: x86-64-v2-AES\nTASK ERROR: KVM virtualisation configured, but not available.\n",
      /qm set VMID --cpu host[\s\S]*qm set VMID --cpu host/,
    ],
  ])("rules out what does not fit: %s", async (_, text, never) => {
    expect(await answerTo(text)).not.toMatch(never);
  });
});
