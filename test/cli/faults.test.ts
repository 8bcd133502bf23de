import fs, {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileSystem } from "../../src/cli/files.js";
import { runProgram } from "../../src/cli/program.js";
import { nodeWorld, type World } from "../../src/cli/world.js";
import { oneIn } from "../deep.js";
import { SHORT_TEXTS } from "../input/formats-in-short.js";
import { tinyFiles } from "../prove/tiny/module.js";
import { NO_MACHINE, type Run, runCli } from "./run.js";

/*
 * What the world refuses is never a bug of ours: every command meets every error of the system at every place where it
 * touches a file, standard input or standard output. `runProgram` lets through what is a bug, so one fails the test.
 */

const CODES = [
  "EACCES",
  "EAGAIN",
  "EBUSY",
  "EDQUOT",
  "EINVAL",
  "EIO",
  "EISDIR",
  "ELOOP",
  "EMFILE",
  "ENAMETOOLONG",
  "ENFILE",
  "ENODEV",
  "ENOENT",
  "ENOMEM",
  "ENOSPC",
  "ENOTDIR",
  "ENXIO",
  "EOVERFLOW",
  "EPERM",
  "EROFS",
  "ESTALE",
  "ETIMEDOUT",
] as const;

const folder = mkdtempSync(join(tmpdir(), "vmxlens-faults-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const HOST = join(folder, "host.txt");
const WANTED = join(folder, "wanted.txt");
const KEPT = join(folder, "kept.json");
const LOG = "kvm: disabled by bios\n";
const LIST = "GUEST_RFLAGS = 0x200\nGUEST_CR0 = 0x80050033\nGUEST_ACTIVITY_STATE = 0x0\nVM_EXIT_REASON = 0x80000021\n";
writeFileSync(HOST, `${SHORT_TEXTS["msr-list"]}${SHORT_TEXTS.params}${LIST}${LOG}`);
writeFileSync(WANTED, "ept\n");
/** Of registers alone: to take down what it is costs least. */
const REGISTERS = join(folder, "registers.txt");
writeFileSync(REGISTERS, SHORT_TEXTS["msr-list"] as string);
const MODULE = join(folder, "kvm-intel.ko");
const TYPES = join(folder, "types");
writeFileSync(MODULE, tinyFiles().module);
writeFileSync(TYPES, tinyFiles().btf);

/** Every way in which a command reads a file: the arguments, and the file of which it cannot do without. */
const READERS: readonly (readonly [args: readonly string[], file: string])[] = [
  [["layers", HOST], HOST],
  [["why", "ept", HOST], HOST],
  [["show", HOST], HOST],
  [["replay", HOST], HOST],
  [["audit", HOST], HOST],
  [["audit", "-", "--host", HOST], HOST],
  [["explain", HOST], HOST],
  [["explain", LOG, "--host", HOST], HOST],
  [["nested", HOST], HOST],
  [["diff", "skylake-x", HOST], HOST],
  [["baseline", HOST, "skylake-x"], HOST],
  [["migrate", HOST, "skylake-x"], HOST],
  [["migrate", "skylake-x", HOST], HOST],
  [["runs", HOST, "kvm"], HOST],
  [["controls", HOST, "--want", "ept"], HOST],
  [["controls", "skylake-x", "--want", WANTED], WANTED],
  [["verify", HOST], HOST],
  [["verify", HOST, "--against", KEPT], KEPT],
  [["verify", HOST, "--fingerprint", KEPT], KEPT],
  [["prove", "haswell", "--module", MODULE, "--btf", TYPES], MODULE],
  [["layers", "haswell", "--module", MODULE, "--btf", TYPES], TYPES],
  [["why", "ept", "haswell", "--module", MODULE, "--btf", TYPES], MODULE],
  [["replay", "haswell", "--module", MODULE, "--btf", TYPES], TYPES],
];

/** The same through standard input. */
const FROM_STDIN: readonly (readonly string[])[] = [
  ...["layers", "show", "replay", "audit", "explain", "nested", "verify", "runs"].map((name) => [name, "-"]),
  ["why", "ept", "-"],
  ["diff", "-", "skylake-x"],
  ["baseline", "-", "skylake-x"],
  ["migrate", "-", "skylake-x"],
  ["runs", "skylake-x", "-"],
  ["controls", "skylake-x", "--want", "-"],
  ["controls", "-", "--want", "ept"],
];

/** Commands of which every one prints something. */
const PRINTERS: readonly (readonly string[])[] = [
  ...["layers", "show", "replay", "nested", "runs"].flatMap((name) => [
    [name, "skylake-x"],
    [name, "skylake-x", "--json"],
  ]),
  ["why", "ept", "skylake-x"],
  ["audit", "-"],
  ["audit", "-", "--json"],
  ["audit", "-", "--junit"],
  ["explain", LOG],
  ["diff", "skylake-x", "haswell-e"],
  ["baseline", "skylake-x", "haswell-e"],
  ["migrate", "skylake-x", "haswell-e"],
  ["controls", "skylake-x", "--want", "ept", "--emit", "c"],
  ["verify", HOST],
  ["kernels"],
  ["cpus", "skylake"],
  ["vmcs"],
  ["collect"],
  ["--help"],
  ["why", "--help"],
  ["--version"],
];

/** Two of the codes, in a deep run all: neighbours in a list of commands have the others. */
let turn = 0;
function someCodes(): readonly string[] {
  turn++;
  return oneIn(11, CODES, turn);
}

/** One of them, where each is a whole run of a command. */
function oneCode(): readonly string[] {
  turn++;
  return oneIn(22, CODES, turn);
}

function errno(code: string): Error {
  const number = constants.errno[code as keyof typeof constants.errno];
  return Object.assign(new Error(`${code}: as the system words it`), { code, errno: -number, syscall: "test" });
}

interface Fault {
  readonly call: keyof FileSystem;
  readonly code: string;
  /** Part of the path of the file that it happens to. */
  readonly path: string;
}

/** The file system, but that one call fails for one file. */
function failing({ call, code, path }: Fault): FileSystem {
  const open = new Map<number, string>();
  const hit = (name: keyof FileSystem, subject: unknown): void => {
    const where = typeof subject === "number" ? open.get(subject) : String(subject);
    if (name === call && where?.includes(path) === true) throw errno(code);
  };
  const real = fs as unknown as { readonly [name: string]: (...args: unknown[]) => unknown };
  const wrap = (name: keyof FileSystem) =>
    ((...args: unknown[]) => {
      try {
        hit(name, args[0]);
      } catch (error) {
        // A descriptor is gone, whatever close says.
        if (name === "closeSync") fs.closeSync(args[0] as number);
        throw error;
      }
      const result = real[name]?.(...args);
      if (name === "openSync") open.set(result as number, String(args[0]));
      return result;
    }) as never;
  const names = ["statSync", "openSync", "readSync", "writeSync", "fsyncSync", "closeSync", "mkdirSync", "renameSync"];
  const all = [...names, "unlinkSync"] as (keyof FileSystem)[];
  return Object.fromEntries(all.map((name) => [name, wrap(name)])) as unknown as FileSystem;
}

const run = (args: readonly string[], change: Partial<World> = {}): Promise<Run> =>
  runCli(args, { stdin: LIST, world: { ...NO_MACHINE, ...change } });

/** One sentence, no word of ours about bugs, no raw text of Node. */
function expectSentence({ code, err }: Run, ...parts: readonly string[]): void {
  expect(code).toBe(2);
  expect(err).not.toMatch(/a bug|as the system words it|undefined/);
  for (const part of parts) expect(err).toContain(part);
}

describe("a file that cannot be read", () => {
  beforeAll(async () => {
    await run(["verify", HOST, "--fingerprint", KEPT]);
  });

  it.each(READERS)("%j", async (args, file) => {
    const before = readFileSync(KEPT, "utf8");
    const usual = await run(args);
    expect(usual.err).not.toContain("cannot be");
    for (const code of someCodes()) {
      for (const call of ["statSync", "openSync", "readSync"] as const) {
        const files = failing({ call, code, path: file });
        const failed = await run(args, { files });
        const gone = call === "statSync" && ["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(code);
        // A fingerprint that is not there is made.
        if (gone && args.includes("--fingerprint")) {
          expect(failed.code).toBeLessThan(2);
          continue;
        }
        if (gone) expectSentence(failed, file);
        else expectSentence(failed, `${file} cannot be read: `, code);
        expect(failed.out).toBe("");
      }
    }
    for (const code of oneCode()) {
      const closed = await run(args, { files: failing({ call: "closeSync", code, path: file }) });
      expect(closed).toEqual(usual);
    }
    expect(readFileSync(KEPT, "utf8")).toBe(before);
  });
});

it.each(FROM_STDIN.map((args) => [args]))("standard input that breaks off: %j", async (args) => {
  for (const code of someCodes()) {
    const failed = await run(args, {
      stdin: async function* () {
        yield Buffer.from("0x480: 0xda040000000004\n");
        throw errno(code);
      },
    });
    expectSentence(failed, "standard input cannot be read: ", code);
  }
});

it.each(PRINTERS.map((args) => [args]))("standard output that cannot be written: %j", async (args) => {
  for (const code of oneCode()) {
    const failed = await run(args, {
      out: () => {
        throw errno(code);
      },
    });
    expectSentence(failed, "standard output cannot be written: ", code);
  }
});

it("that standard error cannot be written changes no exit code", async () => {
  const err = () => {
    throw errno("ENOSPC");
  };
  expect((await run(["layers", "no/such/file"], { err })).code).toBe(2);
  expect((await run(["layers", "--wrong"], { err })).code).toBe(2);
  expect((await run(["layers", "skylake-x"], { err })).code).toBe(0);
});

describe("a fingerprint that cannot be written", () => {
  it.each(["openSync", "writeSync", "fsyncSync", "closeSync", "renameSync", "mkdirSync"] as const)(
    "%s: the old file stays, and nothing else",
    async (call) => {
      const place = join(folder, `of-${call}`);
      const file = join(place, "fp.json");
      mkdirSync(place);
      const path = call === "mkdirSync" ? place : ".tmp";
      for (const code of someCodes()) {
        const failed = await run(["verify", REGISTERS, "--fingerprint", file], {
          files: failing({ call, code, path }),
        });
        expectSentence(failed, `${file} cannot be written: `, code);
        expect(readdirSync(place)).toEqual([]);
      }
      expect((await run(["verify", REGISTERS, "--fingerprint", file])).code).toBeLessThan(2);
      const old = readFileSync(file, "utf8");
      for (const code of someCodes()) {
        const files = failing({ call, code, path });
        const failed = await run(["verify", REGISTERS, "--fingerprint", file, "--update"], { files });
        expectSentence(failed, `${file} cannot be written: `, code);
        expect(readdirSync(place)).toEqual(["fp.json"]);
        expect(readFileSync(file, "utf8")).toBe(old);
      }
    },
  );

  it("the data is on the disk before the name is", async () => {
    const calls: string[] = [];
    const files = new Proxy(fs, {
      get(target, name: keyof FileSystem) {
        const real = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          calls.push(name);
          return real(...args);
        };
      },
    });
    expect(
      (await run(["verify", REGISTERS, "--fingerprint", join(folder, "order.json")], { files })).code,
    ).toBeLessThan(2);
    expect(calls.slice(-4)).toEqual(["writeSync", "fsyncSync", "closeSync", "renameSync"]);
  });
});

describe("TEXT that is no name of a file", () => {
  const LONG = `kvm: disabled by bios ${"x".repeat(300)}`;

  it.each([255, 256, 4096, 20_000, 200_000])("explains a line of %i characters", async (length) => {
    const line = `kvm: disabled by bios ${"x".repeat(length - 22)}`;
    expect((await run(["explain", line])).code).toBe(0);
    expect((await run(["explain", line.replaceAll("x", "ü")])).code).toBe(0);
  });

  it("looks for no pasted text in the file system", async () => {
    const touched = () => {
      throw new TypeError("asked the file system");
    };
    const files = { ...fs, statSync: touched as never };
    for (const text of [LONG, `${LOG}${LOG}`, `a/${LONG}`, `x${"/x".repeat(3000)}`, "kvm: disabled by bios\0"]) {
      expect((await run(["explain", text], { files })).code).toBeLessThan(2);
    }
    await expect(run(["explain", "kvm"], { files })).rejects.toThrow("asked the file system");
  });

  it("stays text when the file system refuses to look", async () => {
    for (const code of CODES) {
      const files = failing({ call: "statSync", code, path: "kvm" });
      expect((await run(["explain", "kvm: disabled by bios"], { files })).code).toBe(0);
    }
  });

  it.each(["layers", "show", "diff", "why", "audit", "verify"])(
    "%s says of a long word that no file is there",
    async (name) => {
      const args = name === "why" ? ["why", "ept", LONG] : [name, LONG];
      expectSentence(await run(args), "vmxlens: kvm: disabled by bios");
      expectSentence(await run(args.map((arg) => (arg === LONG ? `a/${LONG}` : arg))), "no such file");
    },
  );
});

describe("a real file system", () => {
  const loop = join(folder, "loop");
  symlinkSync("loop", loop);
  const locked = join(folder, "locked");
  writeFileSync(locked, LOG);
  chmodSync(locked, 0);
  const root = process.getuid?.() === 0;

  const ALL = [...new Set(READERS.map(([args]) => args))];
  const instead = (args: readonly string[], path: string) =>
    args.map((arg) => ([HOST, WANTED, KEPT, MODULE, TYPES].includes(arg) ? path : arg));

  it.each(ALL.map((args) => [args]))("%j", async (args) => {
    expectSentence(await run(instead(args, loop)), `${loop} cannot be read: `, "(ELOOP)");
    expectSentence(await run(instead(args, `${HOST}/below`)), `${HOST}/below`);
    // Of a folder these use the files.
    const many =
      ["diff", "baseline", "controls", "runs", "verify", "layers", "why", "nested"].includes(args[0] ?? "") &&
      !args.includes(WANTED);
    if (!many) expectSentence(await run(instead(args, folder)), folder, "is a directory");
    expectSentence(await run(instead(args, join(folder, "x".repeat(256)))), "x".repeat(256));
    if (!root) expectSentence(await run(instead(args, locked)), `${locked} cannot be read: permission denied`);
  });
});

describe("input without an end", () => {
  const LINE = Buffer.from("[    0.000000] usb 1-1: new high-speed USB device number 2 using xhci_hcd\n".repeat(800));

  it.each([...READERS, ...FROM_STDIN.map((args) => [args, "standard input"] as const)])("%j", async (args, file) => {
    let given = 0;
    const files: FileSystem = {
      ...fs,
      statSync: ((path: string) =>
        path === file ? { isDirectory: () => false, size: 0 } : fs.statSync(path)) as typeof fs.statSync,
      openSync: (path, flags) => (path === file ? 9999 : fs.openSync(path, flags)),
      closeSync: (fd) => (fd === 9999 ? undefined : fs.closeSync(fd)),
      readSync: ((fd: number, buffer: Uint8Array, ...rest: [number, number, null]) => {
        if (fd !== 9999) return fs.readSync(fd, buffer, ...rest);
        buffer.set(LINE.subarray(0, buffer.length));
        given += Math.min(buffer.length, LINE.length);
        return Math.min(buffer.length, LINE.length);
      }) as typeof fs.readSync,
    };
    const stdin = async function* () {
      if (file !== "standard input") {
        yield Buffer.from(LIST);
        return;
      }
      for (;;) {
        given += LINE.length;
        yield LINE;
      }
    };
    const failed = await run([...args, "--max-bytes", "256k"], { files, stdin });
    expectSentence(failed, `${file} is larger than 256 KiB; give --max-bytes to read more`);
    expect(given).toBeLessThan(2 ** 18 + 2 * LINE.length);
  });

  it("a file whose size is known is not read at all", async () => {
    const files = { ...fs, openSync: (() => expect.fail("opened")) as never };
    expectSentence(await run(["layers", HOST, "--max-bytes", "100"], { files }), `${HOST} is larger than 100 bytes`);
  });

  it.each(["0", "-1", "x", "1.5G", "1T", "", "99999999999999G"])("--max-bytes %j is refused", async (size) => {
    expectSentence(await run(["layers", "skylake-x", `--max-bytes=${size}`]), "--max-bytes");
  });

  it.each(["1000000", "64k", "1GiB", "2G", "500MB"])("--max-bytes %s is a size", async (size) => {
    expect((await run(["layers", HOST, "--max-bytes", size])).code).toBe(0);
  });

  it("a log of any length is audited, whatever bracket it begins with", async () => {
    // Long lines are read faster than short ones; together they are more than the 64 MiB that JSON may have.
    const piece = Buffer.from(`[    0.000000] ${"usb 1-1: new high-speed USB device ".repeat(120_000)}\n`);
    const stdin = async function* () {
      for (let i = 0; i < 17; i++) yield piece;
    };
    const files = { ...fs };
    let err = "";
    const code = await runProgram(["audit", "-"], {
      ...nodeWorld(files),
      stdin,
      err: (text) => {
        err += text;
      },
    });
    expect([code, err]).toEqual([2, expect.stringContaining("no VMCS dump found")]);
  });

  it("what is needed as a whole has a limit of its own", async () => {
    const piece = Buffer.alloc(2 ** 22, " ");
    const stdin = async function* () {
      for (let i = 0; i < 19; i++) yield i === 0 ? Buffer.from("{") : piece;
    };
    for (const args of [
      ["audit", "-"],
      ["controls", "skylake-x", "--want", "-"],
    ])
      expectSentence(await run(args, { stdin }), "standard input is larger than 64 MiB");
  });

  it("a kernel's file has one too, whatever --max-bytes says", async () => {
    let given = 0;
    const files: FileSystem = {
      ...fs,
      statSync: ((path: string) =>
        path === "zero" ? { isDirectory: () => false, size: 0 } : fs.statSync(path)) as typeof fs.statSync,
      openSync: () => 9999,
      closeSync: () => {},
      readSync: ((_: number, buffer: Uint8Array) => {
        given += buffer.length;
        return buffer.length;
      }) as typeof fs.readSync,
    };
    const failed = await run(["prove", "haswell", "--module", "zero", "--max-bytes", "4G"], { files });
    expectSentence(failed, "zero is larger than 256 MiB; the most for a file of this kind");
    expect(given).toBeLessThan(2 ** 28 + 2 ** 17);
  });
});

describe("the standard output of the process", () => {
  const through = (...answers: readonly (string | number)[]) => {
    const left = [...answers];
    const written: string[] = [];
    const files = {
      ...fs,
      writeSync: ((_fd: number, bytes: Uint8Array) => {
        const answer = left.shift() ?? bytes.length;
        if (typeof answer === "string") throw errno(answer);
        written.push(Buffer.from(bytes.subarray(0, answer)).toString());
        return answer;
      }) as typeof fs.writeSync,
    };
    return { world: nodeWorld(files), written };
  };

  it("waits for a full pipe, goes on after half a write, and leaves what nobody reads", () => {
    const slow = through("EAGAIN", 3, "EAGAIN", 2);
    slow.world.out("hello world\n");
    expect(slow.written.join("")).toBe("hello world\n");
    const closed = through(3, "EPIPE");
    closed.world.out("hello world\n");
    expect(closed.written).toEqual(["hel"]);
  });

  it("is one sentence and exit code 2 when the disk is full", async () => {
    const { world } = through("ENOSPC");
    let err = "";
    const code = await runProgram(["layers", "skylake-x"], {
      ...world,
      err: (text) => {
        err += text;
      },
    });
    expect(code).toBe(2);
    expect(err).toBe("vmxlens: standard output cannot be written: no space is left on the device (ENOSPC)\n");
  });
});

it.skipIf(process.platform !== "linux")("a full disk is a full disk (needs /dev/full of Linux)", async () => {
  const fd = openSync("/dev/full", "w");
  const files = {
    ...fs,
    writeSync: ((_: number, bytes: Uint8Array) => fs.writeSync(fd, bytes)) as typeof fs.writeSync,
  };
  let err = "";
  const code = await runProgram(["collect"], {
    ...nodeWorld(files),
    err: (text) => {
      err += text;
    },
  });
  fs.closeSync(fd);
  expect([code, err]).toEqual([
    2,
    "vmxlens: standard output cannot be written: no space is left on the device (ENOSPC)\n",
  ]);
});
