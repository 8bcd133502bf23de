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
  [/需要|нужн[а-яё]{0,4}|braucht?\b|benötigt?\b|必要/gi, "need"],
  [/控制位|控制/g, "control"],
  [/为什么|為什麼|почему|зачем|warum|なぜ/gi, "why"],
  [/怎么|怎麼|如何|как(?![а-яё])|どう/gi, "how"],
  [/哪些|哪个|какие|какой|welche\w{0,2}\b|どの/gi, "which"],
  [/区别|разниц[а-яё]{0,3}|unterschied|違い/gi, "difference"],
  [/热迁移|迁移|миграци[а-яё]{0,3}/gi, "migration"],
  [/快照|снимок/gi, "snapshot"],
  [/嵌套|вложенн[а-яё]{0,5}|verschachtelt\w{0,2}/gi, "nested"],
  [/虚拟机|客户机|гост[а-яё]{0,5}|gast\b/gi, "guest"],
  [/中断|прерывани[а-яё]{0,3}|割り込み/gi, "interrupt"],
  [/注入|внедр[а-яё]{0,6}/gi, "inject"],
  [/异常|исключени[а-яё]{0,3}/gi, "exception"],
  [/大页/g, "huge page"],
  [/性能|производительност[а-яё]{0,3}|leistung/gi, "performance"],
  [/变慢|很慢|медленн[а-яё]{0,4}|langsam\w{0,3}/gi, "slow"],
  [/失败|ошибк[а-яё]{0,3}|fehler\b|失敗/gi, "fail"],
  [/退出|выход[а-яё]{0,3}/gi, "exit"],
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
