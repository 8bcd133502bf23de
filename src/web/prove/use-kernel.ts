import { useRef, useState } from "preact/hooks";
import { sortFile } from "../../prove/file-kinds.js";
import { loadProver, type ProofFiles, type Prover } from "../../prove/prover.js";

/** The files of one kernel as they were put in, and what they make. */
export interface Kernel {
  /** Names of the files, by what they are. */
  readonly names: { readonly [K in keyof ProofFiles]?: string };
  readonly prover: Prover | undefined;
  readonly busy: boolean;
  /** What was left out, and what is missing. */
  readonly problems: readonly string[];
  readonly addFiles: (files: readonly File[]) => Promise<void>;
}

/** As large as a kernel with everything in it. */
const MOST_BYTES = 256 * 1024 * 1024;

type Files = { readonly [K in keyof ProofFiles]?: { readonly name: string; readonly bytes: Uint8Array } };

export function useKernel(): Kernel {
  const files = useRef<Files>({});
  const [state, setState] = useState<Omit<Kernel, "addFiles">>({
    names: {},
    prover: undefined,
    busy: false,
    problems: [],
  });
  const addFiles = async (added: readonly File[]) => {
    setState((old) => ({ ...old, busy: true }));
    const problems: string[] = [];
    for (const file of added) {
      const bytes = await bytesOf(file);
      const sorted = typeof bytes === "string" ? { kind: "problem" as const, problem: bytes } : await sortFile(bytes);
      if (sorted.kind === "problem") problems.push(`${file.name}: ${sorted.problem}`);
      else files.current = { ...files.current, [sorted.kind]: { name: file.name, bytes: sorted.bytes } };
    }
    const { module, kvm, kernel, btf } = files.current;
    const names = Object.fromEntries(Object.entries(files.current).map(([kind, one]) => [kind, one?.name]));
    if (module === undefined) {
      setState({ names, prover: undefined, busy: false, problems });
      return;
    }
    const loaded = await loadProver({
      module: module.bytes,
      kvm: kvm?.bytes,
      kernel: kernel?.bytes,
      btf: btf?.bytes,
    });
    if (loaded.kind === "problem")
      problems.push(`${files.current[loaded.file]?.name ?? module.name}: ${loaded.problem}`);
    setState({ names, prover: loaded.kind === "prover" ? loaded.prover : undefined, busy: false, problems });
  };
  return { ...state, addFiles };
}

async function bytesOf(file: File): Promise<Uint8Array | string> {
  if (file.size > MOST_BYTES) return `more than ${MOST_BYTES / 1024 / 1024} MB`;
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    // A folder, or a file that went away.
    return error instanceof Error ? error.message : String(error);
  }
}
