import { execFileSync } from "node:child_process";
import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it, vi } from "vitest";
import { type FileSystem, inputText, replaceFile } from "../../src/cli/files.js";
import { COMMANDS } from "../../src/cli/shell/command-table.js";
import { findMembers } from "../../src/cli/shell/members.js";
import { nodeWorld, type World } from "../../src/cli/world.js";
import { oneIn } from "../deep.js";
import { NO_MACHINE, runCli } from "./run.js";

/* Files that are none, folders with a hundred thousand names, words that name nothing. `runProgram` lets a bug through. */

const folder = mkdtempSync(join(tmpdir(), "vmxlens-files-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const REGISTERS = "0x480: 0xda040000000004\n0x3a: 0x5\n";

const run = (args: readonly string[], change: Partial<World> = {}) =>
  runCli(args, { world: { ...NO_MACHINE, ...change } });

describe("a device or a pipe as the file to write", () => {
  const written: string[] = [];
  const kind = (file: boolean, directory = false) => ({ isFile: () => file, isDirectory: () => directory, size: 0 });
  const called: string[] = [];
  const files = (stat: ReturnType<typeof kind>) =>
    ({
      ...fs,
      statSync: () => stat,
      openSync: (path: string, flags: string) => {
        called.push(`open ${path} ${flags}`);
        return 99;
      },
      writeSync: (_: number, bytes: Uint8Array) => {
        written.push(Buffer.from(bytes).toString());
        return bytes.length;
      },
      fsyncSync: () => called.push("fsync"),
      closeSync: () => called.push("close"),
      renameSync: (from: string, to: string) => called.push(`rename ${from === to} ${to}`),
      mkdirSync: () => called.push("mkdir"),
    }) as unknown as FileSystem;
  const replace = (path: string, stat: ReturnType<typeof kind>) => {
    called.length = 0;
    replaceFile(path, "text\n", { ...nodeWorld(), files: files(stat) });
    return called.join(", ").replace(/\.\d+\.\w+\.tmp/, ".tmp");
  };

  it("is written to, and not replaced by a file of its name", () => {
    expect(replace("/dev/null", kind(false))).toBe("open /dev/null w, close");
    expect(replace("fifo", kind(false))).toBe("open fifo w, close");
    // Where standard output is a file, its name is that of a file.
    expect(replace("/dev/stdout", kind(true))).toBe("open /dev/stdout w, close");
    expect(replace("/dev/../dev/fd/1", kind(true))).toBe("open /dev/../dev/fd/1 w, close");
    expect(replace("/proc/self/fd/1", kind(true))).toBe("open /proc/self/fd/1 w, close");
    expect(written.at(-1)).toBe("text\n");
  });

  it("a file is replaced", () => {
    const whole = (path: string) => `open ${path}.tmp wx, fsync, close, rename false ${path}`;
    expect(replace("a.json", kind(true))).toBe(whole("a.json"));
    expect(replace("/dev/shm/a.json", kind(true))).toBe(`mkdir, ${whole("/dev/shm/a.json")}`);
  });
});

describe.skipIf(process.platform === "win32")("a folder with a pipe in it (needs mkfifo)", () => {
  const place = join(folder, "mixed");
  mkdirSync(place);
  writeFileSync(join(place, "a.txt"), REGISTERS);
  writeFileSync(join(place, "b.txt"), REGISTERS);
  execFileSync("mkfifo", [join(place, "c.txt")]);
  symlinkSync("c.txt", join(place, "d.txt"));
  symlinkSync("/dev/zero", join(place, "e.txt"));
  symlinkSync("nothing", join(place, "f.txt"));

  it.each([[place], [`${place}/*.txt`]])("%s: its files are read, and nothing is waited for", async (given) => {
    const { code, out } = await run(["baseline", given, "--assume", "none"]);
    expect(code).toBeLessThan(2);
    expect(out.match(/[ab]\.txt/g)?.length).toBeGreaterThan(1);
  });
});

it("a list may hold more names than a call can have arguments", async () => {
  const list = join(folder, "list.txt");
  writeFileSync(list, "skylake-x\n".repeat(130_000));
  const { members } = await findMembers([`@${list}`], { ...nodeWorld(), files: fs });
  expect(members).toHaveLength(130_000);
});

/** Words without a letter or a digit, and numbers that no field has. */
const NOTHING = [
  "@",
  "***",
  "(",
  "é",
  "日本",
  ",",
  "@@6.1",
  ",ept=0",
  "_",
  "%",
  "-1",
  "0x",
  "\ud800",
  "~",
  "\u2028",
  " ",
];
let turn = 0;

describe("a word that names nothing", () => {
  const operands = Object.keys(COMMANDS).filter((name) => !["collect", "completion", "fleet", "web"].includes(name));
  it.each(operands)("%s", async (name) => {
    // In a short run each command has some of them, the next one others.
    for (const word of oneIn(16, NOTHING, turn++)) {
      for (const args of [
        [name, word],
        [name, "skylake-x", word],
        [name, "ept", word],
        [name, "skylake-x", "haswell-e", `--model=${word}`],
        [name, "-", `--host=${word}`],
        [name, "skylake-x", `--want=${word}`],
      ])
        expect([0, 1, 2]).toContain((await run(args)).code);
    }
  });

  it("is said to be none", async () => {
    expect((await run(["layers", "@"])).err).toContain("@ is neither a file nor an atlas CPU");
    expect((await run(["vmcs", "-1"])).err).toContain("no VMCS field is called -1");
  });

  it("a path with a NUL, or an empty one", async () => {
    for (const args of [["audit"], ["derive"], ["prove", "skylake-x", "--module"]]) {
      const { code, err } = await run([...args, "a\0b"]);
      expect([code, err]).toEqual([2, expect.stringContaining("no file has a NUL in its name")]);
    }
    expect((await run(["audit", ""])).err).toBe('vmxlens: "" cannot be read: no such file or directory (ENOENT)\n');
  });
});

it("a page that is served where its address cannot be printed ends with that sentence, and with the server", async () => {
  const servers = () => process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length;
  const before = servers();
  const { code, err } = await run(["web", "skylake-x", "--no-open"], {
    files: {
      ...fs,
      statSync: ((path: string) =>
        path.endsWith(".html")
          ? { isFile: () => true, isDirectory: () => false, size: 60 }
          : fs.statSync(path)) as typeof fs.statSync,
      openSync: ((path: string, flags: string) =>
        fs.openSync(path.endsWith(".html") ? page() : path, flags)) as typeof fs.openSync,
    },
    out: () => {
      throw Object.assign(new Error("full"), { code: "ENOSPC", errno: -28, syscall: "write" });
    },
    interrupted: () => new Promise(() => {}),
  });
  expect([code, err]).toEqual([
    2,
    "vmxlens: standard output cannot be written: no space is left on the device (ENOSPC)\n",
  ]);
  await vi.waitFor(() => expect(servers()).toBe(before));
});

function page(): string {
  const path = join(folder, "page.html");
  if (!existsSync(path)) writeFileSync(path, '<script type="application/json" id="case"></script>');
  return path;
}

describe("derive", () => {
  it("of a line without an end keeps nothing, says so, and reads the next one", async () => {
    const stdin = async function* () {
      yield Buffer.from("{}\n");
      for (let i = 0; i < 300; i++) yield Buffer.alloc(65_536, "x");
      yield Buffer.from("\n[]");
    };
    const { code, err } = await run(["derive"], { stdin });
    expect([code, err.split("\n").map((line) => line.slice(0, 70))]).toEqual([
      1,
      [
        'standard input:1: not an object with "set", as the column text of sets',
        "standard input:2: a line is longer than 16777216 characters",
        'standard input:3: not an object with "set", as the column text of sets',
        "",
      ],
    ]);
  });
});

it("derive does not wait for the end of a line that has none", async () => {
  const zeros = Buffer.alloc(2 ** 22);
  let given = 0;
  const stdin = async function* () {
    for (;;) {
      given += zeros.length;
      yield zeros;
    }
  };
  const { code, err } = await run(["derive"], { stdin });
  expect([code, err]).toEqual([
    1,
    "standard input:1: a line is longer than 134217728 characters; nothing behind it was read\n",
  ]);
  expect(given).toBeLessThan(2 ** 28);
});

it("what was written stays readable", () => {
  const path = join(folder, "kept.txt");
  replaceFile(path, "one\n", nodeWorld());
  replaceFile(path, "two\n", nodeWorld());
  expect([readFileSync(path, "utf8"), statSync(path).isFile()]).toEqual(["two\n", true]);
});

it("a name in a command to copy is one word of a shell, and no option", async () => {
  const domain = `<domain type='kvm'>
  <name>web01</name>
  <cpu mode='custom' match='exact'>
    <model>Haswell</model>
    <feature policy='require' name='vmx-ept'/>
  </cpu>
</domain>
`;
  const odd = join(folder, "a b;touch X;'c.xml");
  writeFileSync(odd, domain);
  expect((await run(["layers", odd])).err).toContain(`: vmxlens migrate '${odd.replace("'", "'\\''")}' HOST`);
  expect((await run(["runs", "kvm", "$(id)"])).err).toContain("HOST comes first: vmxlens runs '$(id)' kvm");
  expect((await run(["why", "x;id", "ept"])).err).toContain("FEATURE comes first: vmxlens why ept 'x;id'");
});

describe("a text in another encoding", () => {
  const LIST = "GUEST_RFLAGS = 0x200\nGUEST_CR0 = 0x80050033\nVM_EXIT_REASON = 0x80000021\n".repeat(60);
  const POLICY = '{"format":"vmxlens-fleet-policy/1","rules":[{"name":"ü","require":["none"]}]}';
  const WAYS: readonly (readonly [string, (text: string) => Uint8Array])[] = [
    ["with a byte order mark", (text) => Buffer.from(`\ufeff${text}`)],
    ["UTF-16, as PowerShell writes it", (text) => Buffer.from(`\ufeff${text}`, "utf16le")],
    ["UTF-16 without a mark", (text) => Buffer.from(text, "utf16le")],
    ["UTF-16 of the other order", (text) => Buffer.from(`\ufeff${text}`, "utf16le").swap16()],
  ];
  /** As it comes from a pipe: an odd number of bytes at a time. */
  const stdin = (bytes: Uint8Array) =>
    async function* () {
      for (let at = 0; at < bytes.length; at += 4099) yield bytes.subarray(at, at + 4099);
    };

  it.each(WAYS)("%s is the same text", async (_way, written) => {
    for (const [args, text] of [
      [["explain"], "kvm: disabled by bios\n"],
      [["audit"], LIST],
      [["controls", "skylake-x", "--want", "-"], "ept, vpid?\n"],
      [["derive"], '{"set":{"vendor":"GenuineIntel","cores":[{"msrs":{}}]},"kernel":"6.12"}\n'],
      [["runs", "skylake-x", "-"], "args: -cpu Haswell,+vmx\n"],
      [["diff", "@-"], "skylake-x\nhaswell-e\n"],
    ] as const) {
      const plain = await run(args, { stdin: stdin(Buffer.from(text)) });
      expect(plain.out.length + plain.err.length, args[0]).toBeGreaterThan(20);
      expect([args[0], await run(args, { stdin: stdin(written(text)) })]).toEqual([args[0], plain]);
    }
    const kept = join(folder, "policy.json");
    writeFileSync(kept, written(POLICY));
    let text = "";
    for await (const piece of inputText(kept, nodeWorld())) text += piece;
    expect(text).toBe(POLICY);
  });

  it("that is packed is said to be so, whatever asks for it", async () => {
    const packed = join(folder, "host.txt.gz");
    writeFileSync(packed, gzipSync(REGISTERS));
    for (const args of [
      ["explain"],
      ["audit"],
      ["derive"],
      ["controls", "skylake-x", "--want"],
      ["layers"],
      ["verify"],
    ]) {
      const { code, err } = await run([...args, packed]);
      expect([args[0], code, err]).toEqual([
        args[0],
        2,
        expect.stringMatching(/is gzip data, not text[;,].* \(gunzip\)/),
      ]);
    }
  });

  it("with NULs in it is text all the same, and binary data is not, whatever asks for it", async () => {
    const [ending, binary] = [join(folder, "ending.txt"), join(folder, "binary.txt")];
    writeFileSync(ending, `${REGISTERS}\0`);
    writeFileSync(
      binary,
      Uint8Array.from({ length: 300 }, (_, at) => (at * 37) & 255),
    );
    for (const args of [
      ["layers"],
      ["explain"],
      ["audit"],
      ["verify"],
      ["runs"],
      ["controls", "skylake-x", "--want"],
    ]) {
      expect((await run([...args, ending])).err).not.toContain("binary");
      const { code, err } = await run([...args, binary]);
      expect([args[0], code, err]).toEqual([args[0], 2, expect.stringContaining("is binary data")]);
    }
    const text = `${"\0".repeat(5000)}\nkvm: disabled by bios\n`;
    const { code, out } = await run(["explain"], { stdin: stdin(Buffer.from(text)) });
    expect([code, out]).toEqual([0, expect.stringContaining("disabled by bios (line 2)")]);
  });
});
