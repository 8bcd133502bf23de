import { maskOf, orWords, type Word, word } from "../bits/word.js";
import { DEFAULT1 } from "../spec/default1.js";
import type { CoreReplay } from "./replay.js";

/** What KVM_GET_MSRS on /dev/kvm returns for 0x480 to 0x491 (vmx_get_vmx_msr): the values a nested hypervisor starts from. */
export function nestedMsrs(cpu: CoreReplay): ReadonlyMap<number, { readonly hi: Word; readonly lo: Word }> {
  const at = cpu.word;
  const default1 = (group: keyof typeof DEFAULT1) => word(maskOf(DEFAULT1[group]));
  const pair = (hi: Word, lo: Word) => ({ hi, lo });
  return new Map([
    [0x480, pair(at("nested.basic.hi"), at("nested.basic.lo"))],
    [0x481, pair(at("pinbased_ctls_high"), orWords(at("pinbased_ctls_low"), default1("pin")))],
    [0x482, pair(at("procbased_ctls_high"), orWords(at("procbased_ctls_low"), default1("primary")))],
    [0x483, pair(at("exit_ctls_high"), orWords(at("exit_ctls_low"), default1("exit")))],
    [0x484, pair(at("entry_ctls_high"), orWords(at("entry_ctls_low"), default1("entry")))],
    [0x485, pair(at("misc_high"), at("misc_low"))],
    [0x486, pair(at("cr0_fixed0.hi"), at("cr0_fixed0.lo"))],
    [0x487, pair(at("cr0_fixed1.hi"), at("cr0_fixed1.lo"))],
    [0x488, pair(at("cr4_fixed0.hi"), at("cr4_fixed0.lo"))],
    [0x489, pair(at("cr4_fixed1.hi"), at("cr4_fixed1.lo"))],
    [0x48a, pair(at("vmcs_enum.hi"), at("vmcs_enum.lo"))],
    [0x48b, pair(at("secondary_ctls_high"), at("secondary_ctls_low"))],
    [0x48c, pair(at("vpid_caps"), at("ept_caps"))],
    [0x48d, pair(at("pinbased_ctls_high"), at("pinbased_ctls_low"))],
    [0x48e, pair(at("procbased_ctls_high"), at("procbased_ctls_low"))],
    [0x48f, pair(at("exit_ctls_high"), at("exit_ctls_low"))],
    [0x490, pair(at("entry_ctls_high"), at("entry_ctls_low"))],
    [0x491, pair(at("vmfunc_controls.hi"), at("vmfunc_controls.lo"))],
  ]);
}
