import type { Host, Params } from "../host/host.js";
import { withoutEnding } from "../input/text/text.js";
import { tellsNested } from "../kvm/offered.js";
import type { ReplayOptions } from "../kvm/replay.js";
import { DEFAULT_RELEASE, type Release, resolveRelease } from "../rules/release.js";
import type { Dumps, KeptText, WholeSign } from "./kept-text.js";

/** What the caller knows of the machine that printed the text. */
export interface ExplainOptions {
  /** The machine: then the answers are exact as far as its registers are known. */
  readonly host?: Host;
  /** The kernel of the machine (for a virtual machine's message from QEMU: of its host). */
  readonly release?: Release;
  /** Module parameters as the user gives them. Default: those of the host. */
  readonly params?: { readonly kvm?: Params; readonly kvm_intel?: Params };
}

/** A kernel release that the text names. */
export interface NamedKernel {
  /** As written: `5.15.35-1-pve`. */
  readonly text: string;
  readonly major: number;
  readonly minor: number;
  /** The third number, where there is one. */
  readonly patch?: number;
}

/** Everything besides the message itself that an explanation may use. */
export interface ExplainContext {
  readonly host?: Host;
  readonly params?: { readonly kvm?: Params; readonly kvm_intel?: Params };
  /** Given, or taken from the host or from the text. */
  readonly release?: Release;
  /** Where the release comes from. */
  readonly releaseFrom?: "given" | "host" | "text";
  readonly releaseNote?: string;
  /** Kernels older than the tables as well. */
  readonly kernel?: NamedKernel;
  readonly signs: Signs;
  readonly anywhere: ReadonlySet<WholeSign>;
  /** VMCS dumps in the text; read on first use. */
  readonly dumps: () => Dumps;
}

/** Signs in the text of what surrounds the machine. */
export interface Signs {
  readonly amd: boolean;
  readonly vmware: boolean;
  readonly hyperV: boolean;
  readonly virtualBox: boolean;
  /** Hyper-V enlightenments are passed to the guest (hv-passthrough, hv-evmcs, <evmcs state='on'/>). */
  readonly evmcs: boolean;
  /** CPUID features that the guest's configuration turns off. */
  readonly disabled: ReadonlySet<string>;
  readonly virtualMachine: boolean;
}

/** @param text whose signs are looked for in its beginning only: the rest of a long log is the same machine. */
export function explainContext(text: KeptText, options: ExplainOptions): ExplainContext {
  const head = text.head();
  const named = kernelIn(head);
  const { host } = options;
  let release = options.release;
  let releaseFrom: ExplainContext["releaseFrom"] = release === undefined ? undefined : "given";
  let releaseNote: string | undefined;
  for (const [from, name] of [
    ["host", host?.kernel],
    ["text", named?.text],
  ] as const) {
    if (release !== undefined || name === undefined) continue;
    const resolved = resolveRelease(name);
    if (resolved.release === undefined) releaseNote = resolved.error;
    else {
      release = resolved.release;
      releaseFrom = from;
      if (resolved.note !== undefined) releaseNote = resolved.note;
    }
  }
  const params = options.params ?? host?.params;
  return {
    signs: signsIn(head),
    anywhere: text.signs(),
    dumps: text.dumps,
    ...(host === undefined ? {} : { host }),
    ...(params === undefined ? {} : { params }),
    ...(release === undefined ? {} : { release }),
    ...(releaseFrom === undefined ? {} : { releaseFrom }),
    ...(releaseNote === undefined ? {} : { releaseNote }),
    ...(named === undefined ? {} : { kernel: named }),
  };
}

/** Options of a replay for the machine at hand. */
export function replayOptions(context: ExplainContext, release?: Release): ReplayOptions {
  const chosen = release ?? context.release;
  const told = context.host !== undefined && tellsNested(context.host, chosen ?? DEFAULT_RELEASE);
  return {
    ...(chosen === undefined ? {} : { release: chosen }),
    ...(told ? { told } : {}),
    ...(context.params === undefined ? {} : { params: context.params }),
  };
}

const KERNEL_PATTERNS = [
  /Linux version (\d{1,2}\.\d{1,3}[\w.+~-]{0,60})/,
  /\b(?:Not tainted|Tainted: [A-Z ]{1,30}?) (\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60})/,
  /^\s{0,8}Linux \S{1,80} (\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60}) #/m,
  /\bkernel[ :(v]{1,4}(\d{1,2}\.\d{1,3}(?:\.\d{1,3})?[\w.+~-]{0,40})/i,
  /\buname -r\s{1,4}(\d{1,2}\.\d{1,3}\.[\w.+~-]{1,60})/,
] as const;

function kernelIn(text: string): NamedKernel | undefined {
  for (const pattern of KERNEL_PATTERNS) {
    const found = pattern.exec(text)?.[1];
    const numbers = found === undefined ? null : /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(found);
    if (found !== undefined && numbers !== null) {
      return {
        text: withoutEnding(found, ".,;)"),
        major: Number(numbers[1]),
        minor: Number(numbers[2]),
        ...(numbers[3] === undefined ? {} : { patch: Number(numbers[3]) }),
      };
    }
  }
  return undefined;
}

/** Whether a kernel is older than a release, as in `isBefore(kernel, 5, 6)`. */
export function isBefore(kernel: NamedKernel | undefined, major: number, minor: number): boolean {
  return kernel !== undefined && (kernel.major < major || (kernel.major === major && kernel.minor < minor));
}

/** Whether `flags:` stands in a line and a word behind it; each line is looked at once. */
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

function signsIn(text: string): Signs {
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
  const vmware = has(/\bvm_?ware\b/i);
  const hyperV =
    has(/\b(?:hyper-?v (?:root|guest|detected)|microsoft corporation virtual machine|microsoft hyper-v|azure)\b/i) ||
    has(/using Hyper-V Enlightened VMCS/);
  const virtualBox = has(/\bvirtualbox\b/i);
  return {
    amd: has(
      /\bAuthenticAMD\b|\bkvm_amd: (?!SVM not supported)|\bSVM: |\bAMD (?:EPYC|Ryzen|FX|Opteron)|svm (?:vmcb|mode)|^flags\s*:.*\bsvm\b/im,
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
