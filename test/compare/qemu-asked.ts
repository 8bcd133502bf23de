/** Models and the number of vmx-* properties that QEMU 11.1.3 said are on, asked with vmx=on. */
export const VMX_MAX_TESTED: readonly (readonly [model: string, on: number])[] = [
  ["core2duo-v1", 26],
  ["Nehalem-v2", 58],
  ["Haswell-v4", 71],
  ["Skylake-Server-v5", 74],
  ["Icelake-Server-v7", 75],
  ["SapphireRapids-v3", 75],
  ["GraniteRapids-v5", 77],
  ["DiamondRapids-v1", 83],
  ["ClearwaterForest-v2", 76],
  ["Denverton-v3", 73],
  ["YongFeng-v3", 72],
  ["kvm32-v1", 17],
];
