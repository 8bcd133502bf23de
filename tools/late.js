/**
 * Functions that most runs of the command line never call, in chunks that are loaded when the first of them is called. Compiling
 * them takes a good part of the time of a short run. The library is pure and answers at once, so it cannot wait for `import()`;
 * the bundle is CommonJS, so it can `require`.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** The modules of each chunk. Only their functions can be imported from outside the chunk; a constant fails the build. */
export const LATE = {
  // What a message of the tables cannot say in words.
  decoders: [
    "src/messages/decoders/config.ts",
    "src/messages/decoders/device.ts",
    "src/messages/decoders/entry.ts",
    "src/messages/decoders/exit.ts",
    "src/messages/decoders/feature.ts",
    "src/messages/decoders/guest-instruction.ts",
    "src/messages/decoders/kvm-ioctl.ts",
    "src/messages/decoders/module.ts",
    "src/messages/decoders/msr.ts",
    "src/messages/decoders/named-feature.ts",
    "src/messages/decoders/set-msr/set-msr.ts",
    "src/messages/decoders/suberror.ts",
  ],
  // A VMCS in a text of messages.
  dumps: ["src/vmcs/dumps/read.ts", "src/vmcs/audit.ts"],
  // A guest's configuration in a text of messages.
  guests: ["src/messages/verdict/guest-verdict.ts"],
  // What a text calls a kernel.
  kernels: ["src/situation/kernels.ts"],
  // What a machine reports about itself, against its registers.
  evidence: [
    "src/situation/disputes/disputes.ts",
    "src/situation/evidence/items.ts",
    "src/situation/evidence/messages.ts",
    "src/situation/evidence/nested-items.ts",
    "src/kvm/offered.ts",
    "src/kvm/printers.ts",
  ],
  // Whether VMX is there and on, asked as a question.
  questions: ["src/why/questions/kvm.ts", "src/why/questions/vmx.ts"],
  // CPUs beside the boot CPU.
  "further-cpus": ["src/kvm/further-cpus.ts"],
};

/** The functions that a module exports. */
export function functionsOf(/** @type {string} */ path) {
  return [...readFileSync(path, "utf8").matchAll(/^export (?:async )?function\*? (\w+)/gm)].map(([, name]) => name);
}

/** Who imports one of these functions from outside gets one that loads the chunk and calls it. @returns {import("rolldown").Plugin} */
export function late(/** @type {string} */ root) {
  /** @type {Map<string, string>} */
  const chunkOf = new Map();
  for (const [chunk, files] of Object.entries(LATE)) for (const file of files) chunkOf.set(join(root, file), chunk);
  const entry = "\0late-entry:";
  const stub = "\0late:";
  return {
    name: "late",
    resolveId(id, importer) {
      if (id.startsWith(entry)) return id;
      if (importer === undefined) return undefined;
      if (importer.startsWith(stub)) return { id, external: true };
      if (!id.startsWith(".")) return undefined;
      const path = join(dirname(importer), id).replace(/\.js$/, ".ts");
      const chunk = chunkOf.get(path);
      return chunk === undefined || chunkOf.get(importer) === chunk ? undefined : stub + path;
    },
    load(id) {
      if (id.startsWith(entry)) {
        return [...chunkOf]
          .filter(([, chunk]) => chunk === id.slice(entry.length))
          .map(([path]) => `export { ${functionsOf(path).join(", ")} } from ${JSON.stringify(path)};`)
          .join("\n");
      }
      if (!id.startsWith(stub)) return undefined;
      const path = id.slice(stub.length);
      const chunk = chunkOf.get(path);
      this.emitFile({ type: "chunk", id: entry + chunk, fileName: `late-${chunk}.cjs` });
      return [
        `const load = () => require("./late-${chunk}.cjs");`,
        ...functionsOf(path).map((name) => `export function ${name}(...given) { return load().${name}(...given); }`),
      ].join("\n");
    },
  };
}
