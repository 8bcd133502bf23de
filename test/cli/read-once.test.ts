import fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

/*
 * A text is read once, by all readers together: from the file or standard input, for machines, for messages and for guests.
 */

const counts = { machines: 0, messages: 0, guests: 0 };

/** The program, with readers that count how many texts they were given. */
async function counted() {
  vi.resetModules();
  vi.doMock("../../src/input/read.js", async (original) => {
    const module = await original<typeof import("../../src/input/read.js")>();
    const readHost: typeof module.readHost = (...given) => {
      counts.machines++;
      return module.readHost(...given);
    };
    const readHostStream: typeof module.readHostStream = (...given) => {
      counts.machines++;
      return module.readHostStream(...given);
    };
    return { ...module, readHost, readHostStream };
  });
  vi.doMock("../../src/input/guests/guest-cpu.js", async (original) => {
    const module = await original<typeof import("../../src/input/guests/guest-cpu.js")>();
    const readGuests: typeof module.readGuests = (text) => {
      counts.guests++;
      return module.readGuests(text);
    };
    return { ...module, readGuests };
  });
  vi.doMock("../../src/messages/matcher.js", async (original) => {
    const module = await original<typeof import("../../src/messages/matcher.js")>();
    const messageMatcher: typeof module.messageMatcher = (...given) => {
      counts.messages++;
      return module.messageMatcher(...given);
    };
    return { ...module, messageMatcher };
  });
  return import("./run.js");
}

const folder = fs.mkdtempSync(join(tmpdir(), "vmxlens-read-once-"));
afterAll(() => {
  vi.doUnmock("../../src/input/read.js");
  vi.doUnmock("../../src/input/guests/guest-cpu.js");
  vi.doUnmock("../../src/messages/matcher.js");
  vi.resetModules();
  fs.rmSync(folder, { recursive: true });
});

const CPUINFO =
  "vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\nstepping : 4\nflags : fpu vmx\nvmx flags : ept vpid\n";
const MESSAGE = "kvm: disabled by bios\n";
const PROGRAM = "Could not access KVM kernel module: No such file or directory\n";
const GUEST =
  "<domain type='kvm'><name>g</name><cpu mode='host-passthrough'><feature policy='disable' name='vmx'/></cpu></domain>\n";
const NO_VMX = "vendor_id : GenuineIntel\nflags : fpu hypervisor\n";

const CASES: readonly (readonly [what: string, args: readonly string[], text: string])[] = [
  ["a machine", ["why", "vmx"], CPUINFO],
  ["a message of the kernel", ["why", "vmx"], MESSAGE],
  ["a message of a program", ["why", "kvm"], PROGRAM],
  [
    "a machine that does not answer, and a message of a program",
    ["why", "kvm"],
    `vendor_id : GenuineIntel\n${PROGRAM}`,
  ],
  ["a guest", ["explain"], GUEST],
  ["a machine without vmx", ["explain"], NO_VMX],
  ["a guest and a machine without vmx", ["explain"], NO_VMX + GUEST],
  ["a machine and a message", ["explain"], CPUINFO + MESSAGE],
];

describe("a text is read once, by all readers together", () => {
  let runCli: Awaited<ReturnType<typeof counted>>["runCli"];
  beforeAll(async () => {
    ({ runCli } = await counted());
  });

  it.each(CASES)("%s: %j", async (_, args, text) => {
    const path = join(folder, "text");
    fs.writeFileSync(path, text);
    const opened: string[] = [];
    const files = {
      ...fs,
      openSync: ((name: string, flags: string) => {
        opened.push(name);
        return fs.openSync(name, flags);
      }) as typeof fs.openSync,
    };
    for (const [name, given] of [
      ["a file", [...args, path]],
      ["standard input", [...args, "-"]],
    ] as const) {
      Object.assign(counts, { machines: 0, messages: 0, guests: 0 });
      opened.length = 0;
      await runCli(given, { world: { files }, stdin: text });
      for (const [reader, count] of Object.entries(counts))
        expect([name, reader, count <= 1]).toEqual([name, reader, true]);
      // Each reader that is asked reads it, so the readers are the ones that count.
      expect(counts.machines).toBe(1);
      if (args[0] === "explain") expect(counts.messages).toBe(1);
      expect(opened).toEqual(name === "a file" ? [path] : []);
    }
  });
});
