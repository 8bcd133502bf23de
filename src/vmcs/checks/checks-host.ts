import { HOST_LA57 } from "../../kvm/changes.js";
import { releaseOf } from "../../rules/held.js";
import type { FieldKey } from "../fields/fields.js";
import { type Check, type CheckSpec, checksOf } from "./check-row.js";
import {
  ALWAYS,
  all,
  andOf,
  any,
  type Bool,
  bit,
  canonical,
  control,
  fact,
  field,
  fitsPhysical,
  inverse,
  msr,
  type Num,
  not,
  onlyBits,
  patTypes,
  reserved,
  slice,
  zero,
} from "./expr.js";

export const CR0_FIXED0 = 0x486;
export const CR0_FIXED1 = 0x487;
export const CR4_FIXED0 = 0x488;
export const CR4_FIXED1 = 0x489;
/** Every CR0 bit but NW (29) and CD (30), which the checks leave alone. */
export const checkedCr0 = (of: Num) => onlyBits(of, [28, 0], [63, 31]);

const HOST_CAUSE =
  "The hypervisor filled the host area from stale values: it is read again at the next VM exit, so it must describe the hypervisor itself.";

/** Both conditions equal: the two bits agree. */
export function sameBit(a: Bool, b: Bool): Bool {
  return any(all(a, b), all(not(a), not(b)));
}

/** CR3 without bits above the width; bits 62:61 are LAM controls where the CPU has LAM, bit 63 is always 0. */
export function cr3Fits(key: FieldKey): Bool {
  return all(
    not(bit(field(key), 63)),
    any(zero(slice(field(key), 62, 61)), fact("lam")),
    fitsPhysical(onlyBits(field(key), [60, 0])),
  );
}

/** Reserved bits 2, 5:4 and 11 of IA32_FRED_CONFIG. */
export function fredConfigReserved(key: FieldKey): Bool {
  return zero(onlyBits(field(key), 2, [5, 4], 11));
}

/** FRED stack pointers: alignment and canonical form of one register. */
export function fredStacks(area: "host" | "guest", when: Bool): readonly CheckSpec[] {
  const rows: CheckSpec[] = [];
  for (const [kind, low, bytes] of [
    ["rsp", 5, 64],
    ["ssp", 2, 8],
  ] as const) {
    for (const n of [1, 2, 3] as const) {
      const value = field(`${area}.fred_${kind}${n}`);
      const name = `${area} IA32_FRED_${kind.toUpperCase()}${n}`;
      rows.push(
        {
          id: `${area}.fred_${kind}${n}.align`,
          when,
          rule: zero(slice(value, low, 0)),
          text: `The ${name} field must be aligned to ${bytes} bytes.`,
        },
        {
          id: `${area}.fred_${kind}${n}.canonical`,
          when,
          rule: canonical(value),
          text: `The ${name} field must be canonical for the widest linear address of the CPU.`,
        },
      );
    }
  }
  return rows;
}

const loadFred = control("exit2.LOAD_IA32_FRED");
const loadCet = control("exit.LOAD_CET_STATE");
const host64 = control("exit.HOST_ADDR_SPACE_SIZE");
const intel64 = fact("intel64");

function canonicalHost(id: string, key: FieldKey, name: string): CheckSpec {
  return {
    id: `host.${id}.canonical`,
    when: intel64,
    rule: canonical(field(key)),
    text: `The host ${name} must be canonical.`,
    cause: HOST_CAUSE,
  };
}

const REGISTERS: readonly CheckSpec[] = [
  {
    id: "host.cr0.fixed0",
    when: ALWAYS,
    rule: zero(checkedCr0(andOf(msr(CR0_FIXED0), inverse(field("host.cr0"))))),
    text: "Host CR0 must have every bit that IA32_VMX_CR0_FIXED0 has, NW and CD apart.",
    cause: HOST_CAUSE,
  },
  {
    id: "host.cr0.fixed1",
    when: ALWAYS,
    rule: zero(checkedCr0(andOf(field("host.cr0"), inverse(msr(CR0_FIXED1))))),
    text: "Host CR0 must not have a bit that IA32_VMX_CR0_FIXED1 lacks, NW and CD apart.",
    cause: HOST_CAUSE,
  },
  {
    id: "host.cr4.fixed0",
    when: ALWAYS,
    rule: zero(andOf(msr(CR4_FIXED0), inverse(field("host.cr4")))),
    text: "Host CR4 must have every bit that IA32_VMX_CR4_FIXED0 has (VMXE).",
    cause: HOST_CAUSE,
  },
  {
    id: "host.cr4.fixed1",
    when: ALWAYS,
    rule: zero(andOf(field("host.cr4"), inverse(msr(CR4_FIXED1)))),
    text: "Host CR4 must not have a bit that IA32_VMX_CR4_FIXED1 lacks.",
    cause: HOST_CAUSE,
  },
  {
    id: "host.cr4.cet_requires_wp",
    when: bit(field("host.cr4"), 23),
    rule: bit(field("host.cr0"), 16),
    text: "Host CR4.CET needs host CR0.WP.",
    note: "Bochs tests it only while the exit loads CET state; the text has no such condition.",
  },
  {
    id: "host.cr3.width",
    when: ALWAYS,
    rule: cr3Fits("host.cr3"),
    text: "Host CR3 must fit the physical-address width, LAM bits 62:61 apart; bit 63 must be 0.",
    cause: "CR3 was written with the no-flush bit 63 of a PCID switch.",
  },
  canonicalHost("sysenter_esp", "host.sysenter_esp", "IA32_SYSENTER_ESP"),
  canonicalHost("sysenter_eip", "host.sysenter_eip", "IA32_SYSENTER_EIP"),
  {
    id: "host.perf_global_ctrl.reserved",
    when: control("exit.LOAD_IA32_PERF_GLOBAL_CTRL"),
    rule: zero(andOf(field("host.perf_global_ctrl"), reserved("IA32_PERF_GLOBAL_CTRL"))),
    text: "Host IA32_PERF_GLOBAL_CTRL must not enable a counter that the CPU lacks.",
  },
  {
    id: "host.pat.type",
    when: control("exit.LOAD_IA32_PAT"),
    rule: patTypes(field("host.pat")),
    text: "Every byte of host IA32_PAT must be 0, 1, 4, 5, 6 or 7.",
  },
  {
    id: "host.efer.reserved",
    when: control("exit.LOAD_IA32_EFER"),
    rule: zero(andOf(field("host.efer"), reserved("IA32_EFER"))),
    text: "Host IA32_EFER must have no reserved bit.",
  },
  {
    id: "host.efer.lma",
    when: control("exit.LOAD_IA32_EFER"),
    rule: sameBit(bit(field("host.efer"), 10), host64),
    text: "Host IA32_EFER.LMA must equal the control host address-space size.",
  },
  {
    id: "host.efer.lme",
    when: control("exit.LOAD_IA32_EFER"),
    rule: sameBit(bit(field("host.efer"), 8), host64),
    text: "Host IA32_EFER.LME must equal the control host address-space size.",
  },
  {
    id: "host.s_cet.reserved",
    when: loadCet,
    rule: zero(slice(field("host.s_cet"), 9, 6)),
    text: "Bits 9:6 of host IA32_S_CET must be 0.",
  },
  {
    id: "host.s_cet.suppress_tracker",
    when: loadCet,
    rule: not(all(bit(field("host.s_cet"), 10), bit(field("host.s_cet"), 11))),
    text: "Host IA32_S_CET cannot have SUPPRESS (10) and TRACKER (11) both set.",
  },
  {
    id: "host.ssp.align",
    when: loadCet,
    rule: zero(slice(field("host.ssp"), 1, 0)),
    text: "Host SSP must be aligned to 4 bytes.",
  },
  {
    id: "host.pkrs.hi32",
    when: control("exit.LOAD_PKRS"),
    rule: zero(slice(field("host.pkrs"), 63, 32)),
    text: "Bits 63:32 of host IA32_PKRS must be 0.",
  },
  {
    id: "host.fred_config.reserved",
    when: loadFred,
    rule: fredConfigReserved("host.fred_config"),
    text: "Bits 11, 5:4 and 2 of host IA32_FRED_CONFIG must be 0.",
  },
  {
    id: "host.fred_config.canonical",
    when: loadFred,
    rule: canonical(field("host.fred_config")),
    text: "Host IA32_FRED_CONFIG must be canonical for the widest linear address of the CPU.",
  },
  ...fredStacks("host", loadFred),
  {
    id: "host.spec_ctrl.reserved",
    when: control("exit2.LOAD_IA32_SPEC_CTRL"),
    rule: zero(andOf(field("host.spec_ctrl"), reserved("IA32_SPEC_CTRL"))),
    text: "Host IA32_SPEC_CTRL must have no reserved bit.",
  },
];

const SELECTORS = ["es", "cs", "ss", "ds", "fs", "gs", "tr"] as const;

const SEGMENTS: readonly CheckSpec[] = [
  ...SELECTORS.map(
    (seg): CheckSpec => ({
      id: `host.${seg}.rpl_ti`,
      when: ALWAYS,
      rule: zero(slice(field(`host.${seg}.sel`), 2, 0)),
      text: `RPL and TI of the host ${seg.toUpperCase()} selector must be 0.`,
      cause: "A user-mode selector (RPL 3) was taken over; Linux zeroes DS, ES, FS and GS for this reason.",
    }),
  ),
  {
    id: "host.cs.null",
    when: ALWAYS,
    rule: not(zero(field("host.cs.sel"))),
    text: "The host CS selector must not be 0.",
    cause: HOST_CAUSE,
  },
  {
    id: "host.tr.null",
    when: ALWAYS,
    rule: not(zero(field("host.tr.sel"))),
    text: "The host TR selector must not be 0.",
    cause: "The hypervisor runs without a task register: firmware and small kernels must load one before VMLAUNCH.",
  },
  {
    id: "host.ss.null",
    when: not(host64),
    rule: not(zero(field("host.ss.sel"))),
    text: "The host SS selector must not be 0 when the exit returns to a 32-bit host.",
    cause: HOST_CAUSE,
  },
  canonicalHost("fs.base", "host.fs.base", "FS base"),
  canonicalHost("gs.base", "host.gs.base", "GS base"),
  canonicalHost("tr.base", "host.tr.base", "TR base"),
  canonicalHost("gdtr.base", "host.gdtr.base", "GDTR base"),
  canonicalHost("idtr.base", "host.idtr.base", "IDTR base"),
];

const MODE_NOTE = "The manual does not say whether error 7 or 8 follows; Bochs and KVM give 8.";
const guest64 = control("entry.IA32E_MODE");

const ADDRESS_SPACE: readonly CheckSpec[] = [
  {
    id: "addr.guest_mode.outside_ia32e",
    when: not(fact("longMode")),
    rule: not(guest64),
    text: "A processor outside IA-32e mode cannot enter a 64-bit guest.",
    note: MODE_NOTE,
  },
  {
    id: "addr.host_size.outside_ia32e",
    when: not(fact("longMode")),
    rule: not(host64),
    text: "A processor outside IA-32e mode cannot ask for a 64-bit host at VM exit.",
    note: MODE_NOTE,
  },
  {
    id: "addr.host_size.inside_ia32e",
    when: fact("longMode"),
    rule: host64,
    text: "A processor in IA-32e mode must ask for a 64-bit host at VM exit.",
    note: MODE_NOTE,
    cause: "The exit controls were set without host address-space size (bit 9) on a 64-bit hypervisor.",
  },
  {
    id: "addr.guest64_requires_host64",
    when: not(host64),
    rule: not(guest64),
    text: "A 64-bit guest needs a 64-bit host.",
    note: MODE_NOTE,
  },
  {
    id: "host.cr4.pcide_32",
    when: not(host64),
    rule: not(bit(field("host.cr4"), 17)),
    text: "A 32-bit host cannot have CR4.PCIDE.",
  },
  {
    id: "host.cr4.fred_32",
    when: not(host64),
    rule: not(bit(field("host.cr4"), 32)),
    text: "A 32-bit host cannot have CR4.FRED.",
  },
  {
    id: "host.rip.hi32",
    when: not(host64),
    rule: zero(slice(field("host.rip"), 63, 32)),
    text: "Bits 63:32 of host RIP must be 0 for a 32-bit host.",
  },
  {
    id: "host.s_cet.hi32",
    when: all(not(host64), loadCet),
    rule: zero(slice(field("host.s_cet"), 63, 32)),
    text: "Bits 63:32 of host IA32_S_CET must be 0 for a 32-bit host.",
  },
  {
    id: "host.ssp.hi32",
    when: all(not(host64), loadCet),
    rule: zero(slice(field("host.ssp"), 63, 32)),
    text: "Bits 63:32 of host SSP must be 0 for a 32-bit host.",
  },
  {
    id: "host.cr4.pae_64",
    when: host64,
    rule: bit(field("host.cr4"), 5),
    text: "A 64-bit host needs CR4.PAE.",
    cause: HOST_CAUSE,
  },
  {
    id: "host.rip.canonical",
    when: host64,
    rule: canonical(field("host.rip")),
    text: "Host RIP must be canonical.",
    cause: HOST_CAUSE,
    note: `The section says "a canonical address", which by volume 1, 3.3.7.1 depends on the bits that the CPU implements: 57 on a CPU with 5-level paging, whatever HOST_CR4.LA57 is. Nested KVM goes by HOST_CR4.LA57 since Linux ${releaseOf(HOST_LA57)}.`,
  },
  {
    id: "host.s_cet.canonical",
    when: all(host64, loadCet),
    rule: canonical(field("host.s_cet")),
    text: "Host IA32_S_CET must be canonical.",
  },
  {
    id: "host.ssp.canonical",
    when: all(host64, loadCet),
    rule: canonical(field("host.ssp")),
    text: "Host SSP must be canonical.",
  },
  {
    id: "host.ssp_table.canonical",
    when: loadCet,
    rule: canonical(field("host.ssp_table")),
    text: "The host interrupt-SSP-table address must be canonical.",
  },
  {
    id: "addr.no_intel64",
    when: not(intel64),
    rule: all(not(guest64), not(host64)),
    text: "A processor without Intel 64 has neither 64-bit guests nor a 64-bit host.",
  },
];

export const HOST_CHECKS: readonly Check[] = [
  ...checksOf("host.regs", "2.2", REGISTERS),
  ...checksOf("host.seg", "2.3", SEGMENTS),
  ...checksOf("addr", "2.4", ADDRESS_SPACE),
];
