import { belowOf } from "../../host/below.js";
import { type Host, isSvmVendor, isWsl2, msrOf, showsVmx, vmxLockedOn } from "../../host/host.js";
import { msrBit } from "../../host/msr.js";
import { type ReadResult, readHost } from "../../input/read.js";
import { parseBool } from "../../kvm/load/parse-param.js";
import { showsModule } from "../../kvm/replay.js";
import { type Situation, situation } from "../situation.js";

/** What a text says about the machine, besides its messages or instead of them. */
export interface OwnMachine {
  /** Everything in the text about the one machine that it is about. */
  readonly situation: Situation;
  /** The text shows registers, or the `vmx flags` line: then answers about bits are taken from it. */
  readonly hasRegisters: boolean;
  /** `vmx` and `svm` were counted together among the flags, and one of them is there. */
  readonly countsEither: () => boolean;
  /** Name of the reader that found most. */
  readonly format: string;
  /** Numbers of the lines that say it; those of logs are messages, and left out. */
  readonly lines: ReadonlySet<number>;
}

const LONGEST = 2_000_000;
/** Readers of logs: what they take are messages as well. */
const LOGS: readonly string[] = ["kernel-log", "xen", "freebsd", "vboxlog", "load-error"];

/** The result of reading a text: each line that a reader used, with the name of the reader. */
export interface TextRead {
  readonly read: ReadResult;
  readonly taken: ReadonlyMap<number, string>;
}

/** Keeps who took each line, for `onLine` of a reading; a reader of facts counts before one of logs. */
export function takenLines() {
  const taken = new Map<number, string>();
  const onLine = (line: number, reader: string): void => {
    const before = taken.get(line);
    if (before === undefined || LOGS.includes(before)) taken.set(line, reader);
  };
  return { taken, onLine };
}

function readNow(text: string): TextRead {
  const { taken, onLine } = takenLines();
  return { read: readHost(text, { onLine }), taken };
}

/** The machine that a text describes; `undefined` where it describes none or several. A text that was read is not read again. */
export function ownMachine(
  text: string | undefined,
  kernel: string | undefined,
  before?: TextRead,
): OwnMachine | undefined {
  if (text === undefined || text.length > LONGEST) return undefined;
  const { read, taken } = before ?? readNow(text);
  const lines = new Set([...taken].flatMap(([line, reader]) => (LOGS.includes(reader) ? [] : [line])));
  const { host, hosts, format } = read;
  if (host === undefined || format === undefined || hosts.length !== 1) return undefined;
  const named = kernel ?? host.kernel;
  return {
    situation: situation(named === undefined ? host : { ...host, kernel: named }, {
      assumeByDefault: ["registers=sdm"],
    }),
    hasRegisters: showsRegisters(read),
    countsEither: () => read.evidence().some(({ about, value }) => about === "flag vmx or svm" && value === "yes"),
    format,
    lines,
  };
}

/** The text without the lines that the machine was read from: a listing has the words of questions and manuals, too. */
export const besideMachine = (text: string, machine: OwnMachine | undefined): string =>
  machine === undefined || machine.lines.size === 0
    ? text
    : text
        .split("\n")
        .filter((_, at) => !machine.lines.has(at + 1))
        .join("\n");

/** A message proves something of a register, too; but nothing that its own explanation could be held against. */
function showsRegisters({ evidence, host }: ReadResult): boolean {
  return (
    host?.observed?.vmxFlags !== undefined ||
    evidence().some(({ msr, format, layer }) => msr !== undefined && layer !== "guest" && format !== "kernel-log")
  );
}

/** All that is read of the machine is that it is a virtual one, as its log says: less than what the text is about. */
export function saysOnlyVirtual(situation: Pick<Situation, "read"> | undefined): boolean {
  const { observed = {}, params, cores, vendor } = situation?.read ?? {};
  const [boot] = cores ?? [];
  return (
    Object.keys(observed).every((name) => name === "outer") &&
    vendor === undefined &&
    params === undefined &&
    boot?.signature === undefined &&
    boot?.msrs.size === 0 &&
    Object.keys(boot.cpuid.features).every((name) => name === "hypervisor")
  );
}

/** All that is read of the machine is its kernel. */
export const namesOnlyKernel = (machine: OwnMachine | undefined): boolean =>
  machine !== undefined &&
  saysOnlyVirtual(machine?.situation) &&
  machine.situation.host.observed?.outer === undefined &&
  machine.situation.read.cores[0].cpuid.features.hypervisor === undefined &&
  machine.situation.read.paramsAsked === undefined &&
  machine.situation.contradictions.length === 0;

/** How many hosts the prompts of a shell name: `user@host:~$`, `[root@host ~]#`. */
export function hostsOfPrompts(text: string): number {
  return new Set(
    [...text.matchAll(/^[ \t]{0,8}\[?[\w.-]{1,32}@([\w.-]{1,63})[: ][^\n$#]{0,60}[$#] /gm)].map(([, host]) => host),
  ).size;
}

/** More of them were listed than one that is asked about. */
const MANY_PARAMETERS = 3;

/** What is known to be so of a machine; a cause or a step for which it must not be so is left out. */
const CIRCUMSTANCES = {
  /** It runs in a hypervisor. */
  virtual: (host: Host) => belowOf(host).virtual === true,
  /** By the hypervisor below, and nothing was refused. */
  "VT-x passed": (host: Host) =>
    showsVmx(host) === true &&
    host.cores[0].cpuid.features.hypervisor === true &&
    host.observed?.loadError === undefined,
  /** CPUID says that it runs in none. */
  "bare metal": ({ cores: [boot] }: Host) => boot.cpuid.features.hypervisor === false,
  "in WSL2": isWsl2,
  "not x86": ({ observed }: Host) => observed?.arch !== undefined,
  AMD: ({ vendor }: Host) => isSvmVendor(vendor),
  "VMX in CPUID": ({ cores: [boot] }: Host) => boot.cpuid.features.vmx === true,
  "vmx among the flags": (host: Host) => showsVmx(host) === true,
  "no vmx among the flags": (host: Host) => showsVmx(host) === false,
  /** It is among the flags, or is not. */
  "vmx flag read": (host: Host) => showsVmx(host) !== undefined,
  /** Neither it nor svm is among the flags. */
  "no vmx": (host: Host) =>
    showsVmx(host) === false && !isSvmVendor(host.vendor) && host.observed?.cpuFlags?.includes("svm") !== true,
  "no svm": ({ observed }: Host) => observed?.svm === false,
  "IA32_FEAT_CTL read": ({ cores: [boot] }: Host) =>
    msrBit(msrOf(boot, 0x3a), 0) !== "unknown" &&
    msrBit(msrOf(boot, 0x3a), 2) !== "unknown" &&
    msrBit(msrOf(boot, 0x3a), 1) !== "unknown",
  /** Locked with both bits off. */
  "VMX locked off": ({ cores: [boot] }: Host) =>
    msrBit(msrOf(boot, 0x3a), 0) === "yes" &&
    msrBit(msrOf(boot, 0x3a), 2) === "no" &&
    msrBit(msrOf(boot, 0x3a), 1) === "no",
  /** On every CPU. */
  "VMX locked on": ({ cores }: Host) => cores.every(vmxLockedOn),
  /** Locked with VMX on inside SMX alone. */
  "inside SMX alone": ({ cores: [boot] }: Host) =>
    msrBit(msrOf(boot, 0x3a), 1) === "yes" && msrBit(msrOf(boot, 0x3a), 2) === "no",
  "IA32_FEAT_CTL exists": ({ cores: [boot] }: Host) => msrOf(boot, 0x3a).state === "value",
  "kvm_intel loaded": showsModule,
  /** That of either vendor. */
  "KVM's module loaded": (host: Host) => showsModule(host) || host.observed?.modules?.kvm_amd === true,
  /** What both vendors' modules need. */
  "kvm.ko loaded": ({ observed }: Host) => observed?.modules?.kvm === true,
  /** lsmod shows neither of the two. */
  "KVM's module not loaded": ({ observed }: Host) =>
    observed?.modules?.kvm_intel === false && observed.modules.kvm_amd !== true,
  "KVM's parameters read": ({ params }: Host) => Object.keys(params?.kvm_intel ?? {}).length >= MANY_PARAMETERS,
  /** As read back, and not as it was asked for. */
  "no unrestricted guest": ({ params }: Host) => parseBool(params?.kvm_intel?.unrestricted_guest ?? "") === false,
  "invalid state not emulated": ({ params }: Host) =>
    parseBool(params?.kvm_intel?.emulate_invalid_guest_state ?? "") === false,
  "nested on": ({ params }: Host) => parseBool(params?.kvm_intel?.nested ?? "") === true,
  /** Which hypervisor is below, it shows. */
  "hypervisor named": (host: Host) => belowOf(host).name !== undefined,
  "nested off": ({ params }: Host) => parseBool(params?.kvm_intel?.nested ?? "") === false,
  Intel: ({ vendor, observed }: Host) => vendor === "GenuineIntel" || observed?.modules?.kvm_intel === true,
} as const satisfies { readonly [name: string]: (host: Host) => boolean };
/** What is so of the machine, or what the text shows of it besides. */
export type Circumstance =
  | keyof typeof CIRCUMSTANCES
  | "/dev/kvm exists"
  /** Linux shows `vmx`, and its kernel does so only where the firmware has it on. */
  | "VMX on by the flag"
  /** The kernel's log says that lockdown refused a module. */
  | "module refused by lockdown"
  | "kernel log shown"
  | "a parameter of KVM named"
  | "no container"
  | "Docker alone named"
  | "privileged container"
  | "hypervisor launch off"
  | "bcdedit refused"
  | "in a cloud"
  | "macOS"
  /** And no Linux, and no machine that could run in it. */
  | "macOS alone"
  | "no firmware switch"
  | "on a Chromebook"
  | "rival beside KVM"
  | "Hyper-V said to be off"
  | "said to be physical"
  | "after a suspend"
  | "no hypervisor below"
  | "no rival named"
  | "no Windows named"
  /** By words: VMX is on on one CPU, and off on another. */
  | "CPUs said to differ"
  | "on illumos"
  /** FreeBSD and its like, on the machine itself. */
  | "on a BSD"
  | "on FreeBSD"
  /** bhyve's module. */
  | "vmm loaded"
  | "KVM runs a guest"
  /** Of before 2015: its kernel has no parameter that later ones have. */
  | "an old system"
  | "a named model"
  | "a program of its own on KVM"
  | "vmx given to a guest"
  | "in KubeVirt"
  /** Xen runs below it, and its own tools were used: it is the machine that Xen gives all devices. */
  | "in dom0"
  | "no device plugin"
  | "in a container"
  /** The kernel's configuration has no kvm_intel. */
  | "kvm_intel left out"
  | "on ESXi"
  /** The running kernel is built for virtual machines. */
  | "a kernel for guests"
  /** A command line or a compose file passes it to a container. */
  | "device passed"
  /** The device is there, and the user may not open it. */
  | "no right to the device"
  /** Commands were typed in one, as a prompt or systemd-detect-virt shows. */
  | "typed in a container"
  /** By a list of the user's groups. */
  | "in the group kvm"
  | "a host model given"
  | "enforced"
  | "exits traced"
  | "macOS as the guest"
  | "MSRs of KVM's own"
  | "vmx asked for"
  | "model with AVX2"
  | "snapshot of a guest"
  | "other guest"
  | "without SMM"
  /** The kernel refused a machine since VT-x is in use. */
  | "VT-x in use"
  | "an Intel CPU named"
  /** By its number; no other one. */
  | "the CPU named"
  /** A model of QEMU's is given to the guest, and not the host's CPU. */
  | "a model typed"
  | "on Linux"
  | "on Windows"
  /** A hypervisor that is being written or tried there, as a driver. */
  | "a driver on Windows"
  | "said to be nested"
  | "said to be on"
  /** What people did in the setup already. */
  | "power taken away"
  | "newest firmware"
  | "firmware defaults loaded"
  | "TXT said to be off"
  /** Its setup asks for a password that is not known. */
  | "setup said to be locked"
  /** A CPU of Intel's families that all have VT-x and EPT. */
  | "a CPU with EPT named"
  | "said to be virtual"
  /** By its prompt, or by what its firmware calls itself. */
  | "shown to be virtual"
  | "said to have nested on"
  | "said to use KVM"
  | "Proxmox starts the guests"
  | "libvirt starts the guests"
  | "QEMU is started by hand"
  | "OpenStack starts the guests"
  | "HAXM's own log"
  | "nested kept off"
  | "Nyx on plain KVM"
  | "CPU added"
  | "Windows' hypervisor wanted"
  | "Windows' hypervisor runs"
  | "Virtual Machine Platform on"
  | "hypervisor launch auto"
  /** Its author cannot do without Hyper-V, or what runs on it. */
  | "Hyper-V needed"
  | "before Virtual Machine Platform"
  | "in the Android emulator"
  /** The machine runs in one of a product other than KVM. */
  | "another product below"
  | "Windows 10"
  | "Windows 7"
  | "Windows 8";

/** Those that are so. */
export interface Circumstances {
  readonly has: (name: Circumstance) => boolean;
  /** Whether the value of an MSR is known. */
  readonly reads: (index: number) => boolean;
  /** Whether the text shows that a command was typed, with what came of it. */
  readonly typed: (command: RegExp) => boolean;
}

/** Whether what is known of a machine shows it. */
export function isCircumstance(
  name: Circumstance,
  { host, read, kernel }: Pick<Situation, "host" | "read" | "kernel">,
): boolean {
  // Under the kernel that is replayed where none is named, it need not follow.
  if (name === "VMX on by the flag") return kernel.from !== "default" && host.cores.every(vmxLockedOn);
  return (
    Object.hasOwn(CIRCUMSTANCES, name) &&
    CIRCUMSTANCES[name as keyof typeof CIRCUMSTANCES](AS_READ.has(name) ? read : host)
  );
}

/** What was read, and does not follow from the rest. */
const AS_READ: ReadonlySet<Circumstance> = new Set(["IA32_FEAT_CTL read", "VMX locked on"]);
