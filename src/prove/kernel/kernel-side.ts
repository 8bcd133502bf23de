import type { Environment, Half, HostRead, Machine } from "../machine/op.js";
import type { Runner } from "../machine/run.js";
import { addressText } from "../machine/stop.js";
import type { Heap } from "./heap.js";
import { newHeap } from "./heap.js";
import type { HostFacts } from "./host-facts.js";
import type { RunImage } from "./image.js";
import { emptyLog, type Log } from "./log.js";

/** The kernel and the host around one run: what calls and privileged instructions are answered from. */
export interface KernelSide extends Environment {
  readonly image: RunImage;
  readonly facts: HostFacts;
  heap: Heap;
  log: Log;
  /** Text of the warning that comes next. */
  warnText: string | undefined;
  /** Imports that were reached, by name, with how often. */
  readonly reached: Map<string, number>;
  /** What was reached and no row of the tables answers, by name, with what it was. */
  readonly unlisted: Map<string, string>;
  /** Whether what happens now is sure to happen. */
  certain(): boolean;
  report(name: string, what: string): void;
  /** Calls the function in one register with the value of another. */
  call(m: Machine, functionRegister: number, argumentRegister: number): void;
  pmuCapability(m: Machine, hi: number, lo: number): void;
  vendorInit(m: Machine): void;
  /** A read of an MSR by a function of the kernel, which logs it; the value with unknown bits, or a fault. */
  readMsr(index: number, safe: boolean): HostRead;
  /** Sets which machine runs; what happens inside its forks is not certain. */
  attach(runner: Runner): void;
  runnerOf(m: Machine): Runner;
  /** Results of the calls of the functions that are watched, in order. */
  readonly calls: WatchedCall[];
}

/** A call of a function whose result is an output: what it read and what it returned. */
export interface WatchedCall {
  readonly name: string;
  /** Number of reads of MSRs before it and after it. */
  readonly from: number;
  to: number;
  /** EAX, once it has returned. */
  result: Half | undefined;
  readonly certain: boolean;
}

const UNREAD: HostRead = { kind: "unknown" };

export function kernelSide(image: RunImage, facts: HostFacts): KernelSide {
  let runner: Runner | undefined;
  const log = emptyLog();
  const asRunner = (m: Machine): Runner => {
    runner ??= m as Runner;
    return runner;
  };
  const certain = () => (runner?.depth ?? 0) === 0;
  const noteFault = (index: number, sure: boolean) => {
    if (side.log.unchecked.some((entry) => entry.index === index && (entry.certain || !sure))) return;
    // The kernel complains of the first one since boot only.
    if (side.log.unchecked.length === 0 && facts.complained !== true)
      side.log.messages.push({
        level: 4,
        text: `unchecked MSR access error: RDMSR from 0x${index.toString(16)}`,
        certain: sure,
      });
    side.log.unchecked.push({ index, certain: sure });
  };
  const side: KernelSide = {
    image,
    facts,
    heap: newHeap(),
    log,
    warnText: undefined,
    reached: new Map(),
    unlisted: new Map(),
    calls: [],
    certain,
    report: (name, what) => {
      if (!side.unlisted.has(name)) side.unlisted.set(name, what);
    },
    call(m, functionRegister, argumentRegister) {
      m.load64(functionRegister);
      const entry = m.codeAddress();
      const i = 2 * argumentRegister;
      m.put(7, m.r[i + 1] ?? 0, m.r[i] ?? 0, m.u[i + 1] ?? 0, m.u[i] ?? 0);
      // Another CPU's interrupt would run it, with interrupts off.
      const before = m.if;
      m.if = 0;
      asRunner(m).callPrepared(entry);
      m.if = before;
    },
    pmuCapability(m, hi, lo) {
      const { pmu } = image.types;
      if (pmu === undefined) {
        side.report("perf_get_x86_pmu_capability", "fills a structure that the types do not have");
        return;
      }
      for (let i = 0; i < pmu.size; i++) m.mem.store(1, hi, (lo + i) | 0, 0, 0, facts.pmu === false ? 0 : 0xff, 0);
      if (facts.pmu !== true) return;
      // Version 2 with the four counters that every such processor has at least; the rest is not looked at for VMX.
      for (const { offset, size, value } of pmu.present) m.mem.store(size, hi, (lo + offset) | 0, value, 0, 0, 0);
    },
    vendorInit(m) {
      image.vendorInit(asRunner(m));
    },
    readMsr(index, safe) {
      const read = facts.rdmsr(index);
      side.log.rdmsr.push({ index, safe, certain: certain() });
      if (!safe && read.kind !== "value") noteFault(index, certain() && read.kind === "fault");
      return read;
    },
    rdmsr(index, m) {
      const safe = image.exceptions.get(at(m))?.safe === true;
      side.log.rdmsr.push({ index, safe, certain: certain() });
      return facts.rdmsr(index);
    },
    wrmsr(index, m) {
      side.log.wrmsr.push({ index, lo: m.lo, hi: m.hi, certain: certain() });
      return true;
    },
    cpuid: (leaf, subleaf) => facts.cpuid(leaf, subleaf),
    control: (name) => (name === "tsc" ? UNREAD : facts.control(name)),
    setControl: () => {},
    fault(kind, where, m) {
      if (kind === "ud") {
        const bug = image.bugs.get(where);
        if (bug === undefined || !bug.warning) return false;
        const holder = image.nameOf(where)?.name ?? addressText(-1, where);
        side.log.warnings.push({
          function: holder,
          once: bug.once,
          ...(side.warnText === undefined ? {} : { text: side.warnText }),
          certain: certain(),
        });
        side.warnText = undefined;
        return true;
      }
      const exception = kind === "gp" ? image.exceptions.get(where) : undefined;
      if (exception === undefined) return false;
      const index = m.r[2] ?? 0;
      if (exception.reads) {
        m.set(0, 0, 0);
        m.set(2, 0, 0);
        if (!exception.safe) noteFault(index >>> 0, certain());
      }
      if (exception.errorRegister !== undefined) m.set(exception.errorRegister, 0, -5);
      m.jumpTo(exception.fixup);
      return true;
    },
    runnerOf: (m) => asRunner(m),
    attach: (to) => {
      runner = to;
    },
    mark: () => ({ ...side.heap }),
    rewind(mark) {
      const first = side.heap;
      side.heap = { ...(mark as Heap) };
      return first;
    },
    settle(first) {
      const other = first as Heap;
      for (const range of ["zeroed", "unknown", "perCpu"] as const)
        side.heap[range] = Math.max(side.heap[range], other[range]);
    },
  };
  return side;
}

/** The address of the instruction at work: two bytes before the next one, for those that ask. */
function at(m: Machine): number {
  return m.rip - 2;
}

/** The kernel side of a machine. Throws when the machine has none: a mistake of ours. */
export function kernelOf(m: Machine): KernelSide {
  return m.env as KernelSide;
}
