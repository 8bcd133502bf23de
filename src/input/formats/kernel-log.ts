import { kernelPrinters, looselyPrinting } from "../../kvm/printers.js";
import type { FactSink } from "../hosts/evidence.js";
import { featureBits, offered } from "../hosts/feature-bits.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../hosts/reader.js";
import { vendorInLog } from "../hosts/vendor.js";
import { archOfKernel } from "../text/kernel-arch.js";
import { describeMsr, isVmxMsr } from "../text/msr-names.js";
import { VIRT } from "./linux/surroundings.js";

/** Kernel messages about VMX, the kernel's own release, and QEMU's messages with VMX numbers. */
export const kernelLog: FactReader = {
  kind: "facts",
  name: "kernel-log",
  knows:
    "Kernel and QEMU messages: what Linux and KVM printed about VMX, the kernel release (Linux version, uname), microcode, and " +
    "features that QEMU says KVM does not offer. A value that QEMU failed to set is one it wanted, not one the CPU has.",
  mark: /\bkvm(?:_intel)?: |\bkvm \[\d{1,7}\]: |x86\/cpu: |\bLinux \S{1,64} \d{1,3}\.\d|\buname -r\b|microcode: |smpboot: CPU0: |failed to set MSR|doesn't support requested\b|unchecked MSR access|^\s{0,16}Offset \d|Hypervisor detected: |has_svm: |SVM not supported by|isn't AMD or Hygon|paravirtualized kernel on |Detected virtualization |\bstarting up libvirt |\/lib\/modules\/\d|\buname -m\b|\bqemu-system-(?:aarch64|arm|ppc64|s390x|riscv64): /,
  words: [
    "kvm",
    "x86/cpu: ",
    "Linux ",
    "uname -r",
    "microcode: ",
    "smpboot: ",
    "failed to set MSR",
    "support requested",
    "unchecked MSR",
    "Offset ",
    "Hypervisor detected",
    "has_svm: ",
    "SVM not supported",
    "isn't AMD or",
    "paravirtualized kernel",
    "Detected virtualization",
    "starting up libvirt",
    "/lib/modules/",
    "uname -m",
    "qemu-system-",
  ],
  unwraps: true,
  open: openLog,
};

/** Words of a message of kvm or kvm_intel about VMX, as regular expressions that grep -E reads as well. */
export const ABOUT_VMX = [
  "VMX",
  "VMCS",
  "EPT",
  "VPID",
  "bios",
  "BIOS",
  "TXT",
  "SGX",
  "hardware support",
  "virtualization",
  "Inconsistent",
  "inconsisten",
  "Hyper-V",
  "eVMCS",
  "PERF_GLOBAL_CTRL",
  "PAT\\[0\\]",
  "not supported",
  "invalid for parameter",
  "failed",
  "L1TF",
] as const;
/** Words that QEMU prints as well, which Proxmox VE and old distributions start as kvm. */
const OF_QEMU: ReadonlySet<string> = new Set(["failed", "not supported", "virtualization"]);
const words = (ofQemu: boolean): string => ABOUT_VMX.filter((word) => ofQemu || !OF_QEMU.has(word)).join("|");
const MESSAGE = new RegExp(
  `(?:x86/cpu: (?:VMX|SGX)\\b|(?<![-/\\w]|selftests: |\\b[0-9a-f]{7,40} (?:\\(["'])?|PATCH[^\\]\n]{0,24}\\] )kvm: (?!-|error|warning: )(?=.{0,100}(?:${words(false)}|\\bvirtualization on CPU|NX \\())|(?:\\bkvm_intel|(?<=(?:\\]|kernel:) )kvm): (?=.{0,100}(?:${words(true)}))).{2,300}`,
);
/** Lines of a dumped VMCS, which another part of the program reads. */
const DUMP = /kvm(?:_intel)?: (?:\*\*\*|VMCS [0-9a-f]{4,16}, last attempted|[\w ().]{1,40}=)/;
const OFFSET =
  /^\s{0,16}Offset \d{1,5} REF = 0x[0-9a-f]{1,8}, CPU\d{1,5} = 0x[0-9a-f]{1,8}, mismatch = 0x[0-9a-f]{1,8}/;
const UNCHECKED = /unchecked MSR access error: (?:RDMSR from|WRMSR to) 0x([0-9a-f]{1,8})\b.{0,120}/;
const VERSION =
  /\bLinux version (\d{1,3}\.\d{1,3}[\w.+~-]{0,80}) |\bstarting up libvirt version: .{1,300}, kernel: (\d{1,3}\.\d{1,3}[\w.+~-]{0,80}), hostname: /;
const UNAME = /\bLinux \S{1,64} (\d{1,3}\.\d{1,3}[\w.+~-]{0,80}) #\d/;
/** uname -a names the machine behind the time of the build. */
const ARCH = / #\d.{4,80} (x86_64|i[3-6]86|aarch64|armv[78]l|ppc64(?:le)?|s390x|riscv64)(?= |\s*$)/;
/** What KVM of ARM prints of itself, with the number of a thread for a name. */
const OF_ARM =
  /\bkvm \[\d{1,7}\]: (?:\d{1,2}-bit (?:VMID|IPA)|IPA Size Limit|vgic|GIC|Hyp mode|VHE mode|HYP mode|nv: )/;
const RELEASE = /^(\d{1,3}\.\d{1,3}[\w.+~-]{0,80})\s*$/;
const REVISION =
  /microcode: .{0,60}?(?:\brevision[:=] ?|\bto revision |updated early: 0x[0-9a-f]{1,8} -> )0x([0-9a-f]{1,8})(?=[\s,.;]|$)/i;
const SIG = /microcode: .{0,20}\bsig=0x([0-9a-f]{1,8}), pf=/;
const BRAND =
  /smpboot: CPU0: (.{4,80}?) \((?:fam|family): (?:0x)?([0-9a-f]{1,3}), model: (?:0x)?([0-9a-f]{1,2}), stepping: (?:0x)?([0-9a-f]{1,2})\)/;
const QEMU_SET = /failed to set MSR 0x([0-9a-f]{1,8}) to 0x([0-9a-f]{1,16})(?![0-9a-f])/;
const QEMU_FEATURE =
  /host doesn't support requested feature: MSR\(([0-9A-F]{1,8})H\)\.(vmx-[\w-]{2,60}) \[bit (\d{1,2})\]/;

function openLog(sink: FactSink): FactRun {
  /** Line of a prompt with uname -r or uname -m, whose answer is a release or a machine and nothing else. */
  let asked = -2;
  /** kvm_amd said that the CPU is not AMD's: the next line without a name that misses hardware support is its own. */
  let ofAmd = false;

  return {
    line(line) {
      const { text, number } = line;
      if (asked === line.after) {
        asked = -2;
        const release = line.cut ? undefined : RELEASE.exec(text.trim())?.[1];
        const machine = line.cut ? undefined : MACHINE.exec(text)?.[1];
        if (release !== undefined) kernel(sink, line, release, undefined);
        if (machine !== undefined) sink.system("arch", machine, placeOf(line));
        if (release !== undefined || machine !== undefined) return true;
      }
      if (/\buname -[rm]\s*$/.test(text)) asked = number;
      if (OF_ARM.test(text)) {
        sink.system("arch", "aarch64", placeOf(line));
        return true;
      }
      const foreign = QEMU_WITH_KVM.exec(text)?.[1] ?? archOfKernel(OF_MODULES.exec(text)?.[1] ?? "");
      if (foreign !== undefined) {
        sink.system("arch", foreign, placeOf(line));
        return true;
      }
      if (OF_KVM_AMD.test(text)) ofAmd = true;
      if (ofAmd && /\bkvm: no hardware support\s*$/.test(text)) {
        ofAmd = false;
        return true;
      }
      return identity(sink, line) || qemu(sink, line) || message(sink, line);
    },
    busy: () => asked >= 0,
  };
}

/** What uname -m prints. */
const MACHINE = /^\s{0,8}(x86_64|i[3-6]86|aarch64|arm64|armv[78]l|ppc64(?:le)?|s390x|riscv64)\s{0,8}$/;
const OF_MODULES = /\/lib\/modules\/(\d[\w.+~-]{2,60})/;
/** Only where QEMU's guests are of the host's own kind it has KVM that could fail. */
const QEMU_WITH_KVM =
  /\bqemu-system-(aarch64|arm|ppc64|s390x|riscv64): (?:-\S{1,20} \S{1,40}: )?failed to initialize kvm: /i;
/** kvm_amd refuses, and the line without a name that follows is its own: the CPU is not AMD's, or has no leaf of SVM. */
export const OF_KVM_AMD =
  /has_svm: (?:not amd|can't execute)|SVM not supported by CPU \d{1,5}, not|\bCPU \d{1,5} isn't AMD or Hygon/;

/** Whether the match reaches the end of a text that may be cut there. */
function isCut(line: TextLine, found: RegExpExecArray): boolean {
  return line.cut && found.index + found[0].length >= line.text.trimEnd().length;
}

/** What the kernel and systemd found that they run in. On `bare hardware` is where no driver of a hypervisor was found. */
const OUTER =
  /Hypervisor detected: (?:(?<detected>\w[\w -]{1,30}?)\s*$)?|Booting paravirtualized kernel on (?<pv>KVM|VMware|Xen|Hyper-V)\b|\bDetected virtualization '?(?<virt>kvm|qemu|vmware|oracle|microsoft|xen|bhyve|parallels|google|amazon)\b/;

/** A release, and the machine that is named beside it or by it. */
function kernel(sink: FactSink, line: TextLine, release: string, machine: string | undefined, column = 1): void {
  sink.system("kernel", release, placeOf(line, column));
  const arch = machine ?? archOfKernel(release);
  if (arch !== undefined) sink.system("arch", arch, placeOf(line));
}

function identity(sink: FactSink, line: TextLine): boolean {
  const { text } = line;
  const release = VERSION.exec(text) ?? UNAME.exec(text);
  if (release !== null) {
    kernel(
      sink,
      line,
      (release[1] ?? release[2]) as string,
      ARCH.exec(text.slice(release.index))?.[1],
      release.index + 1,
    );
    return true;
  }
  const brand = BRAND.exec(text);
  if (brand !== null) {
    const [, name, family, model, stepping] = brand as unknown as [string, string, string, string, string];
    const brandName = withoutPrefix(name.replace(/ +/g, " ").trim());
    const vendor = vendorInLog(brandName);
    const [f, m, s] = [family, model, stepping].map((digits) => Number.parseInt(digits, 16)) as [
      number,
      number,
      number,
    ];
    // Put together as CPUID.1:EAX; only family 6 of Intel has VMX, and no base family above 15 is extended.
    const signature = f === 6 && s <= 15 ? ((m >>> 4) << 16) | 0x600 | ((m & 15) << 4) | s : undefined;
    sink.machine(
      {
        name: brandName,
        ...(vendor === undefined ? {} : { vendor }),
        ...(signature === undefined ? {} : { signature }),
      },
      placeOf(line),
    );
    if (signature !== undefined) sink.cpu("unnamed", { signature }, placeOf(line));
    return true;
  }
  const sig = SIG.exec(text);
  const revision = REVISION.exec(text);
  if (sig !== null && !isCut(line, sig)) {
    sink.cpu("unnamed", { signature: Number.parseInt(sig[1] as string, 16) }, placeOf(line, sig.index + 1));
  }
  if (revision !== null && !isCut(line, revision)) {
    const microcode = Number.parseInt(revision[1] as string, 16);
    if (microcode !== 0) sink.cpu("unnamed", { microcode }, placeOf(line, revision.index + 1));
  }
  if (sig !== null || revision !== null) return true;
  const said = OUTER.exec(text)?.groups;
  if (said === undefined) return false;
  const outer = said.detected ?? said.pv ?? VIRT[said.virt ?? ""];
  if (outer !== undefined && !line.cut) sink.system("outer", outer, placeOf(line));
  sink.machine({ hypervisor: true }, placeOf(line));
  sink.cpu("unnamed", { features: { hypervisor: true } }, placeOf(line));
  return true;
}

/** `Intel INTEL(R) XEON(R)`: the log names the vendor before a brand string that does not, as the kernel spells it. */
function withoutPrefix(name: string): string {
  return name.replace(/^(\w{3,8}) (?=\1\b)/i, "");
}

function qemu(sink: FactSink, line: TextLine): boolean {
  const { text } = line;
  const set = QEMU_SET.exec(text);
  if (set !== null) {
    const index = Number.parseInt(set[1] as string, 16);
    if (isCut(line, set) || !isVmxMsr(index)) return false;
    sink.guest(`MSR ${describeMsr(index)} that QEMU failed to set`, `0x${set[2]}`, placeOf(line, set.index + 1));
    return true;
  }
  const feature = QEMU_FEATURE.exec(text);
  if (feature === null) return false;
  const [, digits, name, bit] = feature as unknown as [string, string, string, string];
  const index = Number.parseInt(digits, 16);
  const meant = featureBits("qemu", name).find(
    (row) => row.index === index && row.bit === Number(bit) + (row.control ? 32 : 0),
  );
  if (meant === undefined) return isVmxMsr(index);
  sink.nested(index, offered(meant, false), placeOf(line, feature.index + 1));
  return true;
}

/**
 * Whether nothing can be missing at the end of a message without a line end, as people paste it: it is all that a kernel prints,
 * ends in no number, and no kernel prints more behind it.
 */
function isWholeMessage(text: string): boolean {
  if (/\d$/.test(text) || kernelPrinters().some(({ template }) => template !== text && template.startsWith(text)))
    return false;
  return looselyPrinting(text).some(({ exact, length }) => exact && length === text.length);
}

function message(sink: FactSink, line: TextLine): boolean {
  const { text } = line;
  if (line.cut && !isWholeMessage(text.trim())) return false;
  const unchecked = UNCHECKED.exec(text);
  if (unchecked !== null) {
    if (!isVmxMsr(Number.parseInt(unchecked[1] as string, 16))) return false;
    sink.message(unchecked[0].trim(), placeOf(line, unchecked.index + 1));
    return true;
  }
  if (OFFSET.test(text)) {
    sink.message(text.trim(), placeOf(line));
    return true;
  }
  const loaded = /already loaded vendor module '(kvm_intel|kvm_amd)'/.exec(text)?.[1];
  if (loaded !== undefined) {
    sink.system(loaded === "kvm_amd" ? "module kvm_amd" : "module kvm_intel", "loaded", placeOf(line));
    return true;
  }
  const said = MESSAGE.exec(text);
  if (said === null || DUMP.test(text)) return false;
  // People go on behind what they quote.
  const words = (said[0].split(/[，。；]/)[0] as string).trim();
  sink.message(words, placeOf(line, said.index + 1));
  return true;
}
