import type { Decoded } from "../../answers/answer.js";
import type { ExplainContext } from "../context.js";
import type { Match } from "../match.js";

/*
 * An ioctl of KVM that failed: what the errno means for it. Most of them have nothing to do with VMX being on.
 */

const ERRNO: readonly (readonly [words: RegExp, name: string])[] = [
  [/inappropriate|ENOTTY|os error 25\b/i, "ENOTTY"],
  [/invalid arg|EINVAL|os error 22\b/i, "EINVAL"],
  [/input\/output|EIO|os error 5\b/i, "EIO"],
  [/not permitted|EPERM|permission|EACCES|os error 13?\b/i, "EPERM"],
  [/bad address|EFAULT|os error 14\b/i, "EFAULT"],
  [/file exists|EEXIST|os error 17\b/i, "EEXIST"],
  [/argument list|E2BIG|os error 7\b/i, "E2BIG"],
  [/memory|ENOMEM|os error 12\b/i, "ENOMEM"],
  [/exec format|ENOEXEC|os error 8\b/i, "ENOEXEC"],
];

interface Meaning {
  readonly ioctl: RegExp;
  readonly errno?: string;
  readonly says: string;
  readonly step?: string;
  readonly commands?: readonly string[];
}

/** The first that fits counts. */
const MEANINGS: readonly Meaning[] = [
  {
    ioctl: /GET_API_VERSION/,
    says: "The file that was opened is not KVM's device: /dev/kvm is a plain file or another driver's, or the program handed in the wrong descriptor.",
    step: "See what the file is; KVM's is a character device, 10:232.",
    commands: ["ls -l /dev/kvm"],
  },
  {
    ioctl: /SET_S?REGS|SET_DEBUGREGS|SET_VCPU_EVENTS/,
    errno: "EINVAL",
    says: "The registers contradict each other or have bits that the guest's CPUID does not allow: EFER.LMA without CR0.PG, CR4 bits of features that CPUID hides (VMXE without vmx among them), a wrong APIC base.",
    step: "Set CPUID before the registers, and take bits out of CR0, CR4 and EFER that it does not allow.",
  },
  {
    ioctl: /SET_MSRS|GET_MSRS/,
    says: "An MSR of the list is not accepted: the call gives back how many went in, and the next one is it. MSRs of VMX (0x480 and above) may not be set beyond what KVM itself offers.",
    step: "Compare the count that came back with the list; kvm.ignore_msrs=1 hides only unknown ones.",
  },
  {
    ioctl: /SET_NESTED_STATE|GET_NESTED_STATE/,
    says: "The saved state of a guest's own VMX does not fit: the guest has no vmx, nested is off on this host, or the state comes from a host that offers more.",
    step: "Give the guest the same CPU model with vmx, set nested=1, and compare the hosts with `vmxlens migrate SOURCE TARGET`.",
  },
  {
    // Linux, __kvm_set_xcr.
    ioctl: /SET_XCRS/,
    errno: "EINVAL",
    says: "XCR0 has a bit that the guest's CPUID (leaf 0xd) does not allow, or not all bits that go together: bit 2 (AVX) needs bit 1 (SSE), and bits 5 to 7 (AVX-512, 0xe0) go together and need AVX. A state that was saved on another CPU brings such bits.",
    step: "Set CPUID before XCR0, and leave out the bits that this host lacks.",
    commands: ["grep -om1 avx512f /proc/cpuinfo   # nothing: no bits 5 to 7"],
  },
  {
    ioctl: /GET_SUPPORTED_CPUID/,
    errno: "E2BIG",
    says: "The array for CPUID entries is too small for this CPU. VMX is not the reason.",
    step: "Call it again with more entries (KVM has up to 256).",
  },
  {
    ioctl: /SET_USER_MEMORY_REGION/,
    says: "A slot of guest memory is not accepted: not aligned to pages, overlapping another one (EEXIST), or changed in size while in use. VMX is not the reason.",
    step: "Check address, size and slot number; delete a slot (size 0) before it changes.",
  },
  {
    ioctl: /SET_TSS_ADDR|SET_IDENTITY_MAP_ADDR/,
    says: "The pages that KVM needs for real mode on a CPU without unrestricted guest were given a wrong address or after the virtual CPUs were made.",
    step: "Give it once, below 4 GByte, page-aligned, before the first virtual CPU.",
  },
  {
    ioctl: /CREATE_IRQCHIP|CREATE_PIT2/,
    says: "The interrupt controller was made twice or after the virtual CPUs. VMX is not the reason.",
    step: "Make it once, before the first virtual CPU.",
  },
  {
    ioctl: /ENABLE_CAP/,
    says: "The capability is none of this KVM, or cannot be switched on there: it is a call on a virtual machine or its CPU, which /dev/kvm itself refuses for every capability. Some need a parameter (nested=1) or hardware (SGX, TDX, bus-lock detection).",
    step: "Make the call on the descriptor that KVM_CREATE_VM gave, for a capability and the arguments that KVM_CHECK_EXTENSION names there.",
  },
  {
    ioctl: /_RUN$/,
    errno: "EFAULT",
    says: "KVM could not get a page of guest memory. No VM entry was refused, and VMX is not the reason.",
    step: "Look at what is behind the memory: a file that is too small, huge pages, /dev/shm that is full.",
  },
  {
    ioctl: /_RUN$/,
    says: "KVM_RUN itself gave up. No VM entry was refused (that would be an exit with a reason): the virtual CPU has no state to run, was not initialised, or another failure came first.",
    step: "Look at the kernel's log and at the calls before it.",
    commands: ["sudo dmesg | tail"],
  },
  {
    ioctl: /./,
    says: "KVM works as far as this call, so VT-x is on; the argument does not fit.",
  },
];

export function decodeKvmIoctl([{ groups }]: readonly [Match, ...Match[]], _context: ExplainContext): Decoded {
  const { ioctl = "", reason = "" } = groups;
  const called = ioctl.toUpperCase();
  const errno = ERRNO.find(([words]) => words.test(reason))?.[1];
  const meaning = MEANINGS.find((row) => row.ioctl.test(called) && (row.errno === undefined || row.errno === errno));
  if (meaning === undefined) return {};
  const memory = errno === "ENOMEM";
  return {
    what: `KVM refused ${called} (${reason.replace(/^\(|\)$/g, "")}). ${memory ? "The kernel found no memory for it; VMX is not the reason." : meaning.says}`,
    steps:
      memory || meaning.step === undefined
        ? []
        : [{ text: meaning.step, ...(meaning.commands === undefined ? {} : { commands: meaning.commands }) }],
  };
}
