import { allowed, EPT, firmware, needs, type Pack, UNRESTRICTED_GUEST, VMX } from "../pack.js";

const KVM = { where: "Linux arch/x86/kvm/vmx/vmx.c, setup_vmcs_config and hardware_setup, replayed", compared: true };
const NESTED = { where: "Linux arch/x86/kvm/vmx/nested.c, nested_vmx_setup_ctls_msrs, replayed", compared: true };

export const KVM_PACK: Pack = {
  id: "kvm",
  name: "KVM",
  aliases: ["linux-kvm", "qemu"],
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, KVM),
    firmware(KVM),
    {
      id: "loads",
      text: "kvm_intel of this release loads",
      level: "required",
      needs: { kvmLoads: "alone" },
      source: KVM,
    },
    needs("ept", "EPT; without it KVM keeps shadow page tables", EPT, KVM, "wanted"),
    needs(
      "unrestricted-guest",
      "unrestricted guest; without it KVM emulates real mode",
      UNRESTRICTED_GUEST,
      KVM,
      "wanted",
    ),
  ],
};

export const KVM_NESTED_PACK: Pack = {
  id: "kvm-nested",
  name: "KVM with nested guests",
  aliases: ["nested", "nested-kvm"],
  requirements: [
    needs("vmx", "CPUID has VMX", VMX, NESTED),
    firmware(NESTED),
    {
      id: "nested",
      text: "kvm_intel of this release loads with nested=1",
      level: "required",
      needs: { kvmLoads: "nested" },
      source: NESTED,
    },
    needs("ept", "EPT for L1; nested without it is too slow to be of use", EPT, NESTED, "wanted"),
    needs(
      "shadow-vmcs",
      "VMCS shadowing; without it every VMREAD of L1 exits",
      allowed("secondary", "SHADOW_VMCS"),
      NESTED,
      "wanted",
    ),
  ],
};
