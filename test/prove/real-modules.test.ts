import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import { byModule } from "../../src/prove/by-module.js";
import { loadProver } from "../../src/prove/prover.js";
import { assume } from "../../src/situation/assume.js";
import { replays } from "../../src/situation/replays.js";
import { situation } from "../../src/situation/situation.js";

/*
 * Real modules: VMXLENS_MODULES names a folder, under which kernels lie as a system has them, `lib/modules/RELEASE/` and
 * `boot/vmlinuz-RELEASE`, any number of them at any depth. None of them is part of this repository.
 */

const FOLDER = process.env.VMXLENS_MODULES;

interface Kernel {
  readonly name: string;
  readonly module: string;
  readonly kvm: string | undefined;
  readonly vmlinuz: string;
}

function kernelsUnder(folder: string): readonly Kernel[] {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return paths.flatMap((path): Kernel[] => {
    const found = /^(.*?)lib\/modules\/([^/]+)\/kernel\/arch\/x86\/kvm\/kvm-intel\.ko(\.xz|\.zst|\.gz)?$/.exec(path);
    if (found === null) return [];
    const [, root = "", name = ""] = found;
    // Newer packages have the kernel beside its modules.
    const places = [join(folder, root, "boot", `vmlinuz-${name}`), join(folder, root, "lib/modules", name, "vmlinuz")];
    const vmlinuz = places.find((place) => existsSync(place));
    if (vmlinuz === undefined) return [];
    const kvm = join(folder, path.replace("kvm-intel.ko", "kvm.ko"));
    return [{ name, module: join(folder, path), kvm: existsSync(kvm) ? kvm : undefined, vmlinuz }];
  });
}

const KERNELS = FOLDER === undefined ? [] : kernelsUnder(FOLDER);
const SKIPPED =
  FOLDER === undefined
    ? "VMXLENS_MODULES names no folder with kernels: their modules are not run"
    : `no lib/modules/RELEASE with its boot/vmlinuz-RELEASE is under ${FOLDER}`;

describe.skipIf(KERNELS.length > 0)("real modules", () => {
  it(`are skipped: ${SKIPPED}`, (context) => {
    context.skip(SKIPPED);
  });
});

describe.each(KERNELS)("the modules of $name", ({ module, kvm, vmlinuz }) => {
  it("agree with the tables in all that both know, on every 10th CPU of the atlas", async () => {
    const loaded = await loadProver({
      module: readFileSync(module),
      kvm: kvm === undefined ? undefined : readFileSync(kvm),
      kernel: readFileSync(vmlinuz),
    });
    if (loaded.kind === "problem") throw new Error(loaded.problem);
    for (const entry of atlas().filter((_, at) => at % 10 === 0)) {
      const { host } = assume(assume(entryHost(entry), "registers=sdm").host, "firmware=enabled");
      const answered = byModule(situation(host), loaded.prover, module);
      if ("problem" in answered) throw new Error(`${entry.id}: ${answered.problem}`);
      const { items } = answered.proof.comparison;
      expect([entry.id, items.filter(({ verdict }) => verdict === "differ")]).toEqual([entry.id, []]);
      expect(items.filter(({ verdict }) => verdict === "agree").length).toBeGreaterThan(10);
      // What is answered by the module is what the module found.
      const words = replays(answered.situation).cpu;
      const pin = answered.proof.modules.vmcsConfig.get("pin_based_exec_ctrl");
      if (pin !== undefined && answered.proof.modules.setupVmcsConfig?.value === 0)
        expect(BigInt(words.word("pin_based_exec_ctrl").value)).toBe(pin.value);
    }
  });
});
