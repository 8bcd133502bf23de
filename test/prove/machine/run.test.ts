import { describe, expect, it } from "vitest";
import { makeCode } from "../../../src/prove/machine/code.js";
import type { Frame } from "../../../src/prove/machine/cpu.js";
import { loadDecoder } from "../../../src/prove/machine/decoder.js";
import { Memory, PAGE, pageNumber, type Region } from "../../../src/prove/machine/memory.js";
import type { Environment, Machine } from "../../../src/prove/machine/op.js";
import { LIMITS, type Limits, Runner } from "../../../src/prove/machine/run.js";
import { MachineStop } from "../../../src/prove/machine/stop.js";
import { NO_HOST } from "../../../tools/judge/instances.js";

/* Whole functions, assembled by hand: how they end, and what becomes of branches on unknown bits. */

const decoder = await loadDecoder();
const CODE = 0xc000_0000;
const DATA = 0xc010_0000;
const NOTHING = { value: 0, unknown: 0 };

function machine(
  code: readonly number[],
  limits: Limits = LIMITS,
  env: Partial<Environment> = {},
  watched: Parameters<typeof makeCode>[3] = new Map(),
): Runner {
  const bytes = new Uint8Array(PAGE).fill(0xcc);
  bytes.set(code);
  const regions: Region[] = [
    { name: "code", first: pageNumber(-1, CODE), pages: 1, kind: "bytes", bytes, code: true },
    { name: "data", first: pageNumber(-1, DATA), pages: 4, kind: "zero" },
    { name: "unread", first: pageNumber(-1, DATA + 4 * PAGE), pages: 1, kind: "unknown" },
  ];
  const runner = new Runner(
    makeCode(decoder, regions, new Map(), watched),
    new Memory(regions),
    {
      ...NO_HOST,
      cpuid: () => [NOTHING, NOTHING, NOTHING, NOTHING],
      ...env,
    },
    limits,
  );
  runner.set(4, -1, DATA + 2 * PAGE);
  return runner;
}

function stopOf(runner: Runner, entry = CODE): MachineStop["kind"] | undefined {
  try {
    runner.callFunction(entry);
    return undefined;
  } catch (error) {
    if (error instanceof MachineStop) return error.kind;
    throw error;
  }
}

describe("a function ends, or says why it did not", () => {
  it.each([
    ["a loop for ever", "steps", [0xeb, 0xfe]],
    ["a repeated store over everything", "unmapped", [0x48, 0x83, 0xc9, 0xff, 0xf3, 0xaa, 0xc3]],
    ["a read through a null pointer", "unmapped", [0x31, 0xc0, 0x8b, 0x00, 0xc3]],
    ["a call of itself", "calls", [0xe8, 0xfb, 0xff, 0xff, 0xff]],
    ["a jump out of the code", "unmapped", [0xe9, 0x00, 0x00, 0x00, 0x10]],
    ["a jump into data", "unmapped", [0x48, 0xc7, 0xc0, 0x00, 0x00, 0x10, 0xc0, 0xff, 0xe0]],
    ["a write to code", "code-written", [0x48, 0xc7, 0xc0, 0x00, 0x00, 0x00, 0xc0, 0xc6, 0x00, 0x90, 0xc3]],
    ["UD2", "halt", [0x0f, 0x0b]],
    ["an instruction of another kind", "instruction", [0x0f, 0x28, 0xc1, 0xc3]],
    ["a division by zero", "divide", [0x31, 0xc9, 0x31, 0xd2, 0xf7, 0xf1, 0xc3]],
    ["a pointer that nobody knows", "unknown-address", [0x48, 0xa1, ...address(DATA + 4 * PAGE), 0x8b, 0x00, 0xc3]],
  ] as const)("%s: %s", (_name, kind, code) => {
    expect(stopOf(machine(code, { ...LIMITS, steps: 10_000 }))).toBe(kind);
  });

  it("a returned value comes back", () => {
    const runner = machine([0xb8, 0x2a, 0, 0, 0, 0xc3]);
    expect(stopOf(runner)).toBeUndefined();
    expect(runner.r[0]).toBe(42);
  });
});

/** Bytes of an address in the last 4 GiB. */
function address(lo: number): number[] {
  return [...[0, 8, 16, 24].map((shift) => (lo >>> shift) & 0xff), 0xff, 0xff, 0xff, 0xff];
}

/** mov eax, [unread]; test al, 1 */
const TEST_UNREAD = [0x48, 0xa1, ...address(DATA + 4 * PAGE), 0xa8, 0x01];

describe("a branch on an unknown bit is followed both ways", () => {
  it("what both ways agree in is known after it, and what they differ in is not", () => {
    // mov ecx, 1; mov edx, 1; (test); jz +5; mov edx, 3; mov eax, 7; ret
    const runner = machine([
      ...[0xb9, 1, 0, 0, 0, 0xba, 1, 0, 0, 0],
      ...TEST_UNREAD,
      ...[0x74, 5, 0xba, 3, 0, 0, 0, 0xb8, 7, 0, 0, 0, 0xc3],
    ]);
    expect(stopOf(runner)).toBeUndefined();
    expect([runner.r[0], runner.u[0]]).toEqual([7, 0]);
    expect([runner.r[2], runner.u[2]]).toEqual([1, 0]);
    expect([runner.r[4], runner.u[4]]).toEqual([1, 2]);
  });

  it("memory that only one way wrote is joined", () => {
    // mov rdi, DATA; mov byte [rdi], 5; (test); jz +3; mov byte [rdi], 4; movzx ecx, byte [rdi]; ret
    const runner = machine([
      ...[0x48, 0xbf, ...address(DATA), 0xc6, 0x07, 5],
      ...TEST_UNREAD,
      ...[0x74, 3, 0xc6, 0x07, 4, 0x0f, 0xb6, 0x0f, 0xc3],
    ]);
    expect(stopOf(runner)).toBeUndefined();
    expect([runner.r[2], runner.u[2]]).toEqual([4, 1]);
  });

  it("ways that return in different places meet where the function returns", () => {
    // call f; add eax, 1; ret; f: (test); jz +6; mov eax, 2; ret; mov eax, 2; ret
    const runner = machine([
      ...[0xe8, 4, 0, 0, 0, 0x83, 0xc0, 1, 0xc3],
      ...TEST_UNREAD,
      ...[0x74, 6, 0xb8, 2, 0, 0, 0, 0xc3, 0xb8, 2, 0, 0, 0, 0xc3],
    ]);
    expect(stopOf(runner)).toBeUndefined();
    expect([runner.r[0], runner.u[0]]).toEqual([3, 0]);
  });

  it("an unknown count of a loop hits the bound", () => {
    // mov rax, [unread]; dec rax; jnz -5; ret
    const code = [0x48, 0xa1, ...address(DATA + 4 * PAGE), 0x48, 0xff, 0xc8, 0x75, 0xfb, 0xc3];
    expect(stopOf(machine(code, { steps: 100_000, forks: 100, depth: 10 }))).toBe("forks");
  });

  it("a way that stops takes the whole run with it", () => {
    expect(stopOf(machine([...TEST_UNREAD, 0x74, 2, 0x0f, 0x0b, 0xc3]))).toBe("halt");
  });
});

describe("registers of the host", () => {
  it("an RDMSR that nobody read is followed as a value and as a fault", () => {
    // mov ecx, 0x48b; rdmsr; xor esi, esi; ret; fixup: mov esi, 1; ret
    const code = [0xb9, 0x8b, 4, 0, 0, 0x0f, 0x32, 0x31, 0xf6, 0xc3, 0xbe, 1, 0, 0, 0, 0xc3];
    const runner = machine(code, LIMITS, {
      fault: (_kind, _at, m) => {
        m.jumpTo(CODE + 10);
        return true;
      },
    });
    expect(stopOf(runner)).toBeUndefined();
    expect([runner.r[12], runner.u[12]]).toEqual([0, 1]);
    expect(runner.u[0]).toBe(-1);
  });

  it("one that faults with nobody to catch it stops", () => {
    const code = [0xb9, 0x8b, 4, 0, 0, 0x0f, 0x32, 0xc3];
    expect(stopOf(machine(code, LIMITS, { rdmsr: () => ({ kind: "fault" }) }))).toBe("fault");
  });
});

describe("a function whose result is watched", () => {
  const watched = () => new Map([[CODE, (m: Machine, frame: Frame) => (m as Runner).finishCall(frame)]]);

  it.each([
    ["jumps back to its first instruction for ever", "steps", [0xeb, 0xfe]],
    ["calls itself for ever", "calls", [0x90, 0xe8, 0xfa, 0xff, 0xff, 0xff]],
  ])("and that %s stops", (_what, kind, code) => {
    expect(stopOf(machine(code, { ...LIMITS, steps: 100_000 }, {}, watched()))).toBe(kind);
  });
});
