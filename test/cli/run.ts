import { runProgram } from "../../src/cli/program.js";
import type { World } from "../../src/cli/world.js";
import { msrValue } from "../../src/host/msr.js";
import { atlasHost } from "../../src/input/atlas/atlas.js";

/** Machines that a run can find itself on. */
const MACHINES: { readonly [name: string]: Awaited<ReturnType<World["live"]>> } = {
  amd: {
    other: {
      vendor: "AuthenticAMD",
      observed: { svm: true },
      cores: [{ coreTypes: [], signature: 0xa20f10, msrs: new Map(), cpuid: { features: { vmx: false } } }],
    },
    missing: [{ what: "a CPU with VMX", why: "this is an AMD CPU, which has SVM instead of VMX" }],
  },
  unprivileged: {
    host: {
      name: "Intel(R) Core(TM) i9-7900X CPU @ 3.30GHz",
      vendor: "GenuineIntel",
      kernel: "6.12.94+deb13-amd64",
      cores: [{ coreTypes: [], signature: 0x50654, msrs: new Map(), cpuid: { features: { vmx: true } } }],
    },
    missing: [{ what: "VMX MSRs", why: "only root may read /dev/cpu/N/msr", type: "sudo vmxlens" }],
  },
  "with-ept-off": { host: workstation(), missing: [] },
};

/** A Skylake-X that runs 6.12 with ept=0, as /sys/module shows it afterwards. */
function workstation(): NonNullable<Awaited<ReturnType<World["live"]>>["host"]> {
  const { id: _, codename: __, ...host } = atlasHost("intel-50654-skylakex");
  const [core] = host.cores;
  const msrs = new Map([
    ...core.msrs,
    [0x3a, msrValue({ hi: 0, lo: 0x5 })],
    [0x491, msrValue({ hi: 0, lo: 1 })],
  ] as const);
  return {
    ...host,
    kernel: "6.12.94+deb13-amd64",
    params: { kvm_intel: { ept: "N", eptad: "N", unrestricted_guest: "N", pml: "N", vpid: "Y", nested: "Y" } },
    source: "this machine",
    cores: [{ ...core, msrs: new Map([...msrs, [0x492, { state: "absent" }]]) }],
  };
}

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: { readonly [name: string]: string };
  /** Columns of the terminal; none: the output goes to a file. */
  readonly columns?: number;
  readonly stdin?: string;
  readonly machine?: string;
  /** What is otherwise in the world of the run. */
  readonly world?: Partial<World>;
}

/** A world in which no machine is found, and nothing has to be said about it. */
export const NO_MACHINE: Pick<World, "live"> = { live: async () => ({ missing: [] }) };

/** Runs the command line in this process, on a machine and terminal of the test's choice. */
export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  let [out, err] = ["", ""];
  const machine = MACHINES[options.machine ?? "amd"];
  if (machine === undefined) throw new RangeError(`no machine ${options.machine}`);
  const world: World = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    env: options.env ?? {},
    columns: options.columns,
    stdin: async function* () {
      yield Buffer.from(options.stdin ?? "");
    },
    live: async () => machine,
    ...options.world,
  };
  const code = await runProgram(args, world);
  return { code, out, err };
}
