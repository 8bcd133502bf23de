/*
 * Writes texts in the formats that readers know, from registers of which everything is known: what a tool would have
 * printed on such a CPU. Reading them back must never contradict the registers.
 */
import { formatU64, testBit, type U64 } from "../../src/bits/u64.js";
import { REGISTERS, type RegisterRow, registerOf } from "../../src/registers/registers.js";

/** Registers by index; one that is missing faults. */
export type Registers = ReadonlyMap<number, U64>;

const ZERO: U64 = { hi: 0, lo: 0 };

function hex(value: number): string {
  return (value >>> 0).toString(16);
}

const VMXCAP_GROUPS: readonly {
  title: string;
  index: number;
  kind: "bits" | "controls" | "allowed1";
  trueIndex?: number;
  fields?: readonly (readonly [string, number, number])[];
}[] = [
  {
    title: "Basic VMX Information",
    index: 0x480,
    kind: "bits",
    fields: [
      ["Revision", 0, 30],
      ["VMCS size", 32, 44],
      ["VMCS memory type", 50, 53],
    ],
  },
  { title: "pin-based controls", index: 0x481, kind: "controls", trueIndex: 0x48d },
  { title: "primary processor-based controls", index: 0x482, kind: "controls", trueIndex: 0x48e },
  { title: "secondary processor-based controls", index: 0x48b, kind: "controls" },
  { title: "tertiary processor-based controls", index: 0x492, kind: "allowed1" },
  { title: "VM-Exit controls", index: 0x483, kind: "controls", trueIndex: 0x48f },
  { title: "VM-Entry controls", index: 0x484, kind: "controls", trueIndex: 0x490 },
  {
    title: "Miscellaneous data",
    index: 0x485,
    kind: "bits",
    fields: [
      ["VMX-preemption timer scale (log2)", 0, 4],
      ["Number of CR3-target values", 16, 24],
      ["MSR-load/store count recommendation", 25, 27],
      ["MSEG revision identifier", 32, 63],
    ],
  },
  { title: "VPID and EPT capabilities", index: 0x48c, kind: "bits" },
  { title: "VM Functions", index: 0x491, kind: "bits" },
];

/** QEMU's vmxcap; `hex` as since 2020. A register that faults counts as 0, as the script has it. */
export function vmxcapText(msrs: Registers, withHex: boolean): string {
  const lines: string[] = [];
  const print = (label: string, state: string | number): void => {
    lines.push(`  ${label.padEnd(40)} ${state}`);
  };
  for (const group of VMXCAP_GROUPS) {
    const value = msrs.get(group.index) ?? ZERO;
    const trueValue = group.trueIndex === undefined ? ZERO : (msrs.get(group.trueIndex) ?? ZERO);
    const rows = (registerOf(group.index) as RegisterRow).bits.filter((row) => row.vmxcap !== undefined);
    lines.push(group.title);
    if (group.kind === "bits" && withHex) lines.push(`  Hex: ${formatU64(value)}`);
    const entries = [
      ...rows.map((row) => ({ at: row.bit, label: row.vmxcap as string, field: undefined })),
      ...(group.fields ?? []).map(([label, low, high]) => ({ at: low, label, field: high })),
    ].sort((a, b) => a.at - b.at);
    for (const { at, label, field } of entries) {
      if (field !== undefined) {
        let number = 0;
        for (let bit = field; bit >= at; bit--) number = number * 2 + (testBit(value, bit) ? 1 : 0);
        print(label, number);
      } else if (group.kind !== "controls") print(label, testBit(value, at) ? "yes" : "no");
      else {
        const [must, may] = [testBit(value, at), testBit(value, at + 32)];
        const free = group.trueIndex !== undefined && !testBit(trueValue, at) && testBit(trueValue, at + 32);
        const state = free && must && may ? "default" : may ? (must ? "forced" : "yes") : must ? "?" : "no";
        print(label, state);
      }
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Numbers of 0x48a and above stand behind the names in the order of VirtualBox. */
const VBOX_ORDER = [
  0x3a, 0x480, 0x481, 0x482, 0x48b, 0x484, 0x483, 0x48d, 0x48e, 0x490, 0x48f, 0x485, 0x48a, 0x48c, 0x491, 0x486, 0x487,
  0x488, 0x489,
];

export function vboxText(msrs: Registers): string {
  const lines = ["00:00:04.809255 HM: Using VT-x implementation 3.0", "00:00:04.809259 HM: Host CR4 = 0x370678"];
  for (const index of VBOX_ORDER) {
    const name = registerOf(index)?.sdm;
    lines.push(
      `00:00:04.809${String(index).padStart(4, "0")} HM: ${`MSR_${name}`.padEnd(34)}= ${formatU64(msrs.get(index) ?? ZERO)}`,
    );
    lines.push("00:00:04.809300 HM:   LOCK", "00:00:04.809301 HM:   SOME_BIT (must be cleared)");
  }
  return `${lines.map((line) => line.replace(/^(\S+\.\d{6})\d/, "$1")).join("\n")}\n`;
}

export function freebsdText(msrs: Registers): string {
  const basic = msrs.get(0x480) ?? ZERO;
  const isTrue = testBit(basic, 55);
  const upper = (plain: number, other: number): string => hex((msrs.get(isTrue ? other : plain) ?? ZERO).hi);
  const secondary = testBit(msrs.get(0x482) ?? ZERO, 63);
  const caps = msrs.get(0x48c);
  return [
    `  VT-x: ${testBit(msrs.get(0x3a) ?? ZERO, 2) ? "" : "(disabled in BIOS) "}Basic Features=0x${hex(basic.hi)}<SMM,INS/OUTS,TRUE>`,
    `        Pin-Based Controls=0x${upper(0x481, 0x48d)}<ExtINT,NMI,VNMI,PreTmr>`,
    `        Primary Processor Controls=0x${upper(0x482, 0x48e)}<INTWIN,TSCOff,HLT,INVLPG,MWAIT,RDPMC,RDTSC>`,
    ...(secondary ? [`        Secondary Processor Controls=0x${upper(0x48b, 0x48b)}<APIC,EPT,DT,EPT#VE,XSAVES>`] : []),
    `        Exit Controls=0x${hex(basic.hi)}<PAT-LD,EFER-SV,PTMR-SV>`,
    `        Entry Controls=0x${hex(basic.hi)}`,
    ...(caps === undefined || !secondary
      ? []
      : [
          `        EPT Features=0x${hex(caps.lo)}<XO,PW4,UC,WB,2M,1G,INVEPT,AD,single,all>`,
          `        VPID Features=0x${hex(caps.hi)}<INVVPID,individual,single,all,single-globals>`,
        ]),
    "  TSC: P-state invariant, performance statistics",
    "",
  ].join("\n");
}

export function freebsdShortText(msrs: Registers): string {
  const may = (index: number, bit: number): boolean => testBit(msrs.get(index) ?? ZERO, 32 + bit);
  const names = [
    ...(may(0x483, 18) && may(0x483, 19) && may(0x484, 14) ? ["PAT"] : []),
    ...(may(0x482, 7) ? ["HLT"] : []),
    ...(may(0x482, 27) ? ["MTF"] : []),
    ...(may(0x482, 30) ? ["PAUSE"] : []),
    ...(may(0x48b, 1) ? ["EPT"] : []),
    ...(may(0x48b, 7) ? ["UG"] : []),
    ...(may(0x48b, 5) ? ["VPID"] : []),
  ];
  const vid = may(0x482, 21) && [0, 4, 8, 9].every((bit) => may(0x48b, bit));
  if (vid) names.push("VID", ...(may(0x481, 7) ? ["PostIntr"] : []));
  return `  VT-x: ${testBit(msrs.get(0x3a) ?? ZERO, 2) ? "" : "(disabled in BIOS) "}${names.join(",")}\n`;
}

export function haxmText(msrs: Registers): string {
  const isTrue = testBit(msrs.get(0x480) ?? ZERO, 55);
  const at = (index: number): U64 => msrs.get(index) ?? ZERO;
  const pair = (label: string, plain: number, other: number): string => {
    const { hi, lo } = at(isTrue ? other : plain);
    // Reserved must-be-1 bits of the plain register are put in; bit 1 stands for them here.
    return `haxm_info: VMX ${label.padEnd(17)}: 0x${hex(lo | (at(plain).lo & 0x2)).toUpperCase()}, 0x${hex(hi).toUpperCase()}`;
  };
  const whole = (label: string, index: number): string => {
    const { hi, lo } = at(index);
    return `haxm_info: VMX ${label.padEnd(17)}: 0x${(hex(hi).padStart(8, "0") + hex(lo).padStart(8, "0")).toUpperCase()}`;
  };
  const plain = (index: number): string => formatU64(at(index)).slice(2).toUpperCase();
  return [
    `haxm_info: fc_msr ${hex(at(0x3a).lo)}`,
    whole("basic info", 0x480),
    whole("misc info", 0x485),
    `haxm_info: VMX revision control : ${at(0x480).lo}`,
    pair("exit ctls", 0x483, 0x48f),
    pair("entry ctls", 0x484, 0x490),
    pair("pin ctls", 0x481, 0x48d),
    pair("cpu prim ctrls", 0x482, 0x48e),
    pair("cpu sec ctrl", 0x48b, 0x48b),
    `haxm_info: VMX fixed CR0 bits   : 0x${plain(0x486)}, ${plain(0x487)}`,
    `haxm_info: VMX fixed CR4 bits   : 0x${plain(0x488)}, ${plain(0x489)}`,
    whole("EPT/VPID caps", 0x48c),
    "haxm_info: ready.",
    "",
  ].join("\n");
}

const CAN_SET = [
  ["Pinbased", 0x481],
  ["Primary Processor based", 0x482],
  ["Procbased2", 0x48b],
  ["Exit", 0x483],
  ["Entry", 0x484],
] as const;

export function canSetText(msrs: Registers): string {
  const lines = ["[   56.147766] CMPE 283 Assignment 1 Module Start"];
  for (const [title, index] of CAN_SET) {
    const value = msrs.get(index) ?? ZERO;
    lines.push(`[   56.147768] ${title} Controls MSR: ${formatU64(value)}`);
    for (const row of registerOf(index)?.bits ?? []) {
      const [set, clear] = [testBit(value, row.bit + 32), !testBit(value, row.bit)];
      lines.push(`[   56.147769]   ${row.sdm}: Can set=${set ? "Yes" : "No"}, Can clear=${clear ? "Yes" : "No"}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

export function msrListText(msrs: Registers): string {
  const lines = REGISTERS.map(({ index, sdm: name }) => {
    const value = msrs.get(index);
    return `cpu0 msr 0x${hex(index).padStart(8, "0")} ${name} ${value === undefined ? ": EIO" : `= 0x${hex(value.hi).padStart(8, "0")}${hex(value.lo).padStart(8, "0")}`}`;
  });
  return `${lines.join("\n")}\n`;
}

export function turbostatText(msrs: Registers): string {
  const { lo } = msrs.get(0x3a) ?? ZERO;
  const locked = `${lo & 1 ? "" : "UN-"}Locked${lo & (1 << 18) ? " SGX" : ""}`;
  return `cpu0: MSR_IA32_FEATURE_CONTROL: 0x${hex(lo).padStart(8, "0")} (${locked})\n[*] cpu0: IA32_Feature_Control Lock = ${lo & 1}\n`;
}

/** Lines of KVM_GET_MSRS. */
export function featureMsrText(nested: Registers): string {
  const wide = ({ hi, lo }: U64): string => hex(hi).padStart(8, "0") + hex(lo).padStart(8, "0");
  return [...nested]
    .map(([index, value]) => `feature msr 0x${hex(index).padStart(8, "0")} = 0x${wide(value)}\n`)
    .join("");
}

export function kvmJsonText(nested: Registers): string {
  const entries = [...nested].map(([index, { hi, lo }]) => ({ index, data: String((BigInt(hi) << 32n) | BigInt(lo)) }));
  return `${JSON.stringify({ nmsrs: entries.length, entries }, undefined, 2).replace(/"data": "(\d+)"/g, '"data": $1')}\n`;
}

/** What QEMU's host model says of what KVM offers (kvm_arch_get_supported_msr_feature). */
export function qmpText(nested: Registers): string {
  const props: { [name: string]: boolean } = {};
  for (const register of REGISTERS as readonly RegisterRow[]) {
    if (register.isTrue === true || register.layout === "fixed0" || register.layout === "fixed1") continue;
    const control = register.layout === "controls";
    const value = nested.get((control ? register.counterpart : undefined) ?? register.index) ?? ZERO;
    for (const row of register.bits) {
      if (row.qemu === undefined) continue;
      const yes = control ? testBit(value, row.bit + 32) && !testBit(value, row.bit) : testBit(value, row.bit);
      props[row.qemu] = (props[row.qemu] ?? true) && yes;
    }
  }
  const reply = {
    return: { model: { name: "base", props: { "phys-bits": 0, vmx: true, ...props, hypervisor: true } } },
  };
  const definitions = {
    return: [
      { name: "host", typename: "host-x86_64-cpu", "unavailable-features": [] },
      {
        "unavailable-features": Object.keys(props).filter(
          (name) => props[name] === false && !name.includes("single-context"),
        ),
        name: "Cooperlake",
      },
    ],
    id: "libvirt-2",
  };
  return `${JSON.stringify(reply, undefined, 2)}\n\n${JSON.stringify(definitions, undefined, 2)}\n`;
}

/** libvirt's masks of what QEMU enabled; control words in the half of the given libvirt. */
export function libvirtText(nested: Registers, half: "eax" | "edx"): string {
  const lines = ["<!-- Features enabled by QEMU -->", "<cpudata arch='x86'>"];
  const word = (value: number): string => `0x${hex(value).padStart(8, "0")}`;
  for (const index of [0x480, 0x485, 0x48b, 0x48c, 0x48d, 0x48e, 0x48f, 0x490, 0x491]) {
    const value = nested.get(index) ?? ZERO;
    const control = index === 0x48b || (index >= 0x48d && index <= 0x490);
    const register = REGISTERS.find((row) => row.index === index) as RegisterRow;
    let [hi, lo] = [0, 0];
    for (const row of register.bits) {
      if (row.libvirt === undefined || row.qemu === undefined || (index === 0x48c && row.bit === 41)) continue;
      const bit = control ? row.bit + 32 : row.bit;
      if (!testBit(value, bit) || (control && testBit(value, row.bit))) continue;
      if (bit < 32) lo |= 1 << bit;
      else hi |= 1 << (bit - 32);
    }
    const [edx, eax] = control && half === "eax" ? [0, hi] : [hi, lo];
    lines.push(`  <msr index='0x${hex(index)}' edx='${word(edx)}' eax='${word(eax)}'/>`);
  }
  return `${lines.join("\n")}\n</cpudata>\n`;
}
