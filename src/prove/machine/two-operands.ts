import type { Access, Operand } from "./operands.js";

/** Reads both operands into `a` and `b`. The destination is read last, so that `lo` … hold it too. */
export function both(to: Operand, from: Operand): Access {
  return (m) => {
    from.get(m);
    m.blo = m.lo;
    m.bhi = m.hi;
    m.bulo = m.ulo;
    m.buhi = m.uhi;
    to.get(m);
    m.alo = m.lo;
    m.ahi = m.hi;
    m.aulo = m.ulo;
    m.auhi = m.uhi;
  };
}
