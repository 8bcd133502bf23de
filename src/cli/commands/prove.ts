import { atlas } from "../../input/atlas/atlas.js";
import type { Proof } from "../../prove/prover.js";
import { type ProvedHost, proveReport } from "../../report/prove/prove-report.js";
import { ofModule, provedHost } from "../../report/prove/proved-host.js";
import { type ModuleRaw, pathsOf } from "../by-module.js";
import { ready } from "../command.js";
import { EXIT } from "../exit-code.js";
import { missingText } from "../host.js";
import { kernelFiles } from "../kernel-files.js";
import { loadProver } from "../load-prover.js";
import { type RawOptions, readOptions } from "../options.js";
import { showJson } from "../outlet.js";
import { complain } from "../shell/problems.js";
import type { World } from "../world.js";

interface ProveRaw extends RawOptions, ModuleRaw {
  readonly all?: boolean;
}

/**
 * `vmxlens prove [HOST…] --module FILE`: exit code 0 when the kernel's code and the tables agree in everything that both
 * know, 1 on a difference, or when the code did not run to its end.
 */
export async function prove(queries: readonly (string | undefined)[], raw: ProveRaw, world: World): Promise<number> {
  const { settings, problems } = readOptions(raw, world);
  if (problems.length > 0) return complain(world, problems);
  const named = queries.filter((query) => query !== undefined);
  if (raw.all === true && named.length > 0)
    return complain(world, ["--all means the whole atlas, and HOST names hosts: give one of the two"]);
  const wanted: readonly (string | undefined)[] =
    raw.all === true ? [...atlas()].map(({ id }) => id) : named.length > 0 ? named : [undefined];
  const live = raw.module === undefined ? await runningKernel(world) : undefined;
  const found = await kernelFiles(pathsOf(raw), live, world);
  if ("problem" in found) return complain(world, [found.problem]);
  const loaded = await loadProver(found.files);
  if (loaded.kind === "problem") {
    const path = found.paths[loaded.file === "kernel" ? "vmlinuz" : loaded.file] ?? found.paths.module ?? "";
    return complain(world, [`${path}: ${loaded.problem}`]);
  }
  const { prover } = loaded;
  if (prover.resolved.release === undefined && settings.kernel === undefined)
    return complain(world, [`${prover.kernel}: ${prover.resolved.error}; --kernel names the tables to compare with`]);
  const hosts: ProvedHost[] = [];
  for (const query of wanted) {
    const prepared = await ready(query, raw, world);
    if (typeof prepared === "number") return prepared;
    const { example } = prepared.found;
    if (example !== undefined)
      return complain(world, [
        "this machine cannot be read",
        ...example.missing.map((fact) => `  ${missingText(fact)}`),
      ]);
    // The module says which kernel it is; --kernel names other tables to hold it against.
    const named = settings.kernel === undefined ? ofModule(prover, prepared.situation) : prepared.situation;
    hosts.push(provedHost(prover, named, query ?? "this"));
  }
  const about = { kernel: prover.kernel, paths: found.paths, hasKvm: prover.hasKvm, hasBoot: prover.hasBoot };
  if (settings.json) {
    const { proveJson } = await import("../../report/json/json-prove.js");
    showJson(proveJson(about, hosts), world);
  } else {
    const { renderLines } = await import("../../report/ansi.js");
    world.out(renderLines(proveReport(about, hosts, settings.width), settings.color));
  }
  return hosts.every(({ proof, differences }) => differences.length === 0 && isComplete(proof)) ? EXIT.ok : EXIT.no;
}

function isComplete({ modules, boot }: Proof): boolean {
  return modules.stopped === undefined && boot?.stopped === undefined;
}

async function runningKernel(world: World): Promise<string | undefined> {
  return (await world.live()).host?.kernel;
}
