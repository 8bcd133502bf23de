import { OF_KVM_AMD } from "../input/formats/kernel-log.js";

/** Signs in the text of the machine's surroundings. */
export interface Signs {
  readonly amd: boolean;
  /** kvm_amd said that the CPU is not AMD's. */
  readonly notAmd: boolean;
  /**
   * Which module printed "no hardware support" without its name: kvm_amd, which says before it that the CPU is not
   * AMD's; or both modules; undefined if nothing shows it.
   */
  readonly unsupported: "kvm_amd" | "both" | undefined;
  readonly vmware: boolean;
  readonly hyperV: boolean;
  readonly virtualBox: boolean;
  /** Hyper-V enlightenments are passed to the guest (hv-passthrough, hv-evmcs, <evmcs state='on'/>). */
  readonly evmcs: boolean;
  /** CPUID features that the guest's configuration turns off. */
  readonly disabled: ReadonlySet<string>;
  readonly virtualMachine: boolean;
}

/** Whether a line has `flags:` and a word after it; each line is looked at once. */
function inFlags(text: string, word: RegExp): boolean {
  const flags = /\bflags\s*:/gi;
  while (flags.exec(text) !== null) {
    const rest = /.*/y;
    rest.lastIndex = flags.lastIndex;
    const line = rest.exec(text)?.[0] ?? "";
    if (word.test(line)) return true;
    flags.lastIndex += line.length;
  }
  return false;
}

function count(text: string, pattern: RegExp): number {
  let found = 0;
  for (const _ of text.matchAll(pattern)) found++;
  return found;
}

export function signsIn(text: string): Signs {
  const has = (pattern: RegExp) => pattern.test(text);
  const disabled = new Set<string>();
  for (const [, name] of text.matchAll(/<feature policy=['"]disable['"] name=['"]([\w.-]{1,40})['"]/g)) {
    if (name !== undefined) disabled.add(name.toLowerCase());
  }
  for (const [, list] of text.matchAll(/-cpu ["']?([\w.,=+-]{1,2000})/g)) {
    for (const item of (list ?? "").split(",")) {
      const off = /^(?:-(?<minus>[\w.-]+)|(?<name>[\w.-]+)=off)$/.exec(item)?.groups;
      const name = off?.minus ?? off?.name;
      if (name !== undefined) disabled.add(name.toLowerCase());
    }
  }
  const vmware = has(/\bvm_?ware\b|\bESXi\b|\bv(?:Sphere|Center)\b/i);
  const hyperV =
    has(/\b(?:hyper-?v (?:root|guest|detected)|microsoft corporation virtual machine|microsoft hyper-v|azure)\b/i) ||
    has(/using Hyper-V Enlightened VMCS/);
  const virtualBox = has(/\bvirtualbox(?:vm)?\b|\bVBoxHeadless\b/i);
  const probes = text.split(OF_KVM_AMD).length - 1;
  const unnamed = count(text, /no hardware support(?! for)/gi);
  return {
    unsupported: probes === 0 || unnamed === 0 ? undefined : probes >= unnamed ? "kvm_amd" : "both",
    notAmd: probes > 0 && !has(/\bcan't execute cpuid_8000000a/),
    amd: has(
      /\bAuthenticAMD\b|\bkvm_amd: (?!SVM not supported by CPU \d{1,5}, not|CPU \d{1,5} isn't)|\bSVM: |\bAMD (?:EPYC|Ryzen|FX|Opteron)|svm (?:vmcb|mode)|^flags\s*:.*\bsvm\b/im,
    ),
    vmware,
    hyperV,
    virtualBox,
    evmcs: has(/hv[-_]passthrough|hv[-_]evmcs|<evmcs state=['"]on['"]|enlightened_vmcs/i),
    disabled,
    virtualMachine:
      vmware ||
      hyperV ||
      has(
        /Hypervisor detected:|Hypervisor vendor:|\bDMI: QEMU\b|\bHardware name: (?:QEMU|VMware|Microsoft Corporation Virtual)/i,
      ) ||
      inFlags(text, /\bhypervisor\b/i),
  };
}
