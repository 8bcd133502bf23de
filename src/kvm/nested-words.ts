import type { DEFAULT1 } from "../registers/default1.js";
import type { WordName } from "../rules/words.js";

/** The words of nested_vmx_msrs behind the two halves of an MSR. */
interface NestedWords {
  readonly hi: WordName;
  readonly lo: WordName;
  /** A plain register: the controls of the default1 class are 1 in its low half besides. */
  readonly default1?: keyof typeof DEFAULT1;
}

/** By MSR index, what vmx_get_vmx_msr answers from. */
export const NESTED_WORDS: { readonly [index: number]: NestedWords } = {
  0x480: { hi: "nested.basic.hi", lo: "nested.basic.lo" },
  0x481: { hi: "pinbased_ctls_high", lo: "pinbased_ctls_low", default1: "pin" },
  0x482: { hi: "procbased_ctls_high", lo: "procbased_ctls_low", default1: "primary" },
  0x483: { hi: "exit_ctls_high", lo: "exit_ctls_low", default1: "exit" },
  0x484: { hi: "entry_ctls_high", lo: "entry_ctls_low", default1: "entry" },
  0x485: { hi: "misc_high", lo: "misc_low" },
  0x486: { hi: "cr0_fixed0.hi", lo: "cr0_fixed0.lo" },
  0x487: { hi: "cr0_fixed1.hi", lo: "cr0_fixed1.lo" },
  0x488: { hi: "cr4_fixed0.hi", lo: "cr4_fixed0.lo" },
  0x489: { hi: "cr4_fixed1.hi", lo: "cr4_fixed1.lo" },
  0x48a: { hi: "vmcs_enum.hi", lo: "vmcs_enum.lo" },
  0x48b: { hi: "secondary_ctls_high", lo: "secondary_ctls_low" },
  0x48c: { hi: "vpid_caps", lo: "ept_caps" },
  0x48d: { hi: "pinbased_ctls_high", lo: "pinbased_ctls_low" },
  0x48e: { hi: "procbased_ctls_high", lo: "procbased_ctls_low" },
  0x48f: { hi: "exit_ctls_high", lo: "exit_ctls_low" },
  0x490: { hi: "entry_ctls_high", lo: "entry_ctls_low" },
  0x491: { hi: "vmfunc_controls.hi", lo: "vmfunc_controls.lo" },
};
