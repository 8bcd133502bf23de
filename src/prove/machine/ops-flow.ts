import type { LowerTable } from "./decoder.js";
import { operandOf } from "./operands.js";
import { forConditions } from "./ops-move.js";
import { MachineStop } from "./stop.js";

const nothing: LowerTable[string] = () => () => {};

export const FLOW: LowerTable = {
  Nop: nothing,
  Endbr64: nothing,
  Pause: nothing,
  // Order of memory, caches and speculation: one CPU that does everything in order needs none of it.
  Lfence: nothing,
  Mfence: nothing,
  Sfence: nothing,
  Prefetcht0: nothing,
  Prefetchnta: nothing,
  Prefetchw: nothing,
  Verw: (d, i) => {
    // Only ZF is defined; the kernel uses it for what it does to buffers of the CPU.
    const from = operandOf(d, i, 0);
    return from === undefined
      ? undefined
      : (m) => m.setFlags(m.carry(), m.parity(), m.auxiliary(), 2, m.sign(), m.overflow());
  },
  Jmp: (d, i) => {
    const target = d.nearTarget(i);
    if (target !== undefined) return (m) => m.jumpTo(target);
    const to = operandOf(d, i, 0);
    if (to?.size !== 8) return undefined;
    return (m) => {
      to.get(m);
      m.jumpTo(m.codeAddress());
    };
  },
  Call: (d, i, { next }) => {
    const target = d.nearTarget(i);
    if (target !== undefined) return (m) => m.call(target, next);
    const to = operandOf(d, i, 0);
    if (to?.size !== 8) return undefined;
    return (m) => {
      to.get(m);
      m.call(m.codeAddress(), next);
    };
  },
  Ret: (_d, i) => (i.opCount === 0 ? (m) => m.ret() : undefined),
  Jrcxz: (d, i, { at }) => {
    const target = d.nearTarget(i);
    if (target === undefined) return undefined;
    return (m) => {
      m.load64(1);
      const zero = (m.lo | m.hi) !== 0 ? 0 : (m.ulo | m.uhi) === 0 ? 1 : 2;
      m.branch(zero, at, target);
    };
  },
  ...forConditions("J", (code) => (d, i, { at }) => {
    const target = d.nearTarget(i);
    return target === undefined ? undefined : (m) => m.branch(m.condition(code), at, target);
  }),
  Clc: () => (m) => m.setFlags(0, m.parity(), m.auxiliary(), m.zero(), m.sign(), m.overflow()),
  Stc: () => (m) => m.setFlags(1, m.parity(), m.auxiliary(), m.zero(), m.sign(), m.overflow()),
  Cmc: () => (m) => {
    const carry = m.carry();
    m.setFlags(carry === 2 ? 2 : carry === 1 ? 0 : 1, m.parity(), m.auxiliary(), m.zero(), m.sign(), m.overflow());
  },
  Cld: () => (m) => {
    m.df = 0;
  },
  Std: () => (m) => {
    m.df = 1;
  },
  Cli: () => (m) => {
    m.if = 0;
  },
  Sti: () => (m) => {
    m.if = 1;
  },
  // Access to user memory is allowed or not; there is none here.
  Clac: nothing,
  Stac: nothing,
  Pushfq: () => (m) => {
    m.loadFlags();
    m.push();
  },
  Popfq: () => (m) => {
    m.pop();
    m.storeFlags();
  },
  Hlt: () => () => {
    throw new MachineStop("halt", "HLT");
  },
};
