import { decompress } from "./loader/decompress.js";
import { BadFile, readElf } from "./loader/elf.js";
import { isBzImage } from "./loader/kernel-file.js";
import { modinfo } from "./loader/modinfo.js";
import type { ProofFiles } from "./prover.js";

/** What a file is for `loadProver`, with its content unpacked; or a sentence for a file that is none of that. */
export type SortedFile =
  | { readonly kind: keyof ProofFiles; readonly bytes: Uint8Array }
  | { readonly kind: "problem"; readonly problem: string };

/** Recognises a kernel's file by what is in it, however it is named and compressed. */
export async function sortFile(file: Uint8Array): Promise<SortedFile> {
  try {
    const bytes = await decompress(file);
    if (bytes[0] === 0x9f && bytes[1] === 0xeb) return { kind: "btf", bytes };
    if (isBzImage(bytes)) return { kind: "kernel", bytes };
    const elf = readElf(bytes);
    if (!elf.relocatable) return { kind: "kernel", bytes };
    const name = modinfo(elf).get("name");
    if (name === "kvm_intel") return { kind: "module", bytes };
    if (name === "kvm") return { kind: "kvm", bytes };
    return {
      kind: "problem",
      problem: name === undefined ? "an object file, not a kernel module" : `the module ${name}`,
    };
  } catch (error) {
    if (error instanceof BadFile) return { kind: "problem", problem: error.message };
    throw error;
  }
}
