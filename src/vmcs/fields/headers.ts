/** A public header that names the fields of a VMCS. */
interface Header {
  /** What people call it. */
  readonly title: string;
  /** The file that the names were read from, and its revision. */
  readonly source: string;
  /** Which of its definitions are names of fields; other constants have small values as well. */
  readonly names: RegExp;
}

/** The headers whose names `header-names.ts` lists, in the order of its columns. */
export const HEADERS = {
  bhyve: {
    title: "bhyve, xhyve, HyperKit",
    source: "xhyve include/xhyve/vmm/intel/vmcs.h at 1dd9a5165848 (2019-01)",
    names: /^VMCS_(?!IDENT$|INVALID)/,
  },
  kvmUnitTests: {
    title: "KVM unit tests",
    source: "kvm-unit-tests x86/vmx.h at 1da1819e49fc (2026-06), enum Encoding",
    names: /^(?!VMX_|INTR_|CPU_EXEC_CTRL$|EPT_|VPID_CAP)(?:[A-Z][A-Z0-9_]+)$/,
  },
  ia32Doc: {
    title: "ia32-doc",
    source: "ia32-doc out/ia32.h at 6bfdd0e8efe1 (2026-06)",
    names: /^VMCS_(?:CTRL|GUEST|HOST|EXIT|VMEXIT|VM|IO|EXEC)/,
  },
  bochs: {
    title: "Bochs",
    source: "Bochs bochs/cpu/vmx.h at 783b58fd6d9b (2026-08)",
    names: /^VMCS_(?!FIELD_|REVISION|VMX_ABORT|LAUNCH|DATA|STATE|LINK)/,
  },
  virtualBox: {
    title: "VirtualBox",
    source: "VirtualBox include/VBox/vmm/hm_vmx.h (6.x, 200641 characters)",
    names: /^VMX_VMCS/,
  },
  apple: {
    title: "Apple's Hypervisor.framework",
    source: "Hypervisor.framework hv_arch_vmx.h (SDK 10.10), and what hv_arch_vmx.h of later SDKs adds",
    names: /^VMCS_/,
  },
  rust: {
    title: "Rust crate x86",
    source: "rust-x86 src/vmx/vmcs.rs at ae3306a372c8 (2023-11)",
    names: /^[A-Z]/,
  },
  hyperPlatform: {
    title: "HyperPlatform",
    source: "HyperPlatform HyperPlatform/ia32_type.h at d8bbb21db3ef (2023-11), enum class VmcsField",
    names: /^k[A-Z]/,
  },
} as const satisfies { readonly [family: string]: Header };

export type HeaderFamily = keyof typeof HEADERS;
