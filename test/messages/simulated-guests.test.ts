import { describe, expect, it } from "vitest";
import { inShort } from "./in-short.js";

/*
 * Outputs of a host and of its guest in one text, in the ways that people tell them apart, with a known truth: why the guest has
 * no VMX, or that it has it.
 */

const CPUS = {
  "host-passthrough": {
    xml: "<cpu mode='host-passthrough' check='none'/>",
    qemu: "-cpu host",
    proxmox: "cpu: host",
    vmx: true,
  },
  kvm64: {
    xml: "<cpu mode='custom' match='exact'>\n    <model fallback='forbid'>kvm64</model>\n  </cpu>",
    qemu: "-cpu kvm64",
    proxmox: "cpu: kvm64",
    vmx: false,
  },
  "a model with vmx": {
    xml: "<cpu mode='custom' match='exact'>\n    <model fallback='forbid'>Skylake-Client-IBRS</model>\n    <feature policy='require' name='vmx'/>\n  </cpu>",
    qemu: "-cpu Skylake-Client-IBRS,+vmx",
    proxmox: undefined,
    vmx: true,
  },
} as const;
type Cpu = (typeof CPUS)[keyof typeof CPUS];

interface Pair {
  readonly cpu: Cpu;
  readonly stack: "xml" | "qemu" | "proxmox";
  readonly nested: "Y" | "N";
  readonly sees: boolean;
}

const PAIRS: readonly Pair[] = Object.values(CPUS).flatMap((cpu: Cpu) =>
  (["xml", "qemu", "proxmox"] as const).flatMap((stack) =>
    (["Y", "N"] as const).flatMap((nested): Pair[] => {
      if (cpu[stack] === undefined) return [];
      const gets = nested === "Y" && cpu.vmx;
      // A guest that was not started since lacks what it would be given now.
      return gets ? [true, false].map((sees) => ({ cpu, stack, nested, sees })) : [{ cpu, stack, nested, sees: false }];
    }),
  ),
);

const configured = ({ cpu, stack }: Pair): string =>
  stack === "xml"
    ? `$ virsh dumpxml vm1 | grep -A4 '<cpu'\n  ${cpu.xml}`
    : stack === "proxmox"
      ? `$ qm config 100\nboot: order=scsi0\ncores: 4\n${cpu.proxmox}\nmemory: 8192\nname: vm1\nostype: l26`
      : `$ qemu-system-x86_64 -enable-kvm -m 4G ${cpu.qemu} -smp 4 disk.qcow2`;

const OF_HOST: readonly (readonly [name: string, output: (pair: Pair) => string])[] = [
  ["nested", ({ nested }) => `$ cat /sys/module/kvm_intel/parameters/nested\n${nested}`],
  ["CPU", configured],
  ["both", (pair) => `$ cat /sys/module/kvm_intel/parameters/nested\n${pair.nested}\n${configured(pair)}`],
];

const OF_GUEST: readonly (readonly [name: string, output: (pair: Pair) => string | undefined])[] = [
  ["count", ({ sees }) => `$ egrep -c '(vmx|svm)' /proc/cpuinfo\n${sees ? 8 : 0}`],
  [
    "lscpu",
    ({ sees }) =>
      `$ lscpu | grep -iE 'virt|hyper'\n${sees ? "Virtualization:      VT-x\n" : ""}Hypervisor vendor:   KVM\nVirtualization type: full`,
  ],
  [
    "kvm-ok",
    ({ sees }) =>
      sees
        ? "$ kvm-ok\nINFO: /dev/kvm exists\nKVM acceleration can be used"
        : "$ kvm-ok\nINFO: Your CPU does not support KVM extensions\nKVM acceleration can NOT be used",
  ],
  [
    "modprobe",
    ({ sees }) =>
      sees
        ? undefined
        : "$ sudo modprobe kvm_intel\nmodprobe: ERROR: could not insert 'kvm_intel': Operation not supported",
  ],
  [
    "QEMU",
    ({ sees }) =>
      sees
        ? undefined
        : "$ qemu-system-x86_64 -enable-kvm disk.img\nCould not access KVM kernel module: No such file or directory",
  ],
];

const prompted = (prompt: string) => (output: string) => output.replace(/^\$ /gm, prompt);
const headed = (heading: string) => (output: string) => `${heading}\n${output}`;
const TOLD_APART = [
  ["prompts", prompted("root@pve:~# "), prompted("joe@vm1:~$ ")],
  ["headings", headed("On the host:"), headed("In the guest:")],
  ["words", headed("Host:"), headed("VM:")],
  ["levels", headed("L0:"), headed("L1:")],
] as const;

const TEXTS = TOLD_APART.flatMap(([way, asHost, asGuest]) =>
  OF_HOST.flatMap(([host, ofHost]) =>
    OF_GUEST.map(([guest, ofGuest]) => ({ way, asHost, asGuest, host, ofHost, guest, ofGuest })),
  ),
);

describe("a guest's VMX by what its host shows", () => {
  it.each(TEXTS.map((one) => [`${one.way}: ${one.host} of the host, ${one.guest} of the guest`, one] as const))(
    "%s",
    async (_, { asHost, asGuest, host, ofHost, ofGuest }) => {
      for (const pair of PAIRS) {
        const output = ofGuest(pair);
        if (output === undefined) continue;
        const parts = [asHost(ofHost(pair)), asGuest(output)];
        for (const text of [parts.join("\n\n"), parts.reverse().join("\n\n")]) {
          const { lines } = await inShort(text);
          const all = lines(400);
          const steps = all.filter((line) => /^\s*do\s/.test(line)).join("\n");
          const shownOff = host !== "CPU" && pair.nested === "N";
          const modelLacks = host !== "nested" && !pair.cpu.vmx;
          expect(all[0], text).not.toMatch(/cannot both be true|stays unknown|KVM's module is missing/);
          expect(steps, text).not.toMatch(/firmware setup/);
          if (pair.sees) expect(all[0], text).toMatch(/^The guest has VMX/);
          else if (shownOff) expect(all[0], text).toMatch(/gets no VMX, because kvm_intel\.nested is N on its host/);
          else if (modelLacks) expect(all[0], text).toMatch(/gets no VMX, because the CPU model kvm64 has no vmx/);
          else expect(all[0], text).toMatch(/shut down and started since|does not pass it to this guest/);
          if (host !== "CPU" && pair.nested === "Y") expect(steps, text).not.toMatch(/kvm_intel nested=1/);
        }
      }
    },
  );
});
