/** Parameters that KVM switches off with another one: hardware_setup in arch/x86/kvm/vmx/vmx.c. */
export const NEED: { readonly [name: string]: readonly string[] | undefined } = {
  unrestricted_guest: ["ept"],
  eptad: ["ept"],
  pml: ["ept", "eptad"],
  enable_ipiv: ["enable_apicv"],
};

const OFF = /\b(?:kvm_intel\.)?(?<name>\w{3,20})=(?:0|N|n)\b/g;

/** Why a parameter that a text names is off: the text switches off one that it needs. */
export function offWithAnother(text: string): readonly string[] {
  const off = new Set([...text.matchAll(OFF)].map(({ groups }) => groups?.name ?? ""));
  const words = new Set(text.split(/\W+/));
  return Object.entries(NEED).flatMap(([name, needs = []]) => {
    const need = needs.find((one) => off.has(one));
    return need === undefined || !words.has(name)
      ? []
      : [`${name} needs ${need}: with ${need}=0 KVM switches ${name} off as well, whatever is asked for.`];
  });
}
