import { readHost } from "../../src/input/read.js";

/** Everything that a text was found to say, as single bits: `cpu 0x48b 33 1`. */
export function claims(text: string | Uint8Array): Set<string> {
  const said = new Set<string>();
  for (const host of readHost(text).hosts) {
    const layers = [
      ...host.cores.map((core) => ["cpu", core.msrs] as const),
      ["nested", host.observed?.nestedMsrs ?? new Map()] as const,
    ];
    for (const [layer, msrs] of layers) {
      for (const [index, msr] of msrs) {
        if (msr.state === "absent") said.add(`${layer} ${index} absent`);
        if (msr.state !== "value") continue;
        for (let bit = 0; bit < 64; bit++) {
          const word = bit < 32 ? msr.lo : msr.hi;
          if ((word.unknown >>> (bit & 31)) & 1) continue;
          said.add(`${layer} ${index} ${bit} ${(word.value >>> (bit & 31)) & 1}`);
        }
      }
    }
    for (const [module, params] of Object.entries(host.params ?? {})) {
      for (const [name, value] of Object.entries(params ?? {})) said.add(`param ${module}.${name} ${value}`);
    }
    for (const [module, params] of Object.entries(host.paramsAsked ?? {})) {
      for (const [name, value] of Object.entries(params ?? {})) said.add(`asked ${module}.${name} ${value}`);
    }
    const { vmx, modules = {}, loadError, outer } = host.observed ?? {};
    if (vmx !== undefined) said.add(`vmx ${vmx}`);
    // A line of flags that is cut off proves only what it shows; the whole line proves that, too.
    else if (host.observed?.cpuFlags?.includes("vmx") === true) said.add("vmx true");
    for (const [module, loaded] of Object.entries(modules)) said.add(`module ${module} ${loaded}`);
    if (loadError !== undefined) said.add(`load error ${loadError}`);
    if (outer !== undefined) said.add(`outer ${outer}`);
    if (host.kernel !== undefined) said.add(`kernel ${host.kernel}`);
    if (host.name !== undefined) said.add(`name ${host.name}`);
    for (const core of host.cores) {
      if (core.signature !== undefined) said.add(`signature ${core.signature}`);
      if (core.microcode !== undefined) said.add(`microcode ${core.microcode}`);
      for (const [feature, value] of Object.entries(core.cpuid.features)) said.add(`feature ${feature} ${value}`);
    }
    for (const feature of host.observed?.xenFeatures ?? []) said.add(`xen ${feature}`);
    for (const message of host.observed?.messages ?? []) said.add(`message ${message}`);
    for (const flag of host.observed?.vmxFlags ?? []) said.add(`vmx flag ${flag}`);
  }
  return said;
}
