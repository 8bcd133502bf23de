import { bitsOf } from "../../src/bits/word.js";
import type { Host } from "../../src/host/host.js";
import { DEBIAN_CONFIG } from "../../src/kvm/kernel-config.js";
import {
  HARDWARE_SETUP_RULES,
  LATE_XSS_RULES,
  SHADOW_VMCS_RULES,
  VMXON_AREA_RULES,
} from "../../src/kvm/load/hardware-setup.js";
import {
  EVMCS_DETECTION_RULES,
  PMU_RULES,
  SMALLER_MAXPHYADDR_RULE,
  SUPPORT_RULES,
  VENDOR_INIT_RULES,
} from "../../src/kvm/load/load.js";
import { LOAD_ORDER, loadRules } from "../../src/kvm/load/load-order.js";
import { NESTED_RULES } from "../../src/kvm/load/nested-setup.js";
import type { ParamRow } from "../../src/kvm/load/params.js";
import { SETUP_VMCS_CONFIG_RULES } from "../../src/kvm/load/setup-vmcs-config.js";
import { adjustSpecs, GROUP_WORDS } from "../../src/kvm/load/wanted-controls.js";
import { paramsOf } from "../../src/kvm/programs.js";
import type { Replay } from "../../src/kvm/replay.js";
import { paramText } from "../../src/kvm/replay-params.js";
import { holdsIn } from "../../src/rules/held.js";
import type { TraceEvent } from "../../src/rules/machine.js";
import { formatRange, RELEASES, rangesOf } from "../../src/rules/release.js";
import type { ControlGroup, Rule } from "../../src/rules/rule.js";
import { bitIndex, bitName, REPLAY_MSRS, type WordName } from "../../src/rules/words.js";
import { type Block, code, type Language, list, msrNumber, pick, table, yesNo } from "./markdown.js";
import { changed, EVENTS, RELEASE, run, WALK } from "./scenario.js";
import { bitList, sentence, stepTable } from "./steps.js";

const GROUPS = Object.keys(GROUP_WORDS) as ControlGroup[];
const SPECS = adjustSpecs(RELEASE, DEBIAN_CONFIG);

/** Numbers of `adjust_vmx_controls` for one group. */
function numbers(group: ControlGroup) {
  const spec = SPECS[group];
  if (spec === undefined) throw new Error(`${group} has no lists`);
  const { cpu } = WALK;
  const { word: into, msr } = GROUP_WORDS[group];
  const half = (which: "lo" | "hi") => cpu.word(`${msr}.${which}` as WordName).value;
  const [must, may] = spec.wide ? [0, half("lo")] : [half("lo"), half("hi")];
  const asked = (spec.min | spec.opt) >>> 0;
  return { into, msr, must, may, min: spec.min >>> 0, opt: spec.opt >>> 0, asked, result: adjusted(group) };
}

/** What the function returned; undefined when it was not called. Later rules may have taken bits away again. */
function adjusted(group: ControlGroup): number | undefined {
  const event = EVENTS.find(
    (candidate) =>
      candidate.kind === "change" &&
      candidate.word === GROUP_WORDS[group].word &&
      candidate.rule.does.some((effect) => "adjust" in effect && effect.adjust === group),
  );
  return event?.kind === "change" ? event.after.value : undefined;
}

const number = (value: number) => code(`0x${(value >>> 0).toString(16)}`);

/** Which part runs when, per range of releases. */
export const loadOrder: Block = (language) => {
  const titles = new Map<readonly Rule[], string>([
    [EVMCS_DETECTION_RULES, pick(language, "Hyper-V detection", "Hyper-V 检测")],
    [SUPPORT_RULES, pick(language, "is VMX there and enabled", "有没有 VMX、是否已启用")],
    [SETUP_VMCS_CONFIG_RULES, code("setup_vmcs_config")],
    [VENDOR_INIT_RULES, pick(language, "checks of the common x86 code", "x86 公共代码的检查")],
    [PMU_RULES, "PMU"],
    [HARDWARE_SETUP_RULES, code("hardware_setup")],
    [NESTED_RULES, code("nested_vmx_setup_ctls_msrs")],
    [SHADOW_VMCS_RULES, code("nested_vmx_hardware_setup")],
    [VMXON_AREA_RULES, pick(language, "VMXON areas", "VMXON 区")],
  ]);
  return table(
    [pick(language, "Releases", "版本"), pick(language, "Order", "顺序")],
    LOAD_ORDER.filter(({ held }) => RELEASES.some((release) => holdsIn(release, held))).map(({ held, parts }) => [
      rangesOf(RELEASES.filter((release) => holdsIn(release, held)))
        .map((range) => RANGE_TEXT[language](formatRange(range)))
        .join(pick(language, ", ", "、")),
      parts
        .filter((part) => part !== LATE_XSS_RULES)
        .map((part) => {
          const title = part[0] === SMALLER_MAXPHYADDR_RULE ? code("allow_smaller_maxphyaddr") : titles.get(part);
          if (title === undefined) throw new Error("a part of the load order has no title");
          return title;
        })
        .join(" → "),
    ]),
  );
};

const RANGE_TEXT: Record<Language, (range: string) => string> = {
  en: (range) => range,
  zh: (range) =>
    range
      .replace(/^up to (.*)$/, "$1 及更早")
      .replace(/^(.*) and later$/, "$1 及更新")
      .replace(/^(.*) only$/, "仅 $1")
      .replace(/^(.*) to (.*)$/, "$1 至 $2"),
};

export const setupSteps: Block = (language) => stepTable(language, ["kvm_load", "setup_vmcs_config"]);

/** The arithmetic of every group. */
export const adjustGroups: Block = (language) =>
  table(
    [
      pick(language, "Group, MSR", "组、MSR"),
      "min",
      "opt",
      "min \\| opt",
      pick(language, "& allowed-1", "& 允许为 1"),
      pick(language, "\\| allowed-0 = result", "\\| 必须为 1 = 结果"),
      pick(language, "min missing", "缺少的 min"),
    ],
    GROUPS.map((group) => {
      const { msr, must, may, min, opt, asked, result } = numbers(group);
      const last =
        result === undefined
          ? [pick(language, "not reached", "未执行到"), "", ""]
          : [
              `& ${number(may)} = ${number(asked & may)}`,
              `\\| ${number(must)} = **${number(result)}**`,
              number(min & ~result),
            ];
      return [
        `${code(GROUP_WORDS[group].word.replace(/\.lo$/, ""))} (${msrNumber(REPLAY_MSRS[msr])})`,
        number(min),
        number(opt),
        number(asked),
        ...last,
      ];
    }),
  );

/** The pin-based controls, one row per bit that anybody asks for, allows or demands. */
export const adjustPin: Block = (language) => {
  const { must, may, min, opt, result = 0, into } = numbers("pin");
  const has = (mask: number, bit: number) => (mask >>> bit) & 1;
  return table(
    [
      pick(language, "Bit", "位"),
      pick(language, "Name", "名称"),
      pick(language, "KVM asks", "KVM 的要求"),
      pick(language, "May be 1", "允许为 1"),
      pick(language, "Must be 1", "必须为 1"),
      pick(language, "Result", "结果"),
      pick(language, "Because", "原因"),
    ],
    bitsOf((must | may | min | opt) >>> 0).map((bit) => {
      const asked = has(min, bit) ? code("min") : has(opt, bit) ? code("opt") : "–";
      const name = bitName(into, bit);
      const because = has(must, bit)
        ? pick(language, "the CPU demands it", "CPU 要求必须为 1")
        : has(result, bit)
          ? pick(language, "asked for and allowed", "要了，也允许")
          : pick(language, "not asked for", "没有要");
      return [
        String(bit),
        name === undefined ? pick(language, "(none in KVM)", "（KVM 中没有名字）") : code(name),
        asked,
        String(has(may, bit)),
        String(has(must, bit)),
        String(has(result, bit)),
        because,
      ];
    }),
  );
};

/** Per group: what was asked for in vain, what was not asked for, and what came uninvited. */
export const adjustLeft: Block = (language) =>
  table(
    [
      pick(language, "Group", "组"),
      pick(language, "Asked for, not allowed", "要了但不允许"),
      pick(language, "Allowed, not asked for", "允许但没有要"),
      pick(language, "Not asked for, must be 1", "没有要但必须为 1"),
    ],
    GROUPS.filter((group) => group !== "tertiary").map((group) => {
      const { must, may, asked, into } = numbers(group);
      return [
        code(into),
        bitList(language, into, asked & ~may),
        bitList(language, into, may & ~asked & ~must),
        bitList(language, into, must & ~asked),
      ];
    }),
  );

/** Capabilities that make KVM refuse, or that it puts right. */
export const refusals: Block = (language) => {
  const cases: readonly { text: string; host: Host; params?: Readonly<Record<string, string>> }[] = [
    {
      text: pick(language, "`0x482` does not allow HLT exiting", "`0x482` 不允许 HLT 退出"),
      host: changed(0x482, { clear: 32 + 7 }),
    },
    {
      text: pick(language, "`0x484` does not allow loading of BNDCFGS", "`0x484` 不允许加载 BNDCFGS"),
      host: changed(0x484, { clear: 32 + 16 }),
    },
    {
      text: pick(
        language,
        "the same, with `error_on_inconsistent_vmcs_config=0`",
        "同上，并设 `error_on_inconsistent_vmcs_config=0`",
      ),
      host: changed(0x484, { clear: 32 + 16 }),
      params: { error_on_inconsistent_vmcs_config: "0" },
    },
    {
      text: pick(
        language,
        "`0x48b` without EPT, `0x48c` still lists EPT capabilities",
        "`0x48b` 没有 EPT，`0x48c` 却仍列出 EPT 能力",
      ),
      host: changed(0x48b, { clear: 32 + 1 }),
    },
    {
      text: pick(language, "`0x480` asks for addresses below 4 GByte", "`0x480` 要求地址低于 4 GB"),
      host: changed(0x480, { set: 48 }),
    },
    {
      text: pick(language, "`0x480` with memory type 4 instead of 6", "`0x480` 的内存类型为 4 而不是 6"),
      host: changed(0x480, { clear: 51 }),
    },
  ];
  return table(
    [
      pick(language, "Change", "改动"),
      pick(language, "Loads", "能否加载"),
      pick(language, "Error", "错误"),
      pick(language, "Missing or dropped", "缺少或丢弃的控制"),
      pick(language, "Kernel log", "内核日志"),
    ],
    cases.map(({ text, host, params }) => {
      const replayed = run(params === undefined ? {} : { params: { kvm_intel: params } }, host);
      const [refusal] = replayed.cpu.refusals;
      const missing =
        refusal?.missing === undefined
          ? droppedControls(language, replayed)
          : bitList(language, refusal.missing.word, refusal.missing.bits);
      return [
        text,
        yesNo(language, replayed.loads),
        replayed.error === undefined ? "–" : code(`-${replayed.error}`),
        missing,
        replayed.cpu.load.messages.map((message) => code(message.text)).join("<br>") || "–",
      ];
    }),
  );
};

function droppedControls(language: Language, replayed: Replay): string {
  if (replayed.loads === "no") return "–";
  const dropped = GROUPS.flatMap((group) => {
    const { word: into } = GROUP_WORDS[group];
    const gone = WALK.cpu.word(into).value & ~replayed.cpu.word(into).value;
    return bitsOf(gone >>> 0).map((bit) => code(`${into}: ${bitName(into, bit) ?? bit}`));
  });
  return list(language, dropped);
}

export const hardwareSteps: Block = (language) => stepTable(language, ["hardware_setup"]);

/** Every parameter that a rule of the release can change: asked, got, and the rule that changed it. */
export const params: Block = (language) =>
  table(
    [
      pick(language, "Parameter", "参数"),
      pick(language, "Default", "默认"),
      pick(language, "After loading", "加载后"),
      pick(language, "Changed by", "由谁改变"),
    ],
    paramsOf(RELEASE)
      .filter((row) => loadRules(RELEASE).some((rule) => holdsIn(RELEASE, rule.held) && touches(rule, row)))
      .map((row) => {
        const before = defaultText(row);
        const after = paramText(WALK.cpu, row);
        const by = before === after ? "–" : sentence(language, changer(EVENTS, row).says);
        return [code(`${row.module}.${row.name}`), code(before), code(after), by];
      }),
  );

/** What ept=0 drags along. */
export const paramsEpt0: Block = (language) => {
  const events: TraceEvent[] = [];
  const replayed = run({ params: { kvm_intel: { ept: "0" } }, trace: (event) => events.push(event) });
  return table(
    [
      pick(language, "Parameter", "参数"),
      pick(language, "`ept=1`", "`ept=1` 时"),
      pick(language, "`ept=0`", "`ept=0` 时"),
      pick(language, "Why", "原因"),
    ],
    paramsOf(RELEASE).flatMap((row) => {
      const [before, after] = [paramText(WALK.cpu, row), paramText(replayed.cpu, row)];
      if (before === after) return [];
      const why =
        row.name === "ept"
          ? pick(language, "The user asked for it.", "用户的要求。")
          : sentence(language, changer(events, row).says);
      return [[code(`${row.module}.${row.name}`), code(before), code(after), why]];
    }),
  );
};

function defaultText(row: ParamRow): string {
  return row.type === "bool" ? (row.default === 0 ? "N" : "Y") : String(row.default);
}

function paramWord(row: ParamRow): readonly [WordName, number | undefined] {
  return row.type === "bool" ? ["params", bitIndex("params", row.name)] : [row.name as WordName, undefined];
}

function touches(rule: Rule, row: ParamRow): boolean {
  const [into, bit] = paramWord(row);
  return rule.does.some((effect) => {
    if ("assignNumber" in effect) return effect.assignNumber === into && bit === undefined;
    const bits = "set" in effect ? effect.set : "clear" in effect ? effect.clear : undefined;
    return bits?.[0] === into && bits.slice(1).some((name) => bitIndex("params", name) === bit);
  });
}

/** The last rule in a trace that changed a parameter. */
function changer(events: readonly TraceEvent[], row: ParamRow): Rule {
  const event = events.findLast((candidate) => candidate.kind === "change" && touches(candidate.rule, row));
  if (event === undefined) throw new Error(`no step of the trace changed ${row.name}`);
  return event.rule;
}
