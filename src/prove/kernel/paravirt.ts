import { REG } from "../machine/cpu.js";
import type { Machine } from "../machine/op.js";
import { MachineStop } from "../machine/stop.js";
import { kernelOf } from "./kernel-side.js";

/*
 * Operations of `pv_ops` as they are on bare metal. Those without a row are reported when they are reached.
 */

type Does = (m: Machine, valueByPointer: boolean) => void;

function msrIndex(m: Machine): number {
  if ((m.u[2 * REG.rdi] ?? 0) !== 0)
    throw new MachineStop("unknown-address", "which register is read depends on unknown bits");
  return (m.r[2 * REG.rdi] ?? 0) >>> 0;
}

function readMsr(m: Machine, safe: boolean): { fault: boolean | undefined } {
  const read = kernelOf(m).readMsr(msrIndex(m), safe);
  if (read.kind === "value") {
    m.put(REG.rax, read.hi, read.lo, read.uhi, read.ulo);
    return { fault: false };
  }
  // A fault gives 0; an unread register may fault or hold anything, including 0.
  if (read.kind === "fault") m.set(REG.rax, 0, 0);
  else m.put(REG.rax, 0, 0, -1, -1);
  return { fault: read.kind === "fault" ? true : undefined };
}

const FLAGS_IF = 0x200;

function interrupts(on: 0 | 1): Does {
  return (m) => {
    m.if = on;
  };
}

function control(name: string): Does {
  return (m) => {
    const read = m.env.control(name, m);
    if (read.kind === "value") m.put(REG.rax, read.hi, read.lo, read.uhi, read.ulo);
    else m.put(REG.rax, 0, 0, -1, -1);
  };
}

const nothing: Does = () => {};

const ONE_CPU = "one CPU, no hypervisor: nothing to do";

export const PARAVIRT: { readonly [operation: string]: { readonly does: Does; readonly why: string } } = {
  read_msr: { does: (m) => void readMsr(m, false), why: "the host's register; 0 and a message where it faults" },
  read_msr_safe: {
    does: (m, valueByPointer) => {
      const { fault } = readMsr(m, true);
      const error = fault === true ? -5 : 0;
      const mask = fault === undefined ? -5 : 0;
      m.load64(REG.rsi);
      const { lo, hi } = m;
      if (valueByPointer) {
        m.load64(REG.rax);
        m.mem.store(8, hi, lo, m.lo, m.hi, m.ulo, m.uhi);
        m.put(REG.rax, 0, error, 0, mask);
      } else m.mem.store(4, hi, lo, error, 0, mask, 0);
    },
    why: "the host's register, or an error where it faults",
  },
  write_msr: { does: write, why: "recorded" },
  write_msr_safe: {
    does: (m) => {
      write(m);
      m.set(REG.rax, 0, 0);
    },
    why: "recorded; succeeds",
  },
  cpuid: {
    does: (m) => {
      const pointers = [REG.rdi, REG.rsi, REG.rdx, REG.rcx];
      const at = pointers.map((register) => [m.r[2 * register + 1] ?? 0, m.r[2 * register] ?? 0] as const);
      const read = (index: number) => {
        const [hi, lo] = at[index] ?? [0, 0];
        m.mem.load(4, hi, lo);
        return m.mem.ulo === 0 ? m.mem.lo >>> 0 : -1;
      };
      const leaf = read(0);
      if (leaf === -1) throw new MachineStop("unknown-address", "the leaf of CPUID depends on unknown bits");
      for (const [index, half] of m.env.cpuid(leaf, read(2), m).entries()) {
        const [hi, lo] = at[index] ?? [0, 0];
        m.mem.store(4, hi, lo, half.value, 0, half.unknown, 0);
      }
    },
    why: "the host's CPUID",
  },
  read_cr0: { does: control("cr0"), why: "the host's register" },
  read_cr2: { does: control("cr2"), why: "the host's register" },
  read_cr3: { does: control("cr3"), why: "the host's register" },
  read_cr4: { does: control("cr4"), why: "the host's register" },
  save_fl: {
    does: (m) => m.put(REG.rax, 0, m.if === 1 ? FLAGS_IF : 0, 0, m.if === 2 ? FLAGS_IF : 0),
    why: "whether interrupts are on, as the code before set it",
  },
  irq_disable: { does: interrupts(0), why: "there are none; whether they are on is kept" },
  irq_enable: { does: interrupts(1), why: "there are none; whether they are on is kept" },
  restore_fl: { does: nothing, why: ONE_CPU },
  queued_spin_lock_slowpath: { does: nothing, why: ONE_CPU },
  queued_spin_unlock: { does: nothing, why: ONE_CPU },
  vcpu_is_preempted: { does: (m) => m.set(REG.rax, 0, 0), why: ONE_CPU },
  wait: { does: nothing, why: ONE_CPU },
  kick: { does: nothing, why: ONE_CPU },
  write_cr0: { does: nothing, why: "nothing that is reported depends on what is written" },
  write_cr4: { does: nothing, why: "nothing that is reported depends on what is written" },
};

function write(m: Machine): void {
  const index = msrIndex(m);
  m.load64(REG.rsi);
  m.env.wrmsr(index, m);
}
