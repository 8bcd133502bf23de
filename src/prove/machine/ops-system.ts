import type { Instruction } from "iced-x86";
import type { Decoder, LowerTable } from "./decoder.js";
import type { HostRead, Machine } from "./op.js";
import { type Access, operandAddress, operandOf } from "./operands.js";
import { MachineStop } from "./stop.js";

/** Sets a 32-bit register that has unknown bits. */
function put32(m: Machine, register: number, value: number, unknown: number): void {
  m.put(register, 0, value, 0, unknown);
}

/** Splits what was read into EDX:EAX. */
function putRead(m: Machine, read: HostRead, at: number): void {
  if (read.kind === "value") {
    put32(m, 0, read.lo, read.ulo);
    put32(m, 2, read.hi, read.uhi);
    return;
  }
  if (read.kind === "fault") {
    fault(m, at, "a read of a register that does not exist");
    return;
  }
  // It may be there with any value, or fault.
  m.either(
    at,
    () => {
      put32(m, 0, 0, -1);
      put32(m, 2, 0, -1);
    },
    () => fault(m, at, "a read of a register that was not recorded, and that may not exist"),
  );
}

function fault(m: Machine, at: number, what: string): void {
  if (!m.env.fault("gp", at, m)) throw new MachineStop("fault", what);
}

function index32(m: Machine, register: number): number {
  if ((m.u[2 * register] as number) !== 0)
    throw new MachineStop("unknown-address", "which register is read depends on unknown bits");
  return (m.r[2 * register] as number) >>> 0;
}

/** A read that never faults where the kernel does it: the time stamp counter, XCR0. */
function putControl(m: Machine, name: string, at: number): void {
  const read = m.env.control(name, m);
  putRead(m, read.kind === "unknown" ? { kind: "value", lo: 0, hi: 0, ulo: -1, uhi: -1 } : read, at);
}

/** MOV to and from control and debug registers. */
export function controlMove(d: Decoder, i: Instruction): Access | undefined {
  const to = operandOf(d, i, 0);
  const from = operandOf(d, i, 1);
  const name = d.controlName(i.op0Register) ?? d.controlName(i.op1Register);
  if (name === undefined) return undefined;
  if (to !== undefined)
    return (m) => {
      const read = m.env.control(name, m);
      if (read.kind === "fault") throw new MachineStop("fault", `a read of ${name}`);
      m.lo = read.kind === "value" ? read.lo : 0;
      m.hi = read.kind === "value" ? read.hi : 0;
      m.ulo = read.kind === "value" ? read.ulo : -1;
      m.uhi = read.kind === "value" ? read.uhi : -1;
      to.set(m);
    };
  if (from === undefined) return undefined;
  return (m) => {
    from.get(m);
    m.env.setControl(name, m);
  };
}

/** SIDT and SGDT: where descriptor tables lie, which does not matter here. */
const tableRegister: LowerTable[string] = (d, i) => {
  if (i.op0Kind !== d.iced.OpKind.Memory) return undefined;
  const address = operandAddress(d, i);
  return (m) => {
    address(m);
    m.mem.store(8, m.ehi, m.elo, 0, 0, -1, -1);
    m.mem.store(2, m.ehi, (m.elo + 8) | 0, 0, 0, -1, 0);
  };
};

export const SYSTEM: LowerTable = {
  Sidt: tableRegister,
  Sgdt: tableRegister,
  Rdmsr:
    (_d, _i, { at }) =>
    (m) =>
      putRead(m, m.env.rdmsr(index32(m, 1), m), at),
  Wrmsr:
    (_d, _i, { at }) =>
    (m) => {
      const index = index32(m, 1);
      m.lo = m.r[0] as number;
      m.hi = m.r[4] as number;
      m.ulo = m.u[0] as number;
      m.uhi = m.u[4] as number;
      if (m.env.wrmsr(index, m)) return;
      fault(m, at, "a write to a register that does not exist");
    },
  Rdtsc:
    (_d, _i, { at }) =>
    (m) =>
      putControl(m, "tsc", at),
  Rdtscp:
    (_d, _i, { at }) =>
    (m) => {
      putControl(m, "tsc", at);
      put32(m, 1, 0, -1);
    },
  Xgetbv:
    (_d, _i, { at }) =>
    (m) =>
      putControl(m, `xcr${index32(m, 1)}`, at),
  Cpuid: () => (m) => {
    const leaf = index32(m, 0);
    // Most leaves have no subleaves; only the ones that do need ECX.
    const subleaf = (m.u[2] as number) === 0 ? (m.r[2] as number) >>> 0 : -1;
    const [eax, ebx, ecx, edx] = m.env.cpuid(leaf, subleaf, m);
    put32(m, 0, eax.value, eax.unknown);
    put32(m, 3, ebx.value, ebx.unknown);
    put32(m, 1, ecx.value, ecx.unknown);
    put32(m, 2, edx.value, edx.unknown);
  },
  Ud2:
    (_d, _i, { at }) =>
    (m) => {
      if (!m.env.fault("ud", at, m)) throw new MachineStop("halt", "UD2: the kernel gives up here (BUG)");
    },
  Int3:
    (_d, _i, { at }) =>
    (m) => {
      if (!m.env.fault("int3", at, m)) throw new MachineStop("halt", "INT3: code that must never be reached");
    },
};
