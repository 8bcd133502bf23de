import { bitsNamed } from "../../registers/lookup.js";
import { EXIT_REASONS } from "../../vmcs/fields/decode-tables.js";
import { exitsNamed } from "../../vmcs/fields/exit-names.js";
import { namedField } from "../../vmcs/fields/field-names.js";

/*
 * A text as names alone: people, manuals and source code write one name in many ways (`EnableRdtscp`, `ENABLE_RDTSCP`,
 * "enable RDTSCP"), and in every language the same.
 */

/** Singular words with an s at the end. */
const NO_PLURAL: ReadonlySet<string> = new Set(
  "vmcs evmcs xsaves xrstors encls pkrs bndcfgs bios phys windows contiguous always this status".split(" "),
);
const SHORTEST_PLURAL = 4;
/** One word in some texts and two in others. */
const TWO_WORDS: { readonly [word: string]: string } = {
  vmexit: "vm exit",
  vmentry: "vm entry",
  vmenter: "vm entry",
  hugepage: "huge page",
  exitreason: "exit reason",
  preemptiontimer: "preemption timer",
  cpuflag: "cpu flag",
};

/** Words of questions in other languages, by how they begin; names are the same everywhere. */
const FOREIGN: readonly (readonly [word: RegExp, english: string])[] = [
  [/需要|нужн\p{L}{0,4}|braucht?\b|benötigt?\b|必要/giu, "need"],
  [/控制位|控制/g, "control"],
  [/为什么|為什麼|почему|зачем|warum|なぜ/giu, "why"],
  [/怎么|怎麼|如何|как\b|どう/giu, "how"],
  [/哪些|哪个|какие|какой|welche\w{0,2}\b|どの/giu, "which"],
  [/区别|разниц\p{L}{0,3}|unterschied|違い/giu, "difference"],
  [/热迁移|迁移|миграци\p{L}{0,3}/giu, "migration"],
  [/快照|снимок/giu, "snapshot"],
  [/嵌套|вложенн\p{L}{0,5}|verschachtelt\w{0,2}/giu, "nested"],
  [/虚拟机|客户机|гост\p{L}{0,5}|gast\b/giu, "guest"],
  [/中断|прерывани\p{L}{0,3}|割り込み/giu, "interrupt"],
  [/注入|внедр\p{L}{0,6}/giu, "inject"],
  [/异常|исключени\p{L}{0,3}/giu, "exception"],
  [/大页/g, "huge page"],
  [/性能|производительност\p{L}{0,3}|leistung/giu, "performance"],
  [/变慢|很慢|медленн\p{L}{0,4}|langsam\w{0,3}/giu, "slow"],
  [/失败|ошибк\p{L}{0,3}|fehler\b|失敗/giu, "fail"],
  [/退出|выход\p{L}{0,3}/giu, "exit"],
];

const singular = (word: string): string =>
  word.length >= SHORTEST_PLURAL && word.endsWith("s") && !word.endsWith("ss") && !NO_PLURAL.has(word)
    ? word.slice(0, -1)
    : word;

/** Words in lower case and singular, divided and enclosed by one space each. */
export function plainWords(text: string): string {
  const parts = FOREIGN.reduce((said, [word, english]) => said.replace(word, ` ${english} `), text)
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .replace(/(\d)([A-Z][a-z])/g, "$1 $2")
    .replace(/([A-Z]{1,12})([A-Z][a-z]{3,20})/g, "$1 $2")
    .replace(/\b([vi]) (?=[A-Z])/g, "$1")
    .toLowerCase()
    .replace(/[^a-z0-9#]+/g, " ")
    .trim()
    .split(" ");
  return ` ${parts.map((word) => TWO_WORDS[singular(word)] ?? singular(word)).join(" ")} `;
}

const CODE_NAME = /\b[A-Za-z]\w{1,60}_\w{1,60}\b/g;
const MOST_NAMES = 60;

/** What the names of source code in a text are in the manual's words. */
export function namesInWords(text: string): string {
  const names = [...new Set(text.match(CODE_NAME) ?? [])].slice(0, MOST_NAMES);
  const said = names.flatMap((name) => [
    ...bitsNamed(name).map(({ row }) => row.sdm),
    namedField(name)?.row.sdm ?? "",
    ...[...exitsNamed(name).keys()].map((reason) => EXIT_REASONS[reason] ?? ""),
  ]);
  return plainWords(said.join(" / "));
}
