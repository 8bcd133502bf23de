import { checkHas, kindOf, wrong } from "../bits/misuse.js";
import { allOf, type Tri } from "../bits/tri.js";
import type { Host } from "../host/host.js";
import type { MachineFacts } from "../kvm/fill-machine.js";
import { type Replay, type ReplayOptions, replay } from "../kvm/replay.js";
import { type Release, type ResolvedRelease, resolveRelease } from "../rules/release.js";
import { type Comparison, compareRun } from "./compare-run.js";
import { type Decision, record } from "./decide.js";
import { type BootRun, runBoot } from "./kernel/boot.js";
import { type BootImage, bootImage } from "./kernel/boot-image.js";
import { factsOfHost } from "./kernel/facts-of-host.js";
import type { HostFacts } from "./kernel/host-facts.js";
import { type KernelImage, makeImage } from "./kernel/image.js";
import { fieldAddress, type ModuleRun, runModules } from "./kernel/run-modules.js";
import { kernelTypes } from "./kernel/types.js";
import { type Btf, readBtf } from "./loader/btf.js";
import { decompress } from "./loader/decompress.js";
import { BadFile, type Elf, readElf } from "./loader/elf.js";
import { readKernelFile } from "./loader/kernel-file.js";
import { link, type ModuleFile } from "./loader/link.js";
import { modinfo } from "./loader/modinfo.js";
import { loadDecoder } from "./machine/decoder.js";
import type { Half } from "./machine/op.js";
import { type Watched, watch } from "./watch.js";

/** The files of one kernel, as they lie on disk (also compressed by gzip, XZ or Zstandard). */
export interface ProofFiles {
  /** `kvm-intel.ko`. */
  readonly module: Uint8Array;
  /** `kvm.ko`, whose functions then run, too. */
  readonly kvm?: Uint8Array | undefined;
  /** `vmlinuz` or `vmlinux`: the boot half, and the kernel's types. */
  readonly kernel?: Uint8Array | undefined;
  /** The kernel's types alone: `/sys/kernel/btf/vmlinux`. */
  readonly btf?: Uint8Array | undefined;
}

/** A kernel's files read, linked and ready to run, or a sentence that says what is wrong with one of them. */
export type LoadedProver =
  | { readonly kind: "prover"; readonly prover: Prover }
  | { readonly kind: "problem"; readonly file: keyof ProofFiles; readonly problem: string };

/** What is asked of a run, and of the tables that it is compared with. */
export interface ProveOptions {
  readonly params?: ReplayOptions["params"];
  readonly machine?: MachineFacts;
  readonly config?: ReplayOptions["config"];
  /** The tables of this release are compared. Default: the module's own, or the nearest older one. */
  readonly release?: Release;
}

/** What the kernel's code made of a host, compared with what the tables say. */
export interface Proof {
  readonly host: Host;
  readonly release: Release;
  /** Boot by the kernel's image; missing when it was not given, and boot is the tables'. */
  readonly boot?: BootRun;
  readonly modules: ModuleRun;
  readonly replayed: Replay;
  readonly comparison: Comparison;
}

/** The files of one kernel, ready to run over any host. */
export interface Prover {
  /** Kernel that the module was built for, as `uname -r` prints it. */
  readonly kernel: string;
  readonly resolved: ResolvedRelease;
  readonly hasKvm: boolean;
  readonly hasBoot: boolean;
  readonly image: KernelImage;
  readonly bootImage: BootImage | undefined;
  /** Runs boot (where the kernel's image was given) and the loading of the modules. Never throws for what they do. */
  prove(host: Host, options?: ProveOptions): Proof;
  /** Which instruction made a bit what it is: of a field of a structure of the module, by its symbol. */
  decide(
    host: Host,
    place: { readonly symbol: string; readonly field: string },
    bit: number,
    options?: ProveOptions,
  ): Decision | undefined;
  /** The loading of the modules, instruction by instruction. */
  watch(host: Host, options?: ProveOptions): Watched;
  /** Boot by the kernel's image; undefined where it was not given. */
  boot(facts: HostFacts): BootRun | undefined;
  /** Loading, without the tables: facts in, results out. */
  run(facts: HostFacts, params?: ReplayOptions["params"], boot?: BootRun): ModuleRun;
}

/** Reads the files of a kernel. Anything may be wrong with them: that is a value, not an error. */
export async function loadProver(files: ProofFiles): Promise<LoadedProver> {
  checkHas(files, "module", "files", "{ module }, the bytes of kvm-intel.ko");
  if (!(files.module instanceof Uint8Array))
    throw wrong("files.module", `give a Uint8Array, not ${kindOf(files.module)}`);
  const decoder = await loadDecoder();
  let current: keyof ProofFiles = "module";
  try {
    const module = readElf(await decompress(files.module));
    const info = modinfo(module);
    const name = info.get("name");
    if (name !== "kvm_intel")
      throw new BadFile(name === undefined ? "no kernel module" : `the module ${name}, not kvm_intel`);
    const modules: ModuleFile[] = [{ name: "kvm_intel", elf: module }];
    const kernel = (info.get("vermagic") ?? "").split(" ")[0] ?? "";
    if (files.kvm !== undefined) {
      current = "kvm";
      const elf = readElf(await decompress(files.kvm));
      const other = modinfo(elf);
      if (other.get("name") !== "kvm") throw new BadFile("not the module kvm");
      const built = (other.get("vermagic") ?? "").split(" ")[0];
      if (built !== kernel) throw new BadFile(`built for ${built}, while kvm-intel.ko is for ${kernel}`);
      modules.unshift({ name: "kvm", elf });
    }
    let image: Elf | undefined;
    if (files.kernel !== undefined) {
      current = "kernel";
      image = await readKernelFile(files.kernel);
    }
    if (files.btf !== undefined) current = "btf";
    const types = kernelTypes(await kernelBtf(image, files.btf));
    if (files.kernel !== undefined) current = "kernel";
    const boot = image === undefined ? undefined : bootImage(decoder, image, types);
    current = "module";
    const linked = makeImage(decoder, link(modules, types.btf.perCpu), types);
    return { kind: "prover", prover: makeProver(linked, boot, kernel) };
  } catch (error) {
    if (error instanceof BadFile) return { kind: "problem", file: current, problem: error.message };
    throw error;
  }
}

async function kernelBtf(image: Elf | undefined, file: Uint8Array | undefined): Promise<Btf> {
  if (file !== undefined) {
    const bytes = await decompress(file);
    if (bytes[0] !== 0x7f) return readBtf(bytes);
    return btfOf(readElf(bytes));
  }
  if (image === undefined)
    throw new BadFile(
      "the layouts of the kernel's own structures are needed, which the module does not have: give the kernel's vmlinuz as well, or its types (/sys/kernel/btf/vmlinux)",
    );
  return btfOf(image);
}

function btfOf(elf: Elf): Btf {
  const section = elf.section(".BTF");
  if (section === undefined) throw new BadFile("the kernel has no types (built without CONFIG_DEBUG_INFO_BTF)");
  return readBtf(elf.content(section));
}

function makeProver(image: KernelImage, boot: BootImage | undefined, kernel: string): Prover {
  const resolved = resolveRelease(kernel);
  const run: Prover["run"] = (facts, params, booted) => runModules(image, afterBoot(facts, booted), params ?? {});
  /** The tables' replay, boot by the kernel's image where it was given, and the facts that the modules start from. */
  const before = (host: Host, options: ProveOptions) => {
    const release = options.release ?? resolved.release;
    if (release === undefined) throw new RangeError(`no tables for ${kernel}; name a release`);
    const [core] = host.cores;
    const replayed = replay(host, {
      release,
      ...(options.params === undefined ? {} : { params: options.params }),
      ...(options.machine === undefined ? {} : { machine: options.machine }),
      ...(options.config === undefined ? {} : { config: options.config }),
    });
    const all = factsOfHost(host, core, { ...options.machine, tboot: options.machine?.tboot ?? false });
    const booted = boot === undefined ? undefined : runBoot(boot, all);
    const facts =
      booted === undefined || booted.stopped !== undefined
        ? { ...all, capabilities: bootByTables(all, replayed) }
        : all;
    return { release, replayed, facts, booted };
  };
  return {
    kernel,
    resolved,
    hasKvm: image.linked.modules.some(({ name }) => name === "kvm"),
    hasBoot: boot !== undefined,
    image,
    bootImage: boot,
    boot: (facts) => (boot === undefined ? undefined : runBoot(boot, facts)),
    run,
    prove(host, options = {}) {
      const { release, replayed, facts, booted } = before(host, options);
      const modules = run(facts, options.params, booted);
      return {
        host,
        release,
        ...(booted === undefined ? {} : { boot: booted }),
        modules,
        replayed,
        comparison: compareRun(replayed, modules, booted),
      };
    },
    watch(host, options = {}) {
      const { facts, booted } = before(host, options);
      let finish: (() => Watched) | undefined;
      runModules(image, afterBoot(facts, booted), options.params ?? {}, undefined, (started) => {
        finish = watch(started, image);
      });
      if (finish === undefined) throw new RangeError("a run that was not prepared");
      return finish();
    },
    decide(host, { symbol, field }, bit, options = {}) {
      const { facts, booted } = before(host, options);
      let ask: ReturnType<typeof record> | undefined;
      runModules(image, afterBoot(facts, booted), options.params ?? {}, undefined, (started) => {
        ask = record(started, image);
      });
      const address = fieldAddress(image, symbol, field);
      return address === undefined ? undefined : ask?.(address, bit);
    },
  };
}

function afterBoot(facts: HostFacts, booted: BootRun | undefined): HostFacts {
  if (booted === undefined || booted.stopped !== undefined) return facts;
  return { ...facts, capabilities: booted.capabilities, complained: booted.log.unchecked.length > 0 };
}

/** Capability words after boot, where boot is left to the tables: `MSR_IA32_FEAT_CTL` (7, 31) and what boot clears. */
function bootByTables(facts: HostFacts, { cpu }: Replay): readonly (Half | undefined)[] {
  const words = [...facts.capabilities];
  const set = (word: number, bit: number, value: Tri) => {
    const mask = (1 << bit) >>> 0;
    const old = words[word] ?? { value: 0, unknown: 0 };
    words[word] = {
      value: value === "yes" ? (old.value | mask) >>> 0 : (old.value & ~mask) >>> 0,
      unknown: value === "unknown" ? (old.unknown | mask) >>> 0 : (old.unknown & ~mask) >>> 0,
    };
  };
  set(7, 31, cpu.bit("caps", "MSR_IA32_FEAT_CTL"));
  set(4, 5, cpu.bit("caps", "VMX"));
  set(9, 2, cpu.bit("caps", "SGX"));
  set(16, 30, cpu.bit("caps", "SGX_LC"));
  return words;
}

/**
 * Whether loading succeeds, as one value of three.
 *
 * @internal
 */
export function loads({ result }: ModuleRun): Tri {
  if (result === undefined) return "unknown";
  return allOf([result.value === 0 ? "yes" : "no", result.unknown === 0 || result.value !== 0 ? "yes" : "unknown"]);
}
