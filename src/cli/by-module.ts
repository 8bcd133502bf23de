import type { Proof, Prover } from "../prove/prover.js";
import type { Situation } from "../situation/situation.js";
import type { Ready } from "./command.js";
import { type KernelPaths, kernelFiles } from "./kernel-files.js";
import { complain } from "./shell/problems.js";
import type { World } from "./world.js";

/** The options that name a kernel's files. */
export interface ModuleRaw {
  readonly module?: string;
  readonly kvm?: string;
  readonly vmlinuz?: string;
  readonly btf?: string;
}

/** The paths among the options. */
export function pathsOf({ module, kvm, vmlinuz, btf }: ModuleRaw): KernelPaths {
  return {
    ...(module === undefined ? {} : { module }),
    ...(kvm === undefined ? {} : { kvm }),
    ...(vmlinuz === undefined ? {} : { vmlinuz }),
    ...(btf === undefined ? {} : { btf }),
  };
}

export interface ReadyByModule extends Ready {
  readonly prover: Prover;
  readonly proof: Proof;
}

/** The question, to be answered by the module that `--module` names; unchanged without that option. A number is an exit code. */
export async function withModule(
  prepared: Ready,
  raw: ModuleRaw,
  world: World,
): Promise<(Ready & Partial<ReadyByModule>) | number> {
  if (raw.module === undefined) {
    const lone = (["kvm", "vmlinuz", "btf"] as const).find((name) => raw[name] !== undefined);
    return lone === undefined ? prepared : complain(world, [`--${lone} belongs to --module`]);
  }
  const found = await kernelFiles(pathsOf(raw), undefined, world);
  if ("problem" in found) return complain(world, [found.problem]);
  const { loadProver } = await import("./load-prover.js");
  const loaded = await loadProver(found.files);
  if (loaded.kind === "problem") {
    const path = found.paths[loaded.file === "kernel" ? "vmlinuz" : loaded.file] ?? raw.module;
    return complain(world, [`${path}: ${loaded.problem}`]);
  }
  const { byModule } = await import("../prove/by-module.js");
  const answered = byModule(prepared.situation, loaded.prover, raw.module);
  if ("problem" in answered) return complain(world, [answered.problem]);
  const { situation, proof }: { situation: Situation; proof: Proof } = answered;
  return { ...prepared, situation, prover: loaded.prover, proof };
}
