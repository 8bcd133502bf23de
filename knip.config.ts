import type { KnipConfig } from "knip";
import { entryFiles } from "./tools/entries.js";

/**
 * A name is alive when the package exports it, or when another file uses it. The second run, `knip --production`, leaves
 * the tests out: what only a test uses is dead too.
 */
const config: KnipConfig = {
  entry: [
    ...[
      ...entryFiles,
      "src/cli/main.ts",
      "src/cli/start/start.ts",
      "src/web/main.tsx",
      "src/web/boot.ts",
      "src/web/prove/main.tsx",
      "src/web/prove/boot.ts",
      "tools/*.{ts,js}",
    ].map((file) => `${file}!`),
    // Read by their test, and no part of the package.
    "src/messages/rows/**/*.examples.ts",
  ],
  project: ["src/**/*.{ts,tsx}!", "!src/**/*.examples.ts!", "tools/**/*.{ts,js}!", "test/**/*.ts"],
  // The shape of a part of an exported shape has a name for those who use it.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // The packer bundles this module and takes the format from what it exports.
  ignoreIssues: { "src/web/unpack.ts": ["exports"] },
  // tools/pack.js imports its files by their paths.
  ignoreDependencies: ["lzma1"],
  // Debian packages that some tools drive; without them those tools say what to install.
  ignoreBinaries: [
    // POSIX, for pipes in tests.
    "mkfifo",
    "virt-xml-validate",
    "xmllint",
    "nasm",
    "bochs",
    "apt-get",
    "mount",
    "umount",
    "rustc",
    "gdb",
    "apt-cache",
  ],
};

export default config;
