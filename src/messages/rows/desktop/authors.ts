import type { MessageRow } from "../../../answers/message.js";

/*
 * What people write who write a hypervisor, or a program that runs guests with KVM: not what a program printed, but what they saw in
 * RFLAGS, in the words of the manual, and in what KVM_RUN gave back.
 */

const SDM = "Intel SDM volume 3C";

export const AUTHORS_MESSAGES = [
  {
    id: "any-instruction-flags",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: ["vmxon", "vmlaunch", "vmresume", "vmptrld", "vmclear", "vmread", "vmwrite"],
    pattern:
      /\b(?<insn>VMXON|VMLAUNCH|VMRESUME|VMPTRLD|VMCLEAR|VMREAD|VMWRITE)\b(?![^\n]{0,80}\b(?:if|when)\b)[^\n]{0,60}?(?:\b(?:[RE]?FLAGS?[. ])?(?:the )?(?<flag>CF|ZF|carry|zero)(?: flag| bit)?\s?(?:(?:=|is|was|being|gets|to be|still)\s?){1,2}(?:set|1)\b|\bset(?:s|ting)? (?:the )?(?:[RE]?FLAGS?[. ])?(?<flag2>CF|ZF|carry|zero)\b)|\b(?<flag3>CF|ZF)(?: flag)?\s?(?:=|==|is|was)\s?(?:set|1)\b[^\n]{0,20}\b(?:after|from|on|by)\b[^\n]{0,12}\b(?<insn3>VMXON|VMLAUNCH|VMRESUME|VMPTRLD|VMCLEAR|VMREAD|VMWRITE)\b/i,
    what: "{insn} failed, as RFLAGS shows.",
    decoder: "instruction-flags",
    steps: [],
    source: { message: "small hypervisors", meaning: `${SDM}, VMX instruction reference` },
  },
  {
    id: "author-exit-handler",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: "exit handler",
    pattern:
      /\bVM[- ]?exit handler (?:has )?failed\b[^\n]{0,12}\breason\s{0,3}[:=]?\s{0,3}(?<code>0x[0-9a-f]{1,8}|\d{1,3})\b/i,
    what: "The handler of a VM exit failed.",
    decoder: "exit-handler",
    steps: [
      {
        text: "Look at what the guest asked for at that exit: its RIP, RCX for an MSR, the exit qualification (0x6400).",
      },
    ],
    source: { message: "projectacrn/acrn-hypervisor#8472", meaning: `${SDM}, appendix C` },
  },
  {
    id: "author-field-access",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: ["vmwrite", "vmread", "vm_write", "vm_read"],
    pattern:
      /\b(?<how>VM_?WRITE|VM_?READ)\b[^\n]{0,12}\b(?:fail\w{0,4}|error)\b[^\n]{0,6}\b(?:field|encoding)\W{0,3}(?<encoding>0x[0-9a-f]{3,8})\b(?:[^\n]{0,30}?\b(?:err|error)(?: code)?\W{1,3}(?<error>\d{1,2})\b)?/i,
    what: "{how} of the field {encoding} failed.",
    decoder: "field-number",
    steps: [],
    source: { message: "small hypervisors", meaning: `${SDM}, VMREAD and VMWRITE` },
  },
  {
    id: "author-vmfail",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: ["vmfail", "vm_fail"],
    pattern:
      /(?:\b(?:(?<insn>VM_?LAUNCH|VMRESUME|VMXON|VMPTRLD|VMCLEAR|VMREAD|VMWRITE)|INVEPT|INVVPID|vcpu|VMX)\b[^\n]{0,40}[ :=_(]|(?:error|failed|Err)\W{1,4}(?:\w{1,20}::)?)(?:VMX_)?VM_?FAIL_?(?<kind>VALID|INVALID)\b(?:\((?<error>\d{1,2})\))?/i,
    what: "A VMX instruction failed with VMfail{kind}: VMfailValid (ZF=1) has its number in VM_INSTRUCTION_ERROR (0x4400), VMfailInvalid (CF=1) has none.",
    decoder: "instruction-flags",
    steps: [
      {
        text: "Valid: read 0x4400 with VMREAD right after it, and give the number. Invalid: check that VMXON, VMCLEAR and VMPTRLD succeeded on this very CPU, with the revision in the region.",
        commands: ["vmxlens explain 'VM-instruction error 7'"],
      },
    ],
    source: { message: "small hypervisors", meaning: `${SDM}, conventions of VMX instructions` },
  },
  {
    id: "author-error-words",
    product: "VMX",
    layer: "VM entry",
    gravity: "blocks",
    generic: true,
    needle: ["vmlaunch", "vmresume", "vmclear", "vmptrld", "vmread", "vmwrite", "vmxon"],
    pattern:
      /(?<!["'`]|\d ?=> ?)\b(?:VMXERR_)?(?<words>VMLAUNCH[^\n]{0,16}non-?_?clear|VMRESUME[^\n]{0,16}(?:non-?_?launched|after[- _]?VMXOFF)|(?:VMCLEAR|VMPTRLD)[^\n]{0,8}(?:invalid[- _]?(?:physical|addr)|VMXON[- _]?pointer|incorrect[^\n]{0,6}revision)|(?:VMREAD|VMWRITE)[^\n]{0,24}unsupported[- _]?VMCS|VMWRITE[^\n]{0,8}read-?_?only|VMXON[- _]?(?:executed )?in[- _]?VMX[- _]?root)/i,
    what: "A VMX instruction failed: {words}.",
    decoder: "error-in-words",
    steps: [{ text: "Check each VMX instruction before it for CF and ZF, on the same CPU." }],
    source: { message: "small hypervisors", meaning: `${SDM}, VM-instruction error numbers` },
  },
  {
    id: "kut-vmcs-enum",
    product: "tool",
    layer: "nested KVM",
    gravity: "degrades",
    needle: "vmx_vmcs_enum.max_index",
    pattern:
      /VMX_VMCS_ENUM\.MAX_INDEX expected(?: at least)?: (?<wanted>[0-9a-f]{1,3}), actual: (?<shown>[0-9a-f]{1,3})/i,
    what: "A test of kvm-unit-tests compares IA32_VMX_VMCS_ENUM (0x48a) bits 9:1, the highest index of a VMCS field, with the fields that VMREAD finds: the register says {shown}, and a field with index {wanted} is there. It hurts no hypervisor that does not size a table by it.",
    causes: [
      "On hardware: an erratum (BDX30, BDE31 and their like).",
      "In KVM: the field is one that this CPU model has no control for (19 is the TSC multiplier's, 17 the preemption timer's). QEMU sets the register by the model, and KVM lets the field be read all the same.",
    ],
    steps: [
      {
        text: "Read the register on the machine that runs the test.",
        commands: ["sudo modprobe msr; sudo rdmsr -f 9:1 -a 0x48a"],
      },
    ],
    source: { message: "kvm-unit-tests, x86/vmx.c", meaning: "kvm mailing list, June 2019 and 2025" },
  },
  {
    id: "kut-error-number",
    product: "tool",
    layer: "nested KVM",
    gravity: "degrades",
    needle: "vmx_inst_error (",
    pattern: /\bVMX_INST_ERROR \((?<shown>\d{1,2})\) is as expected \((?<wanted>\d{1,2})\)/i,
    what: "A test of kvm-unit-tests expected VM-instruction error {wanted} and read {shown}: the instruction did not fail, or it failed for another reason first.",
    steps: [{ text: "See what the number means.", commands: ["vmxlens explain 'VM-instruction error 12'"] }],
    source: { message: "kvm-unit-tests, x86/vmx_tests.c", meaning: `${SDM}, VM-instruction error numbers` },
  },
  {
    id: "author-kvm-run",
    product: "KVM user space",
    layer: "KVM at run time",
    gravity: "blocks",
    generic: true,
    needle: ["exit_reason", "exit reason", "kvm_exit"],
    pattern:
      /\b(?:kvm_run|run)(?:->|\.)exit_reason\s{0,3}(?:==?|:|is|was)?\s{0,3}(?<code>0x[0-9a-f]{1,2}|\d{1,2})\b|\bKVM exit(?:ed)?(?: with)?[ _]reason\s{0,3}(?:==?|:|is|was|code)?\s{0,3}(?<code2>\d{1,2})\b(?!\.\d)/i,
    what: "KVM_RUN came back with an exit reason.",
    decoder: "kvm-run-exit",
    steps: [
      {
        text: "Print what struct kvm_run has beside it, and give that.",
        commands: [
          "vmxlens explain 'KVM_EXIT_FAIL_ENTRY: hardware_entry_failure_reason = 0x80000021'",
          "vmxlens explain 'KVM internal error. Suberror: 1'",
        ],
      },
    ],
    source: { message: "small VMMs", meaning: "Linux, Documentation/virt/kvm/api.rst (KVM_RUN)" },
  },
] as const satisfies readonly MessageRow[];
