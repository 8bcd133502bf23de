import { closeSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { FEAT_CTL_VENDORS, type Host, isSvmVendor, type Observed, type Params } from "../host/host.js";
import { ABSENT, msrValue } from "../host/msr.js";
import {
  assignCoreTypes,
  type CoreKind,
  type CpuidLookup,
  type CpuidRegisters,
  coreKindFromCpuid,
  factsFromCpuid,
} from "../input/hosts/cpuid-facts.js";
import { type CpuinfoBlock, factsFromCpuinfo, parseCpuinfo, signatureFromCpuinfo } from "../input/hosts/cpuinfo.js";
import { hostBuilder } from "../input/hosts/host-builder.js";
import { formatCpuRanges, parseCpuRanges } from "../input/text/cpu-ranges.js";
import { diagnosticLog, TEXT_START } from "../input/text/diagnostic.js";
import { CPU_FLAGS } from "../linux/vmx-features.js";
import { REGISTERS } from "../registers/registers.js";

/** A fact about this machine that could not be read. */
export interface MissingFact {
  readonly what: string;
  readonly why: string;
  /** The command that makes it readable, where one does. */
  readonly type?: string;
}

export interface LiveMachine {
  /** Missing if this is not a machine with VMX MSRs at all. MSRs that could not be read are unknown in it. */
  readonly host?: Host;
  /** Set for a machine with SVM: its vendor and signature. */
  readonly other?: Host;
  /** Most important first; empty when everything was read. */
  readonly missing: readonly MissingFact[];
}

export interface LiveOptions {
  /** Directory to use as `/`. */
  readonly root?: string;
  /** `process.platform` of the machine. */
  readonly platform?: string;
  /** Reads `length` bytes of a device at a position, as pread does; throws as `node:fs` does. */
  readonly pread?: Pread;
}

/** What is known of a machine with SVM. */
function withoutVmx(vendor: string, block: CpuinfoBlock): Host {
  const signature = signatureFromCpuinfo(block);
  const known = signature === undefined ? {} : { signature };
  return {
    vendor,
    ...(block.flags.has("svm") ? { observed: { svm: true } } : {}),
    cores: [{ coreTypes: [], ...known, msrs: new Map(), cpuid: { features: { vmx: false } } }],
  };
}

export type Pread = (file: string, position: bigint, length: number) => Uint8Array;

/**
 * Reads the machine this process runs on: VMX MSRs of every CPU from /dev/cpu/N/msr, CPUID from /dev/cpu/N/cpuid
 * where the module is loaded and otherwise what /proc/cpuinfo shows for certain, module parameters and the kernel
 * release. Opens everything for reading only, and changes nothing. What it cannot read it leaves unknown and lists in
 * `missing`. IA32_FEAT_CTL is as Linux left it: where firmware had not locked it, Linux has, and its earlier value is
 * lost.
 */
export function readLiveMachine(options: LiveOptions = {}): LiveMachine {
  const root = options.root ?? "/";
  const pread = options.pread ?? preadFile;
  const at = (...parts: string[]): string => path.join(root, ...parts);

  if ((options.platform ?? process.platform) !== "linux") {
    return { missing: [{ what: "this machine", why: "it does not run Linux, which is what gives access to MSRs" }] };
  }
  const cpuinfo = readText(at("proc/cpuinfo"));
  if (cpuinfo === undefined) return { missing: [{ what: "/proc/cpuinfo", why: "it cannot be read" }] };
  const blocks = parseCpuinfo(cpuinfo);
  const [boot] = blocks;
  const vendor = boot?.vendor;
  if (boot === undefined || vendor === undefined) {
    return {
      missing: [{ what: "an x86 CPU", why: "/proc/cpuinfo names no CPU vendor, so this is another architecture" }],
    };
  }
  if (!FEAT_CTL_VENDORS.some((known) => known.trim() === vendor.trim())) {
    const svm = isSvmVendor(vendor);
    const why = svm
      ? "this is an AMD CPU, which has SVM instead of VMX"
      : `VMX needs a CPU of Intel, Centaur or Zhaoxin, and this one is ${vendor}`;
    return { ...(svm ? { other: withoutVmx(vendor, boot) } : {}), missing: [{ what: "a CPU with VMX", why }] };
  }

  const missing: MissingFact[] = [];
  const builder = hostBuilder(diagnosticLog(undefined));
  const unreadable = new Map<string, number[]>();
  const cores: { draft: ReturnType<typeof builder.cpu>; kind: CoreKind }[] = [];
  const clearsCpuid = /\bclearcpuid=/.test(readText(at("proc/cmdline")) ?? "");
  const kinds = coreKindsFromSysfs(at("sys/devices"));
  let cpuidDevice = true;

  for (const block of blocks) {
    const { cpu } = block;
    const draft = builder.cpu(cpu);
    const cpuid = cpuidOf((position) => pread(at(`dev/cpu/${cpu}/cpuid`), position, 16));
    cpuidDevice &&= cpuid !== undefined;
    draft.facts = cpuid === undefined ? factsFromCpuinfo(block, clearsCpuid) : factsFromCpuid(cpuid);
    const signature = cpuid?.(1, 0)?.eax ?? signatureFromCpuinfo(block);
    if (signature !== undefined) draft.signature = signature;
    if (block.microcode !== undefined) draft.microcode = block.microcode;
    cores.push({ draft, kind: cpuid === undefined ? kinds(cpu) : coreKindFromCpuid(cpuid) });

    const trouble = readMsrs(cpu);
    if (trouble !== undefined) unreadable.set(trouble, [...(unreadable.get(trouble) ?? []), cpu]);
  }
  assignCoreTypes(cores);

  /** Gives the error that stopped it: one that is not about a single MSR. */
  function readMsrs(cpu: number): string | undefined {
    const file = at(`dev/cpu/${cpu}/msr`);
    for (const { index } of REGISTERS) {
      try {
        const bytes = pread(file, BigInt(index), 8);
        if (bytes.length !== 8) return "EOF";
        const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
        builder.msr(cpu, index, msrValue({ lo: view.getUint32(0, true), hi: view.getUint32(4, true) }), TEXT_START);
      } catch (error) {
        const { code, syscall } = error as NodeJS.ErrnoException;
        // EIO while reading is the CPU's fault; while opening it is a CPU without MSRs.
        if (code === "EIO" && syscall === "read") builder.msr(cpu, index, ABSENT, TEXT_START);
        else return code ?? "unknown error";
      }
    }
    return undefined;
  }

  missing.push(...explainMsrs(unreadable, blocks.length, root));
  missing.push(...explainVmx(boot));
  if (!cpuidDevice) {
    missing.push({
      what: "CPUID",
      why: "/dev/cpu/0/cpuid cannot be read; /proc/cpuinfo shows what Linux kept of it, and the rest stays unknown",
      type: "sudo modprobe cpuid",
    });
  }
  const kernel = readText(at("proc/sys/kernel/osrelease"))?.trim() ?? (root === "/" ? os.release() : undefined);
  const params = { ...paramsOf("kvm"), ...paramsOf("kvm_intel") };
  if (params.kvm_intel === undefined && boot.flags.has("vmx")) {
    missing.push({ what: "parameters of kvm_intel", why: "the module is not loaded", type: "sudo modprobe kvm_intel" });
  }
  const host = builder.build({
    ...(boot.name === undefined ? {} : { name: boot.name }),
    vendor: FEAT_CTL_VENDORS.find((known) => known.trim() === vendor.trim()) ?? vendor,
    ...(kernel === undefined ? {} : { kernel }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
    observed: observedIn(boot),
    source: "this machine",
  });
  return { ...(host === undefined ? {} : { host }), missing };

  function paramsOf<M extends "kvm" | "kvm_intel">(module: M): { [K in M]?: Params } {
    const directory = at("sys/module", module, "parameters");
    const read = listDirectory(directory).map((name) => [name, readText(path.join(directory, name))?.trim()] as const);
    const known = read.filter((pair): pair is [string, string] => pair[1] !== undefined);
    return known.length === 0 ? {} : ({ [module]: Object.fromEntries(known) } as { [K in M]: Params });
  }
}

/** The boot CPU as Linux shows it; a missing `vmx flags` line alone proves nothing. */
function observedIn({ flags, vmxFlags }: CpuinfoBlock): Observed {
  return {
    cpuFlags: [...flags].filter((flag) => CPU_FLAGS.some((row) => row.flag === flag)),
    ...(vmxFlags === undefined ? {} : { vmxFlags: [...vmxFlags] }),
  };
}

function explainMsrs(unreadable: ReadonlyMap<string, readonly number[]>, cpus: number, root: string): MissingFact[] {
  return [...unreadable].map(([code, concerned]): MissingFact => {
    const what = concerned.length === cpus ? "VMX MSRs" : `VMX MSRs of CPU ${formatCpuRanges(concerned)}`;
    switch (code) {
      case "ENOENT":
        return { what, ...explainNoDevice(concerned.length === cpus, root) };
      case "ENXIO":
        return { what, why: "the CPU is offline" };
      case "EACCES":
        return { what, why: "only root may read /dev/cpu/N/msr", type: "sudo vmxlens" };
      case "EPERM":
        return { what, why: "reading /dev/cpu/N/msr needs the capability CAP_SYS_RAWIO", type: "sudo vmxlens" };
      default:
        return { what, why: `reading /dev/cpu/N/msr fails with ${code}` };
    }
  });
}

function explainNoDevice(everyCpu: boolean, root: string): Omit<MissingFact, "what"> {
  if (!everyCpu) return { why: "there is no /dev/cpu/N/msr for it" };
  if ([".dockerenv", "run/.containerenv"].some((file) => readText(path.join(root, file)) !== undefined)) {
    return {
      why: "this container has no /dev/cpu/N/msr; the host must have the msr module and pass the devices on",
      type: "sudo modprobe msr, on the host; then docker run --privileged",
    };
  }
  if (listDirectory(path.join(root, "sys/module/msr")).length > 0) {
    return { why: "the msr module is loaded and /dev/cpu/N/msr is not there: a container, or /dev is not devtmpfs" };
  }
  return { why: "there is no /dev/cpu/N/msr: the msr module is not loaded", type: "sudo modprobe msr" };
}

function explainVmx(boot: CpuinfoBlock): MissingFact[] {
  if (boot.flags.has("vmx")) return [];
  if (boot.flags.has("hypervisor")) {
    return [
      {
        what: "VMX",
        why: "this is a virtual machine, and its hypervisor hides VMX from it; on a KVM host, nested must be on",
        type: "sudo modprobe -r kvm_intel && sudo modprobe kvm_intel nested=1, on the host; then qemu -cpu host",
      },
    ];
  }
  return [
    {
      what: "VMX",
      why: "no vmx among the flags of /proc/cpuinfo: the firmware disabled it, or the CPU does not have it",
    },
  ];
}

/** CPUID as the cpuid module gives it; undefined when its device cannot be read. */
function cpuidOf(read: (position: bigint) => Uint8Array): CpuidLookup | undefined {
  const lookup = (leaf: number, subleaf: number): CpuidRegisters | undefined => {
    try {
      const bytes = read((BigInt(subleaf) << 32n) | BigInt(leaf));
      if (bytes.length !== 16) return undefined;
      const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
      const [eax, ebx, ecx, edx] = [0, 4, 8, 12].map((offset) => view.getUint32(offset, true));
      return { eax, ebx, ecx, edx } as CpuidRegisters;
    } catch {
      return undefined;
    }
  };
  const basic = lookup(0, 0)?.eax;
  const extended = lookup(0x8000_0000, 0)?.eax;
  const centaur = lookup(0xc000_0000, 0)?.eax ?? 0;
  if (basic === undefined || extended === undefined) return undefined;
  // Above the highest leaf the instruction answers with another leaf's registers.
  const highest = (leaf: number) => (leaf < 0x8000_0000 ? basic : leaf < 0xc000_0000 ? extended : centaur);
  return (leaf, subleaf) => (leaf > highest(leaf) ? undefined : lookup(leaf, subleaf));
}

/** Kinds of cores as perf and the cache driver report them; all undefined on a CPU that is not hybrid. */
function coreKindsFromSysfs(devices: string): (cpu: number) => CoreKind {
  const cpusOf = (name: string): Set<number> =>
    new Set(parseCpuRanges((readText(path.join(devices, name, "cpus")) ?? "").trim()));
  const [core, atom] = [cpusOf("cpu_core"), cpusOf("cpu_atom")];
  return (cpu) => {
    const caches = path.join(devices, `system/cpu/cpu${cpu}/cache`);
    const levels = listDirectory(caches).map((index) => readText(path.join(caches, index, "level"))?.trim());
    return {
      kind: core.has(cpu) ? "core" : atom.has(cpu) ? "atom" : undefined,
      hasL3: levels.some((level) => level !== undefined) ? levels.includes("3") : undefined,
    };
  };
}

function preadFile(file: string, position: bigint, length: number): Uint8Array {
  const fd = openSync(file, "r");
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
  } finally {
    closeSync(fd);
  }
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function listDirectory(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
