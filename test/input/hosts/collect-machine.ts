/* Fake machines for the script of `vmxlens collect`: a directory that stands for /, and programs that read in it. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { toBigInt, type U64 } from "../../../src/bits/u64.js";
import { collectScript } from "../../../src/input/hosts/collect-script.js";
import { readHost } from "../../../src/input/read.js";
import { onPath } from "../../compare/on-path.js";

export type Registers = ReadonlyMap<number, U64>;

export interface FakeCpu {
  /** One that is missing faults. */
  readonly msrs: Registers;
  /** By leaf and subleaf, as `4.1`; no device without it. */
  readonly cpuid?: { readonly [leaf: string]: readonly [number, number, number, number] };
  /** Lines of /proc/cpuinfo that differ. */
  readonly cpuinfo?: { readonly [field: string]: string };
}

const CPUINFO = {
  vendor_id: "GenuineIntel",
  "cpu family": "6",
  model: "85",
  "model name": "Intel(R) Core(TM) i7-7800X CPU @ 3.50GHz",
  stepping: "4",
  microcode: "0x2006e05",
  "cpuid level": "22",
  flags: "fpu vme msr ss nx pdpe1gb vmx smx xsave lahf_lm xsaves",
  "address sizes": "46 bits physical, 48 bits virtual",
};

/** As Linux prints it, with a blank behind the last colon of a block. */
function cpuinfo(cpus: readonly Pick<FakeCpu, "cpuinfo">[]): string {
  return cpus
    .map((cpu, number) => {
      const fields = Object.entries({ ...CPUINFO, ...cpu.cpuinfo }).map(([name, value]) => `${name}\t: ${value}`);
      return `processor\t: ${number}\n${fields.join("\n")}\npower management:\n\n`;
    })
    .join("");
}

const roots: string[] = [];

/** To be called after each test. */
export function removeMachines(): void {
  for (const root of roots.splice(0)) {
    spawnSync("chmod", ["-R", "u+rwX", root]);
    rmSync(root, { recursive: true });
  }
}

/** Writes a tree. Devices are files that open, with their values beside them for the programs of `PROGRAMS`. */
export function machine(cpus: readonly FakeCpu[], files: { readonly [path: string]: string } = {}): string {
  const root = mkdtempSync(join(tmpdir(), "vmxlens-"));
  roots.push(root);
  chmodSync(root, 0o755);
  const put = (path: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  };
  put("proc/cpuinfo", cpuinfo(cpus));
  put("proc/sys/kernel/osrelease", "6.12.107-amd64\n");
  for (const [number, { msrs, cpuid }] of cpus.entries()) {
    put(`dev/cpu/${number}/msr`, "");
    for (const [index, value] of msrs) {
      const bytes = new Uint8Array(8);
      new DataView(bytes.buffer).setBigUint64(0, toBigInt(value), true);
      put(`dev/cpu/${number}/msr.d/${index}`, bytes);
    }
    if (cpuid === undefined) continue;
    put(`dev/cpu/${number}/cpuid`, "");
    for (const [leaf, values] of Object.entries(cpuid)) {
      const [main, sub] = leaf.split(".").map((digits) => Number.parseInt(digits, 16)) as [number, number];
      put(`dev/cpu/${number}/cpuid.d/${sub * 2 ** 32 + main}`, new Uint8Array(Uint32Array.from(values).buffer));
    }
  }
  for (const [path, text] of Object.entries(files)) put(path, text);
  return root;
}

/** What a device of `machine` gives at a position, as pread of a real one does. */
export function preadMachine(file: string, position: bigint, length: number): Uint8Array {
  closeSync(openSync(file, "r"));
  const value = `${file}.d/${position}`;
  if (existsSync(value)) return readFileSync(value).subarray(0, length);
  if (file.endsWith("/cpuid")) return new Uint8Array(length);
  throw Object.assign(new Error("EIO"), { code: "EIO", syscall: "read" });
}

/** dd with devices in it; what it says is what the real one says. `EIO` is the text of the C library for a fault. */
const FAKE_DD = `#!/bin/sh
file= skip=0 bs=512 count=1
for word; do
  case $word in
    if=*) file=\${word#if=} ;;
    skip=*) skip=\${word#skip=} ;;
    bs=*) bs=\${word#bs=} ;;
    count=*) count=\${word#count=} ;;
  esac
done
case $file in
  */msr)
    if [ -e "$file.d/$skip" ]; then exec REAL if="$file.d/$skip" bs="$bs" count="$count"; fi
    echo "dd: error reading '$file': EIO" >&2
    echo '0+0 records in' >&2
    exit 1 ;;
  */cpuid)
    while [ "$count" -gt 0 ]; do
      if [ -e "$file.d/$skip" ]; then cat "$file.d/$skip"; else REAL if=/dev/zero bs=16 count=1 2>/dev/null; fi
      skip=$((skip + 1)) count=$((count - 1))
    done ;;
  *) exec REAL "$@" ;;
esac
`;

/** msr-tools: the value with all its digits, or exit code 4 for a fault. */
const FAKE_RDMSR = `#!/bin/sh
[ "$1 $3" = '-p -0' ] || exit 127
file=$VMXLENS_ROOT/dev/cpu/$2/msr.d/$(($4))
if [ ! -e "$file" ]; then
  echo "rdmsr: CPU $2 cannot read MSR $4" >&2
  exit 4
fi
set -- $(od -An -v -tx1 "$file")
echo "$8$7$6$5$4$3$2$1"
`;

/** Programs by name; `REAL` is the path of the real one. */
export const PROGRAMS = {
  dd: (eio = "Input/output error") => FAKE_DD.replace("EIO", eio),
  rdmsr: FAKE_RDMSR,
  /** dd as it was before it could skip bytes. */
  oldDd: `#!/bin/sh
for word; do
  case $word in iflag=*) echo "dd: invalid input flag: 'skip_bytes'" >&2 && exit 1 ;; esac
done
exec REAL "$@"
`,
  /** od without options, as small builds of busybox have it. */
  smallOd: `#!/bin/sh
echo "od: invalid option -- 'A'" >&2
exit 1
`,
  dmesg: (text: string) => `#!/bin/sh
cat <<'END'
${text}
END
`,
  noDmesg: `#!/bin/sh
echo 'dmesg: read kernel buffer failed: Operation not permitted' >&2
exit 1
`,
} as const;

/** The programs that the head of the script names and that are everywhere. */
export const NEEDED = ["dd", "grep", "head", "od", "sed", "sort", "uname"] as const;

export interface Shell {
  readonly name: string;
  readonly command: readonly string[];
  /** Where its programs come from. */
  readonly tools: "system" | "busybox";
}

export const SHELLS: readonly Shell[] = [
  { name: "dash", command: ["dash"], tools: "system" },
  { name: "bash", command: ["bash"], tools: "system" },
  { name: "busybox sh with busybox's programs", command: ["busybox", "sh"], tools: "busybox" },
  { name: "mksh", command: ["mksh"], tools: "system" },
  { name: "ksh93", command: ["ksh93"], tools: "system" },
];

export const isInstalled = (shell: Shell): boolean => onPath(shell.command[0] as string) !== undefined;
const ANY_SHELL: Shell = { name: "sh", command: ["sh"], tools: "system" };

export interface CollectOptions {
  readonly shell?: Shell;
  /** Programs of one's own; `undefined` takes one away. */
  readonly programs?: { readonly [name: string]: string | undefined };
  /** As an ordinary user, also where the tests run as root. */
  readonly unprivileged?: true;
  readonly env?: { readonly [name: string]: string };
  readonly cwd?: string;
}

/** Runs the script as `sh -s` with a PATH that has the programs it names, and no other. */
export function collect(root: string, options: CollectOptions = {}) {
  const shell = options.shell ?? ANY_SHELL;
  const bin = mkdtempSync(join(tmpdir(), "vmxlens-bin-"));
  roots.push(bin);
  chmodSync(bin, 0o755);
  const real = (name: string): string => {
    const path = shell.tools === "busybox" ? onPath("busybox") : onPath(name);
    if (path === undefined) throw new Error(`${name} is not installed`);
    return path;
  };
  // printf is no part of mksh; cat is what our own programs use.
  for (const name of [...NEEDED, "printf", "cat"]) {
    if (options.programs !== undefined && name in options.programs) continue;
    symlinkSync(real(name), join(bin, name));
  }
  for (const [name, text] of Object.entries(options.programs ?? {})) {
    if (text === undefined) continue;
    const path = shell.tools === "busybox" ? `${real(name)} ${name}` : (onPath(name) ?? name);
    writeFileSync(join(bin, name), text.replaceAll("REAL", path), { mode: 0o755 });
  }
  const [program, ...words] = shell.command as [string, ...string[]];
  const path = onPath(program);
  if (path === undefined) throw new Error(`${program} is not installed`);
  const isRoot = process.getuid?.() === 0;
  const { status, stdout, stderr } = spawnSync(path, [...words, "-s"], {
    input: collectScript(),
    encoding: "utf8",
    maxBuffer: 2 ** 26,
    env: { PATH: bin, VMXLENS_ROOT: root, ...options.env },
    cwd: options.cwd ?? root,
    ...(options.unprivileged && isRoot ? { uid: 65534, gid: 65534 } : {}),
  });
  return { status, stdout, stderr, ...readHost(stdout) };
}
