import { describe, expect, it } from "vitest";
import { atlasHost } from "../../../src/input/atlas/atlas.js";
import { LOAD_ORDER } from "../../../src/kvm/load/load-order.js";
import { BOOT_RULES } from "../../../src/linux/boot-rules.js";
import { GROUP_TITLES } from "../../../src/report/feature-groups.js";
import { layersReport } from "../../../src/report/layers-report.js";
import { replayReport } from "../../../src/report/replay-report.js";
import { type Line, plainText } from "../../../src/report/text.js";
import { whyReport } from "../../../src/report/why-report.js";
import { columnsOf, inChinese, untranslated } from "../../../src/report/zh/lines.js";
import { NAMES_ZH, PHRASES_ZH } from "../../../src/report/zh/phrases.js";
import { translate } from "../../../src/report/zh/translate.js";
import type { Rule } from "../../../src/rules/rule.js";
import type { Asked } from "../../../src/situation/asked.js";
import { situation } from "../../../src/situation/situation.js";
import { FEATURE_LIST } from "../../../src/why/features.js";
import { why } from "../../../src/why/why.js";

const RULES: readonly Rule[] = [...BOOT_RULES, ...new Set(LOAD_ORDER.flatMap(({ parts }) => parts.flat()))];
const UNWRAPPED = 100_000;

/** Hex numbers, names of bits, words, registers and parameters, and options: the same in every language. */
const identifiers = (text: string) =>
  (text.match(/0x[0-9a-f?]+|\b\w+_\w+(?:=\w+)?|--[a-z-]+|\b[A-Z][A-Z0-9]{3,}\b|\b\d+\.\d+\b/g) ?? []).sort();

const CPUS = ["intel-50654-skylakex", "intel-6f6-conroe"] as const;
const ASKED: readonly Asked[] = [
  { kernel: "6.12", assume: ["firmware=enabled", "registers=sdm"] },
  { kernel: "5.15", assume: ["firmware=disabled"] },
  { kernel: "7.2", params: { kvm_intel: { ept: "0" } }, assume: ["firmware=enabled", "registers=sdm"] },
];

function reports(): { readonly name: string; readonly lines: readonly Line[] }[] {
  return CPUS.flatMap((cpu) =>
    ASKED.flatMap((asked, at) => {
      const about = situation(atlasHost(cpu), asked);
      const feature = FEATURE_LIST[at * 7] as (typeof FEATURE_LIST)[number];
      return [
        { name: `layers ${cpu} ${at}`, lines: layersReport(about, UNWRAPPED) },
        { name: `replay ${cpu} ${at}`, lines: replayReport(about, [], UNWRAPPED) },
        // A search for remedies takes longer than all the rest.
        ...(at === 0 || cpu === CPUS[0]
          ? [{ name: `why ${feature.id} ${cpu} ${at}`, lines: whyReport(about, why(about, feature.id), UNWRAPPED) }]
          : []),
      ];
    }),
  );
}

describe("the Chinese", () => {
  it("exists for every rule, and has its names and numbers", () => {
    for (const { says } of RULES) {
      const chinese = translate(says);
      expect([says, chinese]).toEqual([says, expect.stringMatching(/[\u4e00-\u9fff]/)]);
      expect([says, identifiers(chinese as string)]).toEqual([says, identifiers(says)]);
    }
  });

  it("exists for every feature and group", () => {
    for (const { name } of FEATURE_LIST) expect([name, translate(name)]).toEqual([name, expect.any(String)]);
    for (const title of Object.values(GROUP_TITLES)) expect(NAMES_ZH).toHaveProperty([title]);
  });

  it("has the holes of the English, each once", () => {
    const holes = (text: string) => (text.match(/\{[=~!]?\w+\}/g) ?? []).map((one) => one.replace(/[=~!]/, "")).sort();
    for (const [english, chinese] of PHRASES_ZH) {
      expect([english, holes(chinese)]).toEqual([english, holes(english)]);
      expect(new Set(holes(english)).size).toBe(holes(english).length);
    }
    expect(new Set(PHRASES_ZH.map(([english]) => english)).size).toBe(PHRASES_ZH.length);
  });

  it.each(reports())("of $name is whole, with the same names, numbers and commands", ({ lines }) => {
    expect(untranslated(lines)).toEqual([]);
    const text = (report: readonly Line[]) => report.map(plainText).join("\n");
    const chinese = text(inChinese(lines, UNWRAPPED));
    expect(identifiers(chinese)).toEqual(identifiers(text(lines)));
    const commands = lines.flatMap((line) => line.filter(({ style }) => style === "command").map((span) => span.text));
    for (const command of commands) expect(chinese).toContain(command.trim());
  });

  it("fits into the columns of a terminal, where a word does not fill them", () => {
    const [{ lines } = { lines: [] }] = reports();
    for (const line of inChinese(lines, 90)) {
      const shown = plainText(line);
      if (!/\S{40}/.test(shown)) expect([shown, columnsOf(shown) <= 92]).toEqual([shown, true]);
    }
    expect([columnsOf("ept"), columnsOf("扩展页表"), columnsOf("1 GB 页")]).toEqual([3, 8, 7]);
  });

  it("leaves English what it has no phrase for, whole", () => {
    expect(translate("Nobody wrote this sentence down.")).toBeUndefined();
    expect(inChinese([[{ text: "Nobody wrote this sentence down." }]], 80).map(plainText)).toEqual([
      "Nobody wrote this sentence down.",
    ]);
    expect(untranslated([[{ text: "Nobody wrote this sentence down." }]])).toEqual([
      "Nobody wrote this sentence down.",
    ]);
  });

  it("takes time in proportion to a text that fits no phrase", () => {
    expect(translate("never, ".repeat(500))).toBeUndefined();
    expect(translate("a: b; c, d and ".repeat(200))).toBeDefined();
  });
});
