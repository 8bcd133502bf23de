import fs from "node:fs";
import fc from "fast-check";
import { expect } from "vitest";
import type { FileSystem } from "../../src/cli/files.js";
import { COMMON } from "../../src/cli/shell/command-row.js";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";
import { EVIL, expectHarmless } from "./hostile.js";
import { type Run, runCli } from "./run.js";

/*
 * Any words behind any command: those that it understands, those of other commands, and some that nobody means. What comes out is an
 * answer or a sentence about the words, never a bug, and never a value that was not there.
 */

/** Names that JavaScript knows as well, signs that an argument is cut at, and what is merely strange. */
const ODD = [
  ...[
    "",
    " ",
    "\t",
    ",",
    "=",
    "@",
    "@@",
    "a=b=c",
    "=1",
    "ept=",
    ":",
    "-",
    "--",
    "-x",
    "--x=1",
    "{}",
    "[]",
    "%s",
    "*x?",
    "\\",
  ],
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "__proto__=1", "valueOf,ept", "length"],
  ...["-1", "0", "00", "1e999", "0x", "1e3", "99999999999999999999", "0.5", "Infinity", "１２", "true", "null"],
  ...["\u0000", EVIL, "ü", "漢字", "\ud83d\ude00", "İ", "ﬀ", "a\nb", "x".repeat(300), "'", '"', "`id`", "$(id)", ";"],
] as const;

const HOSTS = [
  "skylake-x",
  "haswell-e",
  "-",
  "this",
  "50654",
  "skylake-x@6.12,ept=0,firmware=off",
  "@6.1",
  "atlas:nehalem",
];
const FEATURES = ["ept", "pml", "mbec", "0x48b bit 54", "nested", "vmx", "enable_shadow_vmcs", "vmx-apicv-xapic"];
const KERNELS = ["6.12", "5.10", "7.3", "5.14.0-427.42.1.el9_4.x86_64", "6.1.0-28-amd64", "99.9", "next"];
const REST = ["kvm", "0x48b", "IA32_VMX_BASIC", "kvm: disabled by bios", "0x80000021", "GUEST_CR0", "6.1"];

/** What an option understands, by the name of its value or its own. */
const UNDERSTOOD: { readonly [flag: string]: readonly string[] } = {
  "--kernel": KERNELS,
  "--param": ["ept=0", "nested=N", "kvm.enable_pmu=1", "enable_apicv=maybe"],
  "--config": ["CONFIG_KVM_HYPERV=n", "CONFIG_X86_64=y"],
  "--machine": ["tboot=1", "evmcs=1,pmu=0"],
  "--assume": ["none", "firmware=off", "firmware=disabled", "registers=sdm", "vendor=intel"],
  "--cpu": ["0", "P", "E", "7"],
  "--format": ["tsv", "json", "text", "xml"],
  "--lang": ["en", "zh", "de"],
  "--layer": ["silicon", "firmware", "boot", "kvm", "param", "nested"],
  "--max-bytes": ["1M", "10", "1G"],
  "--width": ["40", "200", "1"],
  "--names": ["all", "qemu,linux"],
  "--phase": ["boot", "kvm", "nested"],
  "--vcpu": ["new", "ran", "vmxon", "l2"],
  "--emit": ["c", "rust"],
  "--qemu-version": ["7.2", "11.1", "1.0"],
  "--libvirt-version": ["11.3"],
  "--shard": ["0/1", "1/2", "2/2"],
  "--where": ["cluster=a", "kernel=6.1*", "vendor!=GenuineIntel", "host=sky1"],
  "--as": ["qemu", "libvirt", "csv", "jsonl", "prometheus", "nfd", "keys"],
  "--by": ["cluster", "site"],
  "--limit": ["0", "1", "5"],
  "--count": ["1", "2", "1000"],
};

export interface Odd {
  readonly args: readonly string[];
  readonly stdin: string;
  readonly machine: string;
}

const one = <T>(values: readonly T[]) => fc.constantFrom(...values);
const oddWord = fc.oneof(
  { weight: 5, arbitrary: one(ODD) },
  { weight: 1, arbitrary: fc.string({ unit: one([..."a0=,@:-. \u001b\u202e\u009b\"'{}[]%"]), maxLength: 8 }) },
);
const word = fc.oneof(
  { weight: 3, arbitrary: one([...HOSTS, ...FEATURES]) },
  { weight: 1, arbitrary: one([...KERNELS, ...REST]) },
  { weight: 2, arbitrary: oddWord },
);

/** An option as it is typed, with a value that it understands or one that nobody means. */
function option(flags: string): fc.Arbitrary<readonly string[]> {
  const flag = /--[a-z-]+/.exec(flags)?.[0] ?? flags;
  if (!/[<[]/.test(flags)) return fc.constant([flag]);
  const understood = UNDERSTOOD[flag] ?? [...FEATURES, ...HOSTS];
  return fc
    .oneof({ weight: 3, arbitrary: one(understood) }, { weight: 1, arbitrary: oddWord })
    .map((value) => [`${flag}=${value}`]);
}

const flagsOf = (command: string): readonly string[] => (COMMANDS[command]?.options ?? []).map(([flags]) => flags);
const SHARED = COMMON.map(([flags]) => flags);
const ALL = [...new Set([...Object.keys(COMMANDS).flatMap(flagsOf), ...SHARED])];

/** Some options of a command, seldom one of others. */
function options(command: string): fc.Arbitrary<readonly string[]> {
  const own = [...flagsOf(command), ...SHARED];
  const flags = fc.oneof({ weight: 8, arbitrary: one(own) }, { weight: 1, arbitrary: one(ALL) });
  return fc.array(flags.chain(option), { maxLength: 3 }).map((list) => list.flat());
}

const stdin = fc.oneof(
  { weight: 3, arbitrary: one(Object.values(SHORT_TEXTS)) },
  { weight: 1, arbitrary: one(["", "\n", "{", "[]", "null", "kvm: disabled by bios\n", `${EVIL}\n`]) },
);
const machine = one(["amd", "unprivileged", "with-ept-off"]);

/** Words behind one of these commands; `fixed` are the words that have to be first. */
export function oddArguments(command: string, fixed: readonly string[] = []): fc.Arbitrary<Odd> {
  return fc
    .record({ words: fc.array(word, { maxLength: 3 }), given: options(command), stdin, machine, last: fc.boolean() })
    .map(({ words, given, last, ...rest }) => ({
      args: [command, ...fixed, ...(last ? [...words, ...given] : [...given, ...words])],
      ...rest,
    }));
}

/** Reads files and writes none. */
const READ_ONLY: FileSystem = new Proxy(fs as FileSystem, {
  get(target, name: keyof FileSystem) {
    const refused = (syscall: string) => {
      throw Object.assign(new Error("read-only"), { code: "EROFS", errno: -30, syscall });
    };
    if (["mkdirSync", "renameSync", "unlinkSync", "writeSync", "fsyncSync"].includes(name)) return () => refused(name);
    if (name === "openSync")
      return (path: string, flags?: string | number, ...more: []) =>
        flags === undefined || flags === "r" || flags === 0
          ? fs.openSync(path, flags ?? "r", ...more)
          : refused("open");
    return target[name];
  },
});

/** Runs it where a server ends at once and nothing is shown to anybody. */
export function runOdd(
  { args, stdin: text, machine: name }: Odd,
  {
    files = READ_ONLY,
    env = {},
  }: { readonly files?: FileSystem; readonly env?: { readonly [name: string]: string } } = {},
): Promise<Run> {
  const world = { files, openUrl: () => {}, interrupted: async () => {} };
  return runCli(args, { stdin: text, machine: name, columns: 100, env: { NO_COLOR: "1", ...env }, world });
}

/** What no command prints: a value that was not there, and characters that a terminal obeys. */
export function expectAnswer({ args }: Odd, run: Run): void {
  const { code, out, err } = run;
  expect([0, 1, 2]).toContain(code);
  for (const text of [out, err]) {
    expect(/\bundefined\b.*|.*\[object \w+\].*|.*\bNaN\b.*/.exec(text)?.[0]).toBeUndefined();
  }
  if (code === 2) expect(`${out}${err}`).toMatch(/\S/);
  // Between the cells of a grid are tabs.
  const grid = args.includes("--format=tsv") ? { ...run, out: out.replaceAll("\t", " ") } : run;
  expectHarmless(args, grid, args.includes("--color"));
}
