import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../../hosts/reader.js";
import { appendCpuFlags, type Block, emit, openBlock } from "../proc-cpuinfo.js";
import { VIRT } from "./surroundings.js";

/** Titles of lscpu and the field of /proc/cpuinfo that each is made from; null where there is none. */
const TITLES: { readonly [title: string]: string | null } = {
  Architecture: null,
  "Vendor ID": "vendor_id",
  "Model name": "model name",
  "CPU family": "cpu family",
  Model: "model",
  Stepping: "stepping",
  Virtualization: null,
  "Hypervisor vendor": null,
  "Virtualization type": null,
  Flags: "flags",
};

/** What util-linux calls them in French, German, Spanish, Portuguese, Polish, Russian, Chinese and Japanese. */
const TRANSLATED: { readonly [title: string]: readonly string[] } = {
  "Vendor ID": [
    "Identifiant constructeur",
    "Anbieterkennung",
    "ID de fabricante",
    "ID de fornecedor",
    "ID producenta",
    "ID производителя",
    "ID прроизводителя",
    "厂商 ID",
    "ベンダー ID",
  ],
  "Model name": [
    "Nom de modèle",
    "Modellname",
    "Nombre del modelo",
    "Nome do modelo",
    "Nazwa modelu",
    "Имя модели",
    "型号名称",
    "モデル名",
  ],
  "CPU family": [
    "Famille de processeur",
    "Prozessorfamilie",
    "Familia de CPU",
    "Família da CPU",
    "Rodzina CPU",
    "Семейство ЦПУ",
    "CPU 系列",
    "CPU ファミリー",
  ],
  Model: ["Modèle", "Modell", "Modelo", "Модель", "型号", "モデル"],
  Stepping: ["Révision", "Revisión", "Step", "Wersja", "Степпинг", "步进", "ステッピング"],
  Virtualization: [
    "Virtualisation",
    "Virtualisierung",
    "Virtualización",
    "Virtualização",
    "Wirtualizacja",
    "Виртуализация",
    "虚拟化",
    "仮想化",
  ],
  "Hypervisor vendor": [
    "Constructeur d'hyperviseur",
    "Hypervisor-Anbieter",
    "Fabricante del hipervisor",
    "Fabricante do hipervisor",
    "Producent hipernadzorcy",
    "Разработчик гипервизора",
    "超管理器厂商",
    "ハイパーバイザのベンダー",
  ],
  Flags: ["Drapaux", "Drapeaux", "Markierungen", "Indicadores", "Opções", "Flagi", "Флаги", "标记", "フラグ"],
};
const ENGLISH: ReadonlyMap<string, string> = new Map(
  Object.entries(TRANSLATED).flatMap(([title, names]) => names.map((name) => [name, title] as const)),
);
const OTHER_LANGUAGE = [...ENGLISH.keys()].join("|");
const FIELD_TRANSLATED = new RegExp(`^\\s{0,16}(${OTHER_LANGUAGE}) ?[:：]\\s{1,60}(\\S.{0,4000})$`);
/** Between them, lines with titles that say nothing. */
const ANY_FIELD = /^\s{0,16}\S[^:：]{1,50}[:：](?:\s|$)/;

/** Lines of lscpu that a block may hold between those that say something. */
const OTHER =
  /^\s{0,16}(?:CPU op-mode|Address sizes|Byte Order|CPU\(s\)|On-line CPU|Thread\(s\)|Core\(s\)|Socket\(s\)|NUMA|CPU (?:max |min |\()?MHz|CPU\(s\) scaling|BogoMIPS|L[123][di]? cache|BIOS (?:Vendor|Model|CPU)|Microcode|Frequency boost|Virtualization features|Caches|Vulnerabilit)/;
const FIELD = /^\s{0,16}([A-Z][A-Za-z ]{3,18}):\s{1,60}(\S.{0,4000})$/;
const FLAGS_ONLY = /^\s*[a-z0-9_]{2,24}(?: [a-z0-9_]{2,24})*\s*$/;

/** lscpu of util-linux, in the old layout of one column and the new one with indented groups. */
export const lscpu: FactReader = {
  kind: "facts",
  name: "lscpu",
  knows:
    "lscpu: vendor, name, signature, the flags line as /proc/cpuinfo has it, whether Linux shows VT-x, and the hypervisor " +
    "that the machine runs in; no register.",
  mark: new RegExp(
    `^\\s{0,16}(?:(?:Architecture|Vendor ID|Model name|Virtualization(?: type)?|Hypervisor vendor|Flags):|(?:${OTHER_LANGUAGE}) ?[:：])\\s|lscpu ?\\| ?e?grep `,
  ),
  words: ["lscpu"],
  open: openLscpu,
};

const ASKED =
  /(?:^|[$#>%] ?)lscpu ?\| ?e?grep (?:-\w{1,4} )?["']?(?:[\w|]{0,24}\|)?virt[a-z]{0,11}(?:\|[\w|]{0,24})?["']?\s*$/i;

/** The prompt comes again at once: nothing was printed, where the case of letters did not keep it from being found. */
function isNext(asked: TextLine, line: TextLine): boolean {
  const prompt = asked.text.slice(0, asked.text.indexOf("lscpu")).trimEnd();
  const finds = /grep -\w{0,3}i|\bVirt/.test(asked.text);
  return finds && prompt !== "" && line.after === asked.number && line.text.startsWith(prompt);
}

/** Linux lists them in the order of CPUID, which begins like this on every x86 CPU of today. */
const X86_FLAGS = /^\s{0,24}fpu vme de pse /;

const OF_PACKAGES = /^(?:amd64|i386|all|any)\s*$/;

function openLscpu(sink: FactSink): FactRun {
  let block: Block | undefined;
  let inFlags = false;
  /** The line before was blank, as in a text in double space. */
  let spaced = false;
  let translated = false;
  /** The line before has the title that `Virtualization` comes after, and the block began as the whole output does. */
  let beforeVirtualization = -1;
  let whole = false;
  /** Titles that no other tool has: `Flags:` alone may be anybody's, unless they are those of an x86 CPU. */
  let own = 0;

  const showsNeither = (line: TextLine): void => {
    sink.system("flag vmx", "no", placeOf(line));
    sink.system("flag vmx or svm", "no", placeOf(line));
  };

  /** `grep virt` shows all three; without the first, Linux shows neither flag. */
  let asked: { shown: boolean; at?: TextLine; readonly by: TextLine } | undefined;
  const answered = (): void => {
    if (asked?.at !== undefined && !asked.shown) showsNeither(asked.at);
    asked = undefined;
  };

  const close = (): void => {
    answered();
    if (block !== undefined && own > 0) {
      emit(sink, block, false);
    }
    block = undefined;
    inFlags = false;
    own = 0;
    translated = false;
    whole = false;
  };

  /** `Virtualization` is printed for vmx or svm, and comes before these two: a line is missing between others that are not. */
  const withoutVirtualization = (line: TextLine): void => {
    if (whole && beforeVirtualization === line.after) showsNeither(line);
  };

  const virtualization = (line: TextLine, key: string, value: string): void => {
    if (key === "Hypervisor vendor" && !line.cut) {
      sink.system("outer", value.trim(), placeOf(line));
      sink.cpu("unnamed", { features: { hypervisor: true } }, placeOf(line));
    }
    // Printed in a virtual machine alone.
    if (key === "Virtualization type" && /^(?:full|para)\s*$/.test(value))
      sink.cpu("unnamed", { features: { hypervisor: true } }, placeOf(line));
    if (key === "Architecture" && !line.cut && /^[a-z]\w{2,11}$/.test(value.trim()))
      sink.system("arch", value.trim(), placeOf(line));
    // Printed for vmx among the flags.
    if (key === "Virtualization" && /^VT-x\b/.test(value)) sink.system("flag vmx", "yes", placeOf(line));
    // hostnamectl has the same title for what systemd-detect-virt prints.
    if (key === "Virtualization" && Object.hasOwn(VIRT, value.trim()))
      sink.system("outer", VIRT[value.trim()] as string, placeOf(line));
    if (key === "Virtualization" && /^AMD-V\b/.test(value)) sink.system("flag svm", "yes", placeOf(line));
  };

  return {
    line(line) {
      if (ASKED.test(line.text)) {
        close();
        asked = { shown: false, by: line };
        return true;
      }
      const other = FIELD_TRANSLATED.exec(line.text);
      const field = other ?? FIELD.exec(line.text);
      const key = (other === null ? field?.[1] : ENGLISH.get(other[1] as string)) as string;
      if (field !== null && Object.hasOwn(TITLES, key)) {
        const value = field[2] as string;
        // Debian's name of it, in reports of bugs and packages.
        if (key === "Architecture" && block === undefined && OF_PACKAGES.test(value)) return false;
        const name = TITLES[key];
        if (block !== undefined && name != null && block.fields.has(name)) close();
        block ??= openBlock(line);
        inFlags = key === "Flags";
        if (asked !== undefined && key === "Virtualization") asked.shown = true;
        if (asked !== undefined) asked.at = line;
        translated ||= other !== null;
        spaced = false;
        if ((key !== "Flags" && key !== "Model") || (inFlags && X86_FLAGS.test(value))) own++;
        if (name != null) block.fields.set(name, { value, at: placeOf(line) });
        if (inFlags) block.flags = value.trim().split(/\s+/);
        block.cut ||= line.cut;
        if (key === "Architecture") whole = true;
        if (key === "Hypervisor vendor") withoutVirtualization(line);
        virtualization(line, key, value);
        return true;
      }
      if (block === undefined) {
        if (asked !== undefined && isNext(asked.by, line)) showsNeither(line);
        asked = undefined;
        return false;
      }
      if (line.text.trim() === "" && !spaced) {
        spaced = true;
        return false;
      }
      spaced = false;
      if (inFlags && FLAGS_ONLY.test(line.text)) {
        appendCpuFlags(block.flags ?? [], line.text.trim().split(/\s+/));
        return true;
      }
      inFlags = false;
      if (/^\s{0,4}L1d cache:/.test(line.text)) withoutVirtualization(line);
      if (/^\s{0,4}(?:BogoMIPS:|Virtualization features:)/.test(line.text)) beforeVirtualization = line.number;
      if (OTHER.test(line.text) || (translated && ANY_FIELD.test(line.text))) return true;
      close();
      return false;
    },
    busy: () => block !== undefined || asked !== undefined,
    end: close,
  };
}
