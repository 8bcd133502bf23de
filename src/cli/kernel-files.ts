import { dirname } from "node:path";
import type { ProofFiles } from "../prove/prover.js";
import { fileKind, wholeFile } from "./files.js";
import type { World } from "./world.js";

/** Paths of a kernel's files, as a user gives them. */
export interface KernelPaths {
  readonly module?: string;
  readonly kvm?: string;
  readonly vmlinuz?: string;
  readonly btf?: string;
}

const SUFFIXES = ["", ".xz", ".zst", ".gz"] as const;
/** A kernel image with debug information is 100 MB, also before it is packed. */
const LARGEST = 2 ** 28;
const LIVE_TYPES = "/sys/kernel/btf/vmlinux";

/** The files of a kernel that are there: what was named, and what lies where distributions put it. */
export async function kernelFiles(
  given: KernelPaths,
  running: string | undefined,
  world: World,
): Promise<{ readonly files: ProofFiles; readonly paths: KernelPaths } | { readonly problem: string }> {
  const first = (paths: readonly string[]) => paths.find((path) => fileKind(path, world) === "file");
  const modules = (folder: string, name: string) => SUFFIXES.map((suffix) => `${folder}/${name}.ko${suffix}`);
  const module =
    given.module ??
    (running === undefined ? undefined : first(modules(`/lib/modules/${running}/kernel/arch/x86/kvm`, "kvm-intel")));
  if (module === undefined)
    return {
      problem:
        running === undefined
          ? "name the module: --module FILE"
          : `no kvm-intel.ko is where Linux ${running} has its modules; name it: --module FILE`,
    };
  const kvm = given.kvm ?? first(modules(dirname(module), "kvm"));
  const release = /^(.*)\/lib\/modules\/([^/]+)\//.exec(module);
  const root = release?.[1] ?? "";
  const name = release?.[2] ?? "";
  const vmlinuz =
    given.vmlinuz ??
    (release === null ? undefined : first([`${root}/boot/vmlinuz-${name}`, `${root}/lib/modules/${name}/vmlinuz`]));
  const btf = given.btf ?? (running !== undefined && name === running ? first([LIVE_TYPES]) : undefined);
  const whole = async (path: string) => wholeFile(path, world, LARGEST);
  const paths: KernelPaths = {
    module,
    ...(kvm === undefined ? {} : { kvm }),
    ...(vmlinuz === undefined ? {} : { vmlinuz }),
    ...(btf === undefined ? {} : { btf }),
  };
  return {
    paths,
    files: {
      module: await whole(module),
      kvm: kvm === undefined ? undefined : await whole(kvm),
      kernel: vmlinuz === undefined ? undefined : await whole(vmlinuz),
      btf: btf === undefined ? undefined : await whole(btf),
    },
  };
}
