import { bitsOf } from "../../src/bits/word.js";
import { decodeCore } from "../../src/host/decode.js";
import { effectiveMsr } from "../../src/host/existence.js";
import { type Host, msrOf } from "../../src/host/host.js";
import { ABSENT, formatMsr, msrBit, msrValue } from "../../src/host/msr.js";
import { atlas, entryHost } from "../../src/input/atlas/atlas.js";
import type { Replay } from "../../src/kvm/replay.js";
import { cpuFlags, vmxFlagsLine, vmxWordCount } from "../../src/linux/cpuinfo.js";
import { VMX_CAPABILITIES_RULES } from "../../src/linux/vmx-capabilities.js";
import { VMX_FLAGS, VMX_FLAGS_LINE } from "../../src/linux/vmx-features.js";
import { REGISTERS } from "../../src/registers/registers.js";
import { holdsIn, rowsIn } from "../../src/rules/held.js";
import { RELEASES, type Release } from "../../src/rules/release.js";
import type { Condition, Rule } from "../../src/rules/rule.js";
import { bitIndex, REPLAY_MSRS, type WordName } from "../../src/rules/words.js";
import {
  type Block,
  code,
  digit,
  fence,
  hex,
  hexPair,
  type Language,
  list,
  msrNumber,
  pick,
  table,
  yesNo,
} from "./markdown.js";
import { ASSUMED, changed, DUMPED, HOST, RELEASE, run, WALK, withMsrs } from "./scenario.js";
import { bitList, stepTable } from "./steps.js";

const CORE = HOST.cores[0];

export const machine: Block = (language) => {
  const signature = `0x${(CORE.signature ?? 0).toString(16)}`;
  const microcode = `0x${(CORE.microcode ?? 0).toString(16)}`;
  return table(
    [pick(language, "What", "项目"), pick(language, "Value", "取值")],
    [
      [pick(language, "Processor", "处理器"), `${HOST.name} (${HOST.codename})`],
      [
        pick(language, "CPUID signature, microcode", "CPUID 签名、微码"),
        `${code(signature)}${pick(language, ", ", "、")}${code(microcode)}`,
      ],
      [pick(language, "Entry of the atlas", "CPU 资料库条目"), code(HOST.id ?? "")],
      [
        pick(language, "Kernel", "内核"),
        pick(
          language,
          `Linux ${RELEASE}, Debian's configuration, booted without tboot; perf offers KVM a PMU`,
          `Linux ${RELEASE}，Debian 的配置，不经 tboot 启动；perf 向 KVM 提供 PMU`,
        ),
      ],
      [pick(language, "Module parameters", "模块参数"), pick(language, "all at their defaults", "全部取默认值")],
    ],
  );
};

export const registers: Block = (language) =>
  table(
    ["MSR", pick(language, "Name", "名称"), pick(language, "Value", "取值"), pick(language, "Known from", "来源")],
    REGISTERS.filter(({ index }) => index !== 0x493).map(({ index, sdm }) => {
      const assumed = ASSUMED.has(index);
      const dumped = DUMPED.cores[0].msrs.has(index);
      const value = formatMsr(effectiveMsr(CORE, index));
      const from = assumed
        ? pick(language, "assumed", "假定")
        : dumped
          ? pick(language, "dump", "转储")
          : pick(language, "ruled out by the CPU's own control bits", "由 CPU 自己的控制位排除");
      return [msrNumber(index), sdm, value === "absent" ? pick(language, "absent", "不存在") : code(value), from];
    }),
  );

/** The controls that only the TRUE register frees. */
export const plainAndTrue: Block = (language) =>
  table(
    [
      pick(language, "Plain", "普通寄存器"),
      "TRUE",
      pick(language, "Must be 1 by the plain one", "按普通寄存器必须为 1"),
      pick(language, "Must be 1 by the TRUE one", "按 TRUE 寄存器必须为 1"),
      pick(language, "Freed by the TRUE one", "TRUE 寄存器放开的控制"),
    ],
    decodeCore(CORE).flatMap(({ register, bits }) => {
      if (register.layout !== "controls" || register.isTrue || register.counterpart === undefined) return [];
      const freed = bits.filter(({ setting }) => setting === "default1");
      const low = (index: number) => {
        const msr = msrOf(CORE, index);
        return msr.state === "value" ? hex(msr.lo) : msr.state;
      };
      return [
        [
          msrNumber(register.index),
          msrNumber(register.counterpart),
          low(register.index),
          low(register.counterpart),
          list(
            language,
            freed.map(({ bit, row }) => (row === undefined ? String(bit) : code(row.key))),
          ),
        ],
      ];
    }),
  );

export const featCtlSteps: Block = (language) => stepTable(language, ["early_identify_cpu", "init_ia32_feat_ctl"]);

/** What became of IA32_FEAT_CTL, the flag and the module for several values that firmware may leave. */
export const featCtlCases: Block = (language) => {
  const cases: readonly { value: number | "absent"; tboot?: true }[] = [
    { value: 0x5 },
    { value: 0x1 },
    { value: 0x3 },
    { value: 0x0 },
    { value: 0x4 },
    { value: "absent" },
    { value: 0x5, tboot: true },
    { value: 0x7, tboot: true },
  ];
  return table(
    [
      code("0x3a"),
      "tboot",
      pick(language, "After boot", "启动后的值"),
      pick(language, "`vmx` in `flags`", "`flags` 里的 `vmx`"),
      pick(language, "Message at boot", "启动信息"),
      pick(language, "kvm_intel loads", "kvm_intel 能加载"),
      pick(language, "Message at load", "加载信息"),
    ],
    cases.map(({ value, tboot = false }) => {
      const host = changed(0x3a, value === "absent" ? value : { value });
      const replayed = run({ machine: { pmu: true, irqPosting: false, tboot } }, host);
      const { cpu } = replayed;
      const after = value === "absent" ? pick(language, "absent", "不存在") : hex(cpu.word("feat_ctl.lo"));
      return [
        value === "absent" ? pick(language, "absent", "不存在") : msrNumber(value),
        yesNo(language, tboot ? "yes" : "no"),
        after,
        yesNo(language, cpu.bit("caps", "VMX")),
        messages(cpu.boot.messages),
        yesNo(language, replayed.loads),
        messages(cpu.load.messages),
      ];
    }),
  );
};

function messages(all: readonly { readonly text: string }[]): string {
  return all.length === 0 ? "–" : all.map(({ text }) => code(text)).join("<br>");
}

export const reads: Block = (language) =>
  table(
    [
      "",
      "MSR",
      pick(language, "How", "读法"),
      pick(language, "What comes back", "读到"),
      pick(language, "Used half", "用到的部分"),
    ],
    WALK.cpu.boot.rdmsr.map(({ msr, how, faults }, index) => [
      String(index + 1),
      `${msrNumber(REPLAY_MSRS[msr])} ${msr}`,
      how === "safe" ? pick(language, "safe", "安全读") : pick(language, "plain", "普通读"),
      faults === "yes"
        ? pick(language, "fault, counts as `0x0`", "异常，按 `0x0` 计")
        : hexPair({ hi: WALK.cpu.word(`${msr}.hi`), lo: WALK.cpu.word(`${msr}.lo`) }),
      usedHalves(language, msr),
    ]),
  );

/** The halves of a register that a boot rule of this release takes bits from. */
function usedHalves(language: Parameters<Block>[0], msr: keyof typeof REPLAY_MSRS): string {
  if (msr === "IA32_FEAT_CTL") return pick(language, "bits 2:0, 18:17", "第 2:0、18:17 位");
  const halves = { hi: pick(language, "high half", "高半"), lo: pick(language, "low half", "低半") };
  const used = (["hi", "lo"] as const).filter((half) =>
    presentRules(RELEASE).some((rule) =>
      rule.does.some(
        (effect) =>
          ("copyWord" in effect && effect.from === `${msr}.${half}`) ||
          ("copyField" in effect && effect.from[0] === `${msr}.${half}`),
      ),
    ),
  );
  return list(
    language,
    used.map((half) => halves[half]),
  );
}

function presentRules(release: Release): readonly Rule[] {
  return rowsIn<Rule>(VMX_CAPABILITIES_RULES, release);
}

/** A register that Linux reads plainly, and one that it reads safely, taken away. */
export const faults: Block = (language) =>
  table(
    [
      pick(language, "Register taken away", "拿掉的寄存器"),
      pick(language, "Read", "读法"),
      pick(language, "Kernel log", "内核日志"),
      pick(language, "`vmx flags` loses", "`vmx flags` 少了"),
    ],
    ([0x482, 0x48b, 0x48c] as const).map((index) => {
      const replayed = run({}, changed(index, "absent"));
      const name = Object.entries(REPLAY_MSRS).find(([, number]) => number === index)?.[0];
      const read = replayed.cpu.boot.rdmsr.find(({ msr }) => msr === name);
      const left = printedFlags(replayed);
      return [
        `${msrNumber(index)} ${name}`,
        read?.how === "safe" ? pick(language, "safe", "安全读") : pick(language, "plain", "普通读"),
        messages(replayed.cpu.boot.messages),
        printedFlags(WALK)
          .filter((flag) => !left.includes(flag))
          .join(" "),
      ];
    }),
  );

function printedFlags(replayed: Replay): readonly string[] {
  const line = vmxFlagsLine(replayed.release, replayed.cpu.bit("caps", "VMX"), wordsOf(replayed));
  return line.printed === "yes" ? line.flags.filter(({ set }) => set === "yes").map(({ flag }) => flag) : [];
}

function wordsOf(replayed: Replay) {
  return Array.from({ length: vmxWordCount(replayed.release) }, (_, index) =>
    replayed.cpu.word(`vmx_capability[${index as 0}]`),
  );
}

/** The bit of a register that becomes which bit of word 0, read off the rules. */
export const word0: Block = (language) => {
  const rows: { low: number; high: number; from: string }[] = [];
  for (const rule of presentRules(RELEASE)) {
    for (const effect of rule.does) {
      if ("copyField" in effect && effect.copyField[0] === "vmx_capability[0]") {
        const [, low] = effect.copyField;
        rows.push({ low, high: low + effect.width - 1, from: sourceText(effect.from, effect.width) });
      }
      if ("set" in effect && effect.set[0] === "vmx_capability[0]") {
        const [, name] = effect.set as readonly [WordName, string];
        const bit = bitIndex("vmx_capability[0]", name);
        rows.push({ low: bit, high: bit, from: conditionText(language, rule.when) });
      }
    }
  }
  const word = WALK.cpu.word("vmx_capability[0]");
  return table(
    [
      pick(language, "Bits of word 0", "字 0 的位"),
      pick(language, "Taken from", "取自"),
      pick(language, "Here", "本机"),
      pick(language, "Names that are printed", "会显示的名字"),
    ],
    rows
      .sort((a, b) => a.low - b.low)
      .map(({ low, high, from }) => {
        const mask = ((2 ** (high - low + 1) - 1) << low) >>> 0;
        const names = VMX_FLAGS.filter((row) => row.word === 0 && row.bit >= low && row.bit <= high);
        const width = high - low + 1;
        const value = ((word.value & mask) >>> low).toString(width > 4 ? 16 : 2);
        return [
          low === high ? String(low) : `${high}:${low}`,
          from,
          code(width > 4 ? `0x${value}` : width === 1 ? value : `0b${value.padStart(width, "0")}`),
          names.map(({ flag }) => code(flag)).join(" ") || "–",
        ];
      }),
  );
};

function sourceText([word, low]: readonly [WordName, number], width: number): string {
  const dot = word.lastIndexOf(".");
  const name = word.slice(0, dot) as keyof typeof REPLAY_MSRS;
  const base = word.endsWith(".hi") ? 32 : 0;
  const first = low + base;
  const bits = width === 1 ? String(first) : `${first + width - 1}:${first}`;
  return code(`0x${REPLAY_MSRS[name].toString(16)}[${bits}]`);
}

function conditionText(language: Parameters<Block>[0], condition: Condition | undefined): string {
  if (condition === undefined || !("all" in condition)) throw new Error("word 0 has an aggregate of another shape");
  return condition.all
    .map((part) => {
      if (!("bit" in part)) throw new Error("an aggregate of word 0 is made of something else than bits");
      return code(String(part.bit[1]));
    })
    .join(pick(language, " and ", " 且 "));
}

export const words: Block = (language) =>
  table(
    [
      pick(language, "Word", "字"),
      pick(language, "Value", "取值"),
      pick(language, "Printed", "显示出来"),
      pick(language, "Set, not printed", "为 1 但不显示"),
    ],
    wordsOf(WALK).map((value, index) => {
      const word = `vmx_capability[${index as 0}]` as const;
      const shown = VMX_FLAGS.filter(
        (row) => row.word === index && holdsIn(RELEASE, "held" in row ? row.held : undefined),
      );
      const printed = shown.filter(({ bit }) => (value.value >>> bit) & 1);
      const rest = bitsOf(value.value).filter((bit) => !shown.some((row) => row.bit === bit));
      const hidden = rest.reduce((mask, bit) => mask | (1 << bit), 0);
      return [
        String(index),
        hex(value),
        printed.map(({ flag }) => flag).join(" ") || "–",
        bitList(language, word, hidden),
      ];
    }),
  );

export const vmxFlags: Block = () => {
  const { cpu } = WALK;
  const flags = cpuFlags(RELEASE, (cap) => cpu.bit("caps", cap)).filter(({ set }) => set === "yes");
  return fence([
    `flags           : … ${flags.map(({ flag }) => flag).join(" … ")} …`,
    `vmx flags       : ${printedFlags(WALK).join(" ")}`,
  ]);
};

/** How the array and the names changed from release to release. */
export const releaseWords: Block = (language) =>
  table(
    [
      pick(language, "Release", "版本"),
      pick(language, "Words", "字数"),
      pick(language, "Names it knows", "已知名字"),
      pick(language, "New names", "新增名字"),
      pick(language, "Printed on this CPU", "本机显示"),
    ],
    perRelease(language, (release) => {
      const known = namesIn(release);
      const before = namesIn(RELEASES[Math.max(0, RELEASES.indexOf(release) - 1)] as Release);
      return [
        String(vmxWordCount(release)),
        String(known.length),
        known.filter((flag) => before.length > 0 && !before.includes(flag)).map(code),
        String(printedFlags(run({ release })).length),
      ];
    }),
  );

/** A row for each run of releases that have the same cells but for the names that the first of them brought. */
function perRelease(
  language: Language,
  cellsOf: (release: Release) => readonly (string | readonly string[])[],
): readonly string[][] {
  const rows: { first: Release; last: Release; cells: readonly (string | readonly string[])[] }[] = [];
  for (const release of RELEASES) {
    const cells = cellsOf(release);
    const row = rows.at(-1);
    const fixed = (one: typeof cells) => one.filter((cell) => typeof cell === "string").join();
    if (row !== undefined && fixed(row.cells) === fixed(cells)) row.last = release;
    else rows.push({ first: release, last: release, cells });
  }
  return rows.map(({ first, last, cells }) => [
    first === last ? first : pick(language, `${first} to ${last}`, `${first} 至 ${last}`),
    ...cells.map((cell) => (typeof cell === "string" ? cell : cell.join(" ") || "–")),
  ]);
}

function namesIn(release: Release): readonly string[] {
  if (holdsIn(release, VMX_FLAGS_LINE.held) !== true) return [];
  return VMX_FLAGS.filter((row) => holdsIn(release, "held" in row ? row.held : undefined)).map(({ flag }) => flag);
}

/** VM functions come from the wrong half: only a value that no CPU has makes the name appear. */
export const quirkVmfunc: Block = (language) => {
  const cases = [
    { msr: msrValue({ hi: 0, lo: 0x1 }), text: code("0x1") },
    { msr: ABSENT, text: pick(language, "absent", "不存在") },
    { msr: msrValue({ hi: 0x1, lo: 0 }), text: code("0x100000000") },
    { msr: msrValue({ hi: 0x10, lo: 0 }), text: code("0x1000000000") },
  ];
  return table(
    [
      code("0x491"),
      pick(language, "Bit 0 (EPTP switching)", "第 0 位（EPTP 切换）"),
      pick(language, "Word 0, bits 31:28", "字 0 的 31:28 位"),
      pick(language, "`eptp_switching` printed", "显示 `eptp_switching`"),
      pick(language, "Warning", "警告"),
    ],
    cases.map(({ msr, text }) => {
      const replayed = run({}, withMsrs(HOST, [[0x491, msr]]));
      const word = replayed.cpu.word("vmx_capability[0]");
      return [
        text,
        digit(msrBit(msr, 0)),
        code(`0b${(word.value >>> 28).toString(2).padStart(4, "0")}`),
        yesNo(language, printedFlags(replayed).includes("eptp_switching") ? "yes" : "no"),
        replayed.cpu.boot.warnings.map(({ kind, cond }) => code(`${kind}(${cond})`)).join("<br>") || "–",
      ];
    }),
  );
};

/** CPUs of the atlas that have only one of virtual NMIs and VPID, with firmware that enables VMX. */
function unequalHosts(): readonly Host[] {
  return atlas()
    .map((entry) => withMsrs(entryHost(entry), ASSUMED))
    .filter((host) => {
      const [core] = host.cores;
      return msrBit(effectiveMsr(core, 0x481), 32 + 5) !== msrBit(effectiveMsr(core, 0x48b), 32 + 5);
    });
}

/** `vpid` in `flags` against `vpid` in `vmx flags`, with either control taken away. */
export const quirkVpid: Block = (language) => {
  const cap = msrOf(CORE, 0x48c);
  if (cap.state !== "value") throw new Error("the CPU has no EPT and VPID capabilities");
  const noVpid = withMsrs(changed(0x48b, { clear: 32 + 5 }), [[0x48c, msrValue({ hi: 0, lo: cap.lo.value })]]);
  const cases: readonly { host: Host; text: string }[] = [
    { host: HOST, text: pick(language, "as it is", "原样") },
    { host: changed(0x481, { clear: 32 + 5 }), text: pick(language, "without virtual NMIs", "去掉虚拟 NMI") },
    { host: noVpid, text: pick(language, "without VPID", "去掉 VPID") },
    ...unequalHosts().map((host) => ({ host, text: `${host.codename}: ${host.name?.replace(/\s+/g, " ")}` })),
  ];
  return table(
    [
      "CPU",
      pick(language, "`vnmi` in `flags`", "`flags` 里的 `vnmi`"),
      pick(language, "`vpid` in `flags`", "`flags` 里的 `vpid`"),
      pick(language, "`vpid` in `vmx flags`", "`vmx flags` 里的 `vpid`"),
      pick(language, "KVM's `vpid`", "KVM 的 `vpid`"),
    ],
    cases.map(({ host, text }) => {
      const { cpu, ...rest } = run({}, host);
      return [
        text,
        yesNo(language, cpu.bit("caps", "VNMI")),
        yesNo(language, cpu.bit("caps", "VPID")),
        yesNo(language, printedFlags({ cpu, ...rest }).includes("vpid") ? "yes" : "no"),
        cpu.bit("params", "vpid") === "yes" ? code("Y") : code("N"),
      ];
    }),
  );
};

export const capabilitySteps: Block = (language) => stepTable(language, ["init_vmx_capabilities"]);
