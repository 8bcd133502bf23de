import { VCPU_STATES, type VcpuState } from "../../kvm/guest/restore.js";

/** What `--vcpu` names, or a sentence that says what is wrong with it. */
export function vcpuOption(text: string | undefined): { readonly vcpu?: VcpuState } | string {
  if (text === undefined) return {};
  const states: { readonly [name: string]: VcpuState } = VCPU_STATES;
  const vcpu = Object.hasOwn(states, text.toLowerCase()) ? states[text.toLowerCase()] : undefined;
  return vcpu === undefined ? `--vcpu ${text}: one of ${Object.keys(states).join(", ")}` : { vcpu };
}
