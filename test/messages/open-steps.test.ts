import { describe, expect, it } from "vitest";
import type { Product } from "../../src/answers/message.js";
import { desktopMessages } from "../../src/messages/desktop-messages.js";
import { explainPieces } from "../../src/messages/explain.js";
import { EXAMPLES } from "./every-message.js";

/*
 * Every message in every surrounding: no step asks for what the surrounding shows, or changes what is so.
 */

const OF_LINUX: ReadonlySet<Product | undefined> = new Set(["KVM", "Linux", "kmod", "QEMU", "libvirt", "tool"]);

const FIRMWARE = /Enable VT-x in the firmware setup/;
const FEAT_CTL = /\brdmsr (?:-a )?0x3a\b/;
const LOAD = /(?<!&& |\|\| )(?:^|; )(?:sudo )?modprobe kvm_intel(?:;|$)/m;
const FLAG = /(?:^|; )grep (?:-\w+ )*vmx \/proc\/cpuinfo(?:;|$)/m;
const OTHER_OUTER = /vhv\.enable|Set-VMProcessor|prlctl/;
const FLAGS = "flags\t\t: fpu vme de pse tsc msr sse2 ss ht syscall nx lm constant_tsc pni vmx ssse3 lahf_lm ept vpid";

interface Surrounding {
  readonly shows: string;
  readonly text: string;
  readonly never: RegExp;
  /** Messages that prove the contrary, or ask for another machine. */
  readonly but?: readonly string[];
  /** Messages of these alone. */
  readonly of?: ReadonlySet<Product | undefined>;
}

const SURROUNDINGS: readonly Surrounding[] = [
  {
    shows: "VT-x on",
    text: `$ grep -m1 flags /proc/cpuinfo\n${FLAGS}\n$ sudo rdmsr -a 0x3a\n5\n5\n`,
    never: new RegExp(`${FEAT_CTL.source}|${FLAG.source}|${FIRMWARE.source}`, "m"),
  },
  {
    shows: "VT-x locked off",
    text: "$ sudo rdmsr -a 0x3a\n1\n1\n",
    never: new RegExp(`${FEAT_CTL.source}|${LOAD.source}`, "m"),
  },
  {
    shows: "an AMD CPU",
    text: "vendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 7302P 16-Core Processor\nflags\t\t: fpu vme msr syscall nx lm svm npt\n",
    never: new RegExp(`${FEAT_CTL.source}|${LOAD.source}|modprobe -r kvm_intel`, "m"),
    but: ["kvm-other-module", "nyx-kvm-pt", "haxm-not-installed"],
  },
  {
    shows: "kvm_intel loaded",
    text: "$ lsmod | grep kvm\nkvm_intel             319488  4\nkvm                   851968  1 kvm_intel\n",
    never: new RegExp(`${LOAD.source}|(?:^|; )lsmod \\| grep kvm(?:;|$)`, "m"),
    but: ["module-in-use", "kvm-vmx-not-supported"],
  },
  {
    shows: "a driver on Windows",
    text: "My own hypervisor is a driver for Windows 10; DbgPrint shows this after VMXON:\n",
    never: /\brdmsr (?:-|0x|\$)|\bmodprobe msr\b|\/proc\//,
    of: new Set(["VMX"]),
  },
  {
    shows: "an Intel CPU by its name",
    text: "model name\t: Intel(R) Core(TM) i7-8700K CPU @ 3.70GHz\n",
    never: /\bon an AMD CPU kvm_amd\b|the CPU is AMD's/,
    but: ["kvm-other-module"],
  },
  {
    shows: "a CPU model for the guest",
    text: "$ qemu-system-x86_64 -enable-kvm -cpu Skylake-Client,vmx=on -m 4G\n",
    never: /-cpu host,[\w.-]+=off/,
  },
  {
    shows: "a cloud",
    text: "I'm on an AWS EC2 t3.large instance running Ubuntu 22.04.\n",
    never: new RegExp(`${FEAT_CTL.source}|${FIRMWARE.source}`, "m"),
  },
  {
    shows: "VirtualBox below",
    text: "$ systemd-detect-virt\noracle\n",
    never: new RegExp(`${OTHER_OUTER.source}|(?:^|; )systemd-detect-virt(?:;|$)`, "m"),
    but: ["gns3-no-kvm", "macos-hv-support"],
    of: OF_LINUX,
  },
  {
    shows: "what was tried in the setup",
    text: "VT-x is enabled in the BIOS. I pulled the plug for five minutes, cleared CMOS and flashed the newest BIOS.\n",
    never: /take the power away|save it once more|[Uu]pdate the firmware[.,]/,
    but: ["libxl-no-iommu"],
  },
  {
    shows: "a setup with a password",
    text: "This laptop has a BIOS password that I don't know.\n",
    never: FIRMWARE,
  },
  {
    shows: "nesting and the CPU given",
    text: "On the host nested is Y and the VM has host-passthrough.\n",
    never: /switch nested on|Give the guest (?:a CPU|VMX)/,
  },
  {
    shows: "WSL2",
    text: "Linux DESKTOP-R7TO0DF 5.15.90.1-microsoft-standard-WSL2 #1 SMP x86_64 GNU/Linux\n",
    never: new RegExp(`${FIRMWARE.source}|lscpu \\| grep Hypervisor|grep 'disabled by BIOS'`, "m"),
  },
  {
    shows: "macOS alone",
    text: "On macOS 13, Intel iMac:\n",
    never: /\brdmsr\b|\bmodprobe\b(?!\.d)|\/proc\/cpuinfo|\bdmesg\b/,
    of: new Set(["VirtualBox", "HAXM", "VMware", "VMX"]),
    but: [
      "emulator-nested",
      "emulator-no-kvm",
      "vbox-vmx-disabled",
      "vmware-64-bit",
      "vmware-vmmon",
      "vmware-vhv-off",
      "vmware-no-vtx",
      "vmcs-dump",
    ],
  },
  {
    shows: "FreeBSD",
    text: "FreeBSD 14.1-RELEASE, bhyve. # kldload vmm\n",
    never: /\bmodprobe\b(?!\.d)|\/proc\/cpuinfo|\/sys\/module/,
    of: new Set(["bhyve", "VMX", "VirtualBox"]),
    but: ["vbox-root-mode", "vbox-guru-meditation"],
  },
  {
    shows: "dom0 of Xen",
    text: "In dom0 of XCP-ng 8.2: xl info\n",
    never: /\bmodprobe kvm_intel\b|(?:vmx|svm)\S* \/proc\/cpuinfo|\brdmsr\b/,
    of: new Set(["Xen"]),
  },
  {
    shows: "commands with what came of them",
    text: "$ lsmod | grep kvm\n$ sudo modprobe kvm_intel\n$ ls -l /dev/kvm\nls: cannot access '/dev/kvm': No such file or directory\n$ dmesg | grep kvm\n$ egrep -c '(vmx|svm)' /proc/cpuinfo\n8\n",
    never: new RegExp(`${LOAD.source}|${FLAG.source}|(?:^|; )(?:lsmod \\| grep kvm|ls -l /dev/kvm)(?:;|$)`, "m"),
  },
];

const desktop = await desktopMessages();

async function stepsIn(text: string, product: (one: Product | undefined) => boolean): Promise<readonly string[]> {
  const pieces = (async function* () {
    yield text;
  })();
  const { explanations, verdict } = await explainPieces(pieces, { desktop });
  if (!product(explanations[0]?.product)) return [];
  const told = explanations.filter(
    (one) => product(one.product) && verdict?.covers.includes(one.message ?? "") !== true,
  );
  const steps = [...(verdict?.steps ?? []), ...told.flatMap((one) => one.steps)];
  return steps.flatMap(({ text: says, commands = [] }) => [says, ...commands]);
}

describe("no step asks for what the text shows", () => {
  it.each(SURROUNDINGS.map((one) => [one.shows, one] as const))("%s", async (_, { text, never, but, of }) => {
    const found: string[] = [];
    for (const [message, line] of EXAMPLES) {
      if (but?.includes(message)) continue;
      const steps = await stepsIn(`${text}${line}\n`, (product) => of?.has(product) !== false);
      found.push(...steps.filter((step) => never.test(step)).map((step) => `${message}: ${step}`));
    }
    expect(found).toEqual([]);
  });
});
