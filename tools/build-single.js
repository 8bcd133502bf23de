/**
 * Builds dist/vmxlens.cjs: the command line in one file, for machines without npm. What needs packages beside it (`prove`,
 * and the store of `fleet`) says so there. `npm run build:single -- --executable` also makes dist/vmxlens, the same with this
 * Node in it, by postject of npm. It is as large as Node: 101 MB with Node 20.20 for x64.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const dist = join(root, "dist");

/** @param {string} file where the one file is written */
export async function buildSingle(file) {
  const bundle = await rolldown({
    input: join(root, "src/cli/main.ts"),
    platform: "node",
    cwd: root,
    external: ["iced-x86", "xz-decompress", "zstddec", "@duckdb/node-api"],
  });
  await bundle.write({
    file,
    format: "cjs",
    exports: "named",
    codeSplitting: false,
    minify: true,
    banner: "#!/usr/bin/env node",
    comments: { legal: true },
  });
  await bundle.close();
  chmodSync(file, 0o755);
}

/** Puts the file into a copy of this Node. */
function buildExecutable(/** @type {string} */ file, /** @type {string} */ executable) {
  const blob = `${executable}.blob`;
  const config = `${executable}.json`;
  writeFileSync(config, JSON.stringify({ main: file, output: blob, disableExperimentalSEAWarning: true }));
  const made = spawnSync(process.execPath, ["--experimental-sea-config", config], { stdio: "inherit" });
  if (made.status !== 0) throw new Error("this Node makes no single executable");
  copyFileSync(process.execPath, executable);
  const injected = spawnSync(
    "npx",
    [
      "--yes",
      "postject@1.0.0-alpha.6",
      executable,
      "NODE_SEA_BLOB",
      blob,
      "--sentinel-fuse",
      "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2",
    ],
    { stdio: "inherit" },
  );
  if (injected.status !== 0) throw new Error("postject could not be run");
  chmodSync(executable, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(dist, { recursive: true });
  const file = join(dist, "vmxlens.cjs");
  await buildSingle(file);
  console.log(`${file}: ${(readFileSync(file).length / 1e6).toFixed(1)} MB`);
  if (process.argv.includes("--executable")) {
    const executable = join(dist, "vmxlens");
    buildExecutable(file, executable);
    console.log(`${executable}: ${(statSync(executable).size / 1e6).toFixed(0)} MB`);
  }
}
