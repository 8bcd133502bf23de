import type { Fact } from "../rules/held.js";
import type { Circumstance } from "../situation/evidence/own-machine.js";

/** Who prints a message. */
export type Product =
  | "ACRN"
  | "bhyve"
  | "HAXM"
  | "Hyper-V"
  | "Jailhouse"
  | "Kata Containers"
  | "kmod"
  | "KVM"
  | "KVM user space"
  | "libvirt"
  | "Linux"
  | "QEMU"
  | "seL4"
  | "tool"
  | "VirtualBox"
  | "VMware"
  | "VMX"
  | "WSL"
  | "Xen";

/** Where the thing that the message complains about was decided. */
export type RefusingLayer =
  | "silicon"
  | "firmware"
  | "Linux boot"
  | "KVM load"
  | "KVM parameter"
  | "nested KVM"
  | "KVM at run time"
  | "VM entry"
  | "user space"
  | "host operating system"
  | "another hypervisor";

/**
 * How bad it is: `blocks` something does not start; `degrades` it runs with less; `harmless` nothing is lost;
 * `informs` it says something about another message.
 */
export type Gravity = "blocks" | "degrades" | "harmless" | "informs";

/** A cause with more than its sentence. */
export interface RowCause {
  readonly text: string;
  /** Offered only where the words of the message have this. */
  readonly fits?: RegExp;
  /** Not offered where the rest of the text shows one of these. */
  readonly unless?: readonly Circumstance[];
  /** Where it was decided. */
  readonly layer?: RefusingLayer;
  /** It names more than VT-x, and is offered where the firmware's setting of that decides nothing, too. */
  readonly always?: true;
}

/** What a message means, for the answer to the whole text. */
export type Outcome =
  /** There is no usable /dev/kvm. */
  | "no device"
  /** KVM is there, and refused or could not begin. */
  | "KVM is there"
  /** KVM is there, and the user may not open its device. */
  | "no access"
  /** The CPU refused the controls of a VM entry. */
  | "invalid controls"
  /** It is about AMD's SVM or its module. */
  | "AMD"
  /** It is about a register that VMX has no part in. */
  | "not VMX"
  /** The program was built without what was asked for. */
  | "not built in"
  /** VMXON faulted with #GP, for one of several reasons. */
  | "VMXON #GP";

/** What a message means under a circumstance that the text shows. It replaces the sentences, causes and steps of the row. */
export interface InCircumstance {
  readonly is: Circumstance;
  readonly what: string;
  readonly gravity?: Gravity;
  readonly outcome?: Outcome;
  readonly steps: readonly Advice[];
}

/** One thing to do, with commands to copy where there are any. */
export interface Step {
  readonly text: string;
  readonly commands?: readonly string[];
}

/** What there is to do in place of a step under a circumstance. */
export interface Alternative extends Step {
  readonly is: Circumstance;
}

/** A step as rows and decoders have it. */
export interface Advice extends Step {
  /** There is nothing to do where the text shows one of these. */
  readonly unless?: readonly Circumstance[];
  /** What there is to do in place of it: the first whose circumstance the text shows. */
  readonly instead?: Alternative | readonly Alternative[];
  /** What it changes: the firmware's setting, what the hypervisor below passes on, or whether Windows' own starts. */
  readonly changes?: "firmware" | "outer hypervisor" | "Windows' hypervisor";
}

/** A function of the kernel or of another program that refuses, and the releases in which it does. */
export interface RuleRow extends Fact {
  readonly fn: string;
  readonly file?: string;
  /** The same in words, for programs other than Linux. */
  readonly since?: string;
}

/** As `DecoderName`, for messages of desktop products alone. */
export type DesktopDecoderName =
  | "error-in-words"
  | "exit-handler"
  | "field-number"
  | "instruction-flags"
  | "kvm-run-exit"
  | "haxm-checktool"
  | "hv-status"
  | "vbox-status"
  | "windows-status";

/** What reads the numbers and names of a match further than the sentences of its row. */
export type DecoderName =
  | "control-request"
  | "create-vm"
  | "device"
  | "entry-exit-pair"
  | "ept-exit"
  | "evmcs-word"
  | "exit-reason"
  | "failed-instruction"
  | "feature-list"
  | "field-access"
  | "guest-instruction"
  | "guest-msr"
  | "hardware-error"
  | "instruction-error"
  | "instruction-fault"
  | "kernel-message"
  | "kvm-ioctl"
  | "kvm-run-failed"
  | "module-error"
  | "module-not-found"
  | "module-parameter"
  | "monitor-kvm"
  | "msr-assertion"
  | "msr-write"
  | "named-feature"
  | "other-module"
  | "requested-feature"
  | "set-msr"
  | "suberror"
  | "trace-msr"
  | "unchecked-msr"
  | "vcpu-refused"
  | "vmcs-config"
  | "vmcs-dump"
  | "vmxon-fault";

/**
 * A message that people paste. `pattern` has named groups for what varies; it must be safe on any text: no group that
 * repeats something which repeats itself. `{name}` in a sentence is replaced by a group.
 */
export interface MessageRow {
  readonly id: string;
  readonly product: Product;
  readonly layer: RefusingLayer;
  readonly gravity: Gravity;
  /** In lower case; part of every line that the pattern matches, near its beginning. Several: one of them does. */
  readonly needle: string | readonly string[];
  readonly pattern: RegExp;
  /** The end of the match is a list that may go on in the next line of a wrapped text. */
  readonly list?: true;
  /** All matches of rows with the same group are explained together. */
  readonly group?: string;
  /** Not believed where the text shows one of these. */
  readonly unless?: readonly Circumstance[];
  /**
   * Generic words: not believed in a sentence that only supposes or denies them, and left out where another row says
   * what failed in the same line.
   */
  readonly generic?: true;
  readonly what: string;
  readonly outcome?: Outcome;
  readonly decoder?: DecoderName | DesktopDecoderName;
  readonly rule?: RuleRow;
  /** Likeliest first. */
  readonly causes?: readonly (string | RowCause)[];
  /** Smallest first. */
  readonly steps: readonly Advice[];
  /** The first whose circumstance the text shows counts. */
  readonly where?: readonly InCircumstance[];
  /** What the answer depends on and the line does not say. */
  readonly depends?: readonly string[];
  /** Where the text of the message is known from, and what the explanation rests on. */
  readonly source: { readonly message: string; readonly meaning: string };
}
