import type { FactSink } from "../../hosts/evidence.js";
import { type FactReader, type FactRun, placeOf, type TextLine } from "../../hosts/reader.js";
import { paramValues } from "../../text/param-values.js";
import { shown } from "../../text/supposed.js";

/** Parameters of kvm and kvm_intel as /sys shows them. */
export const moduleParams: FactReader = {
  kind: "facts",
  name: "params",
  knows:
    "Parameters of kvm and kvm_intel after loading, from grep . /sys/module/kvm*/parameters/*, cat, head or systool; not " +
    "what they were asked to be.",
  mark: /\bparameters\/|^\s*Module(?: = |: ?)"?kvm(?:_intel)?\b|\bkvm_intel (?:module )?param|(?:rmmod|modprobe -r) {1,8}kvm|^\s{0,16}(?:allow_smaller_maxphyaddr|dump_invalid_vmcs|emulate_invalid_guest_state|enable_shadow_vmcs|eptad)\s{2,40}[YN]\s*$|\bkvm[-_]intel(?:['’]s)?[./: ][a-z]|\b(?:parameter|option|param) [a-z]{2,40}_?\w{0,30}["'`”]{0,2} (?:(?:of|in|for) kvm|[a-z])|\b(?:enable_(?:apicv|ipiv|shadow_vmcs)|unrestricted_guest|flexpriority|eptad|nested_early_check|enlightened_vmcs)["'`”]{0,2},? [a-z]|\b(?:ept|vpid|pml)["'`”]{0,2} (?:parameter|option|param|is|shows?|stays?|remains|reads?|says|contains|set|reports?|was)\b|\bsystool\b/,
  words: [
    "parameters/",
    "enable_apicv",
    "enable_ipiv",
    "kvm_intel",
    "kvm-intel",
    "systool",
    "parameter ",
    "unrestricted_guest",
    "flexpriority",
    "ept ",
    "vpid ",
    "pml ",
    "ept` ",
    "pml` ",
    "vpid` ",
    "nested_early_check",
    "enlightened_vmcs",
    "Module = ",
    "Module:",
    "rmmod ",
    "modprobe -r",
    "allow_smaller_maxphyaddr",
    "dump_invalid_vmcs",
    "emulate_invalid_guest_state",
    "enable_shadow_vmcs",
    "eptad",
  ],
  unwraps: true,
  open: openParams,
};

const PATH = /\b(kvm(?:_intel)?)\/parameters\/([a-z]\w{0,63})/;
const INLINE =
  /\b(kvm(?:_intel)?)\/parameters\/([a-z]\w{0,63})(?: ?[:=] ?)(not required|(?!not\s*$)[\w.,+-]{1,64})\s*$/;
/** Several in one sentence: "kvm_intel params: enable_apicv N, nested Y". */
const LISTED =
  /\b(kvm_intel|kvm) (?:module )?param(?:eter)?s?(?: are| show)?:? ((?:[a-z]\w{2,40}(?: ?[:=] ?| )[YN01]\b(?:,? and |[,;] ?)?){1,24})/;
const ONE_LISTED = /\b([a-z]\w{2,40})(?: ?[:=] ?| )([YN01])\b/g;
const SAID =
  /^\s{0,8}(?:(?:it|which|that|this|and) ){0,2}(?:(?:now|always|still|only|just) ){0,2}(?:is|reads?|returns?|returned|gives?|gave|shows?|showed|says|prints?|printed|outputs?)(?: (?:me|always|still|only|just|now|back)){0,3}:? {1,3}["'`]?([YN01])\b/;
/** vmentry_l1d_flush is the one parameter with a blank in a value. */
const VALUE = /^\s{0,40}(not required|(?!not\s*$)[\w.,+-]{1,64})\s*$/;
/** A name that fills its column has no blank behind it. */
const SYSTOOL = /^\s{0,16}([a-z]\w{0,63}) {0,40}= "(not required|[\w.,+-]{0,64})"\s*$/;
/** What goes through grep has no titles. */
const SYSTOOL_GREP = /\bsystool (?:-\w+ ){0,3}-\w{0,2}m (kvm(?:_intel)?)\b[^|\n]{0,20}\| ?(?:[ef]?grep|rg)\b/;
/** The list of a script that is copied a lot. */
const SCRIPT = /^\s{0,16}Parameter: ([a-z]\w{0,63}) --> (not required|[\w.,+-]{1,64})\s*$/;

/** One `cat` of several files, which prints their values below it in this order. */
const SEVERAL = /(?:^|[#$>%] ?|sudo )cat (\/sys\/module\/kvm.{1,4000})$/;
const FILE_OF_SEVERAL = /^\/sys\/module\/(kvm(?:_intel)?)\/parameters\/(?:\{([\w,]{1,400})\}|(\w{1,64}))$/;
const NO_SUCH_FILE = /^cat: [^\n]{0,40}\/(kvm(?:_intel)?)\/parameters\/(\w{1,64})'?: No such file/;

/** A command on a line of its own that unloads the module. */
const UNLOADED = /^[^\n]{0,60}?(?:^|[#$>] ?|sudo )(?:rmmod|modprobe -r)\s{1,8}(kvm[-_]intel|kvm)\b[\w\s&;=-]{0,80}$/;

/** A title over such a list, and its rows: a name, and its value in a column or behind a sign. */
const TITLE = /^\W{0,12}(?:the )?(kvm_intel|kvm) (?:module )?param(?:eter)?s?(?: of [\w. -]{1,40})?\W{0,12}$/i;
const TITLED =
  /^[\s*-]{0,16}([a-z]\w{1,63})(?:\s{0,40}[:=]\s{0,8}|\s{1,40})(not required|[YN]|\d{1,10}|auto|cond|always|never)\s*$/;

/** The same list without a title, from a name that no other module has. */
const UNTITLED =
  /^\s{0,16}(?:allow_smaller_maxphyaddr|dump_invalid_vmcs|emulate_invalid_guest_state|enable_shadow_vmcs|eptad)\s{2,40}[YN]\s*$/;

function openParams(sink: FactSink): FactRun {
  /** A path alone: its value is on the next line, as cat and head print it. */
  let awaited:
    | { readonly module: string; readonly name: string; readonly line: number; readonly spaced: boolean }
    | undefined;
  /** Files of one `cat`, and the values below it so far: they count where there is one for each file. */
  let several:
    | { files: (readonly [module: string, name: string])[]; values: [TextLine, string][]; line: number }
    | undefined;
  let systool: string | undefined;
  /** The module whose parameters the lines below a title are; the list ends with the first line that is none. */
  let titled: string | undefined;
  /** systool prints attributes of the module first, and parameters under a title of their own. */
  let section: "attributes" | "parameters" | undefined;

  const take = (line: TextLine, module: string, name: string, value: string): boolean => {
    // Y and N are whole; a number or a word may go on behind the end of a cut text.
    if (line.cut && !/^[YN]$/.test(value)) return false;
    sink.param(module as "kvm" | "kvm_intel", name, value, placeOf(line, line.text.lastIndexOf(value) + 1));
    return true;
  };

  return {
    line(line) {
      const { text, number } = line;
      const gone = UNLOADED.exec(text);
      if (gone !== null) sink.unloaded((gone[1] as string).replace("-", "_") as "kvm" | "kvm_intel");
      if (several !== undefined) {
        const { files, values } = several;
        const missing = NO_SUCH_FILE.exec(text);
        const value = missing === null && several.line === line.after ? VALUE.exec(text)?.[1] : undefined;
        if (missing !== null) {
          several = {
            ...several,
            files: files.filter(([module, name]) => module !== missing[1] || name !== missing[2]),
            line: number,
          };
        } else if (value !== undefined) {
          values.push([line, value]);
          several.line = number;
        } else several = undefined;
        if (several !== undefined && values.length === several.files.length) {
          const found = several.files.map(
            ([module, name], at) => [...(values[at] as [TextLine, string]), module, name] as const,
          );
          several = undefined;
          for (const [of, written, module, name] of found) take(of, module, name, written);
        }
        if (missing !== null || value !== undefined) return true;
      }
      const files = filesOfSeveral(text);
      if (files.length > 1) {
        several = { files, values: [], line: number };
        return true;
      }
      const inline = shown(INLINE.exec(text), text);
      if (inline !== null) return take(line, inline[1] as string, inline[2] as string, inline[3] as string);
      const said = paramValues(text);
      if (said.length > 0) return said.map(({ module, name, value }) => take(line, module, name, value)).includes(true);
      const list = shown(LISTED.exec(text), text);
      if (list !== null) {
        for (const [, name = "", value = ""] of (list[2] as string).matchAll(ONE_LISTED))
          take(line, list[1] as string, name, value);
        return true;
      }
      const path = PATH.exec(text);
      if (path !== null) {
        // Only at the end of the line, so that a sentence about the path does not ask for anything.
        const alone = /\/parameters\/\w+(?: <==)?\s*$/.test(text);
        awaited = alone
          ? { module: path[1] as string, name: path[2] as string, line: number, spaced: false }
          : undefined;
        return alone;
      }
      const filtered = SYSTOOL_GREP.exec(text);
      if (filtered !== null) {
        systool = filtered[1];
        section = "parameters";
        return true;
      }
      const module = /^\s*Module( = |: ?)"?(\w+)"?\s*$/.exec(text);
      if (module !== null) {
        systool = /^kvm(?:_intel)?$/.test(module[2] as string) ? module[2] : undefined;
        section = module[1] === " = " ? "attributes" : undefined;
        return systool !== undefined;
      }
      if (awaited !== undefined && awaited.line === line.after && text.trim() === "" && !awaited.spaced) {
        awaited = { ...awaited, line: number, spaced: true };
        return false;
      }
      if (awaited !== undefined && awaited.line === line.after) {
        const { module: of, name } = awaited;
        awaited = undefined;
        const value = VALUE.exec(text) ?? SAID.exec(text);
        return value !== null && take(line, of, name, value[1] as string);
      }
      awaited = undefined;
      const title = TITLE.exec(text)?.[1];
      if (title !== undefined) {
        titled = title.toLowerCase();
        return true;
      }
      if (titled === undefined && UNTITLED.test(text)) titled = "kvm_intel";
      if (titled !== undefined && text.trim() !== "") {
        const row = TITLED.exec(text);
        if (row !== null) return take(line, titled, row[1] as string, row[2] as string);
        titled = undefined;
      }
      if (systool === undefined) return false;
      const script = SCRIPT.exec(text);
      if (script !== null) return take(line, systool, script[1] as string, script[2] as string);
      const row = section === undefined ? null : SYSTOOL.exec(text);
      if (row !== null) return section !== "parameters" || take(line, systool, row[1] as string, row[2] as string);
      const part = /^\s*(Attributes|Parameters|Sections|Notes|Holders|Drivers):/.exec(text)?.[1];
      if (part === undefined || section === undefined) return false;
      section = part === "Parameters" ? "parameters" : "attributes";
      if (part === "Sections" || part === "Notes") systool = undefined;
      return true;
    },
    busy: () => awaited !== undefined || several !== undefined || systool !== undefined || titled !== undefined,
  };
}

/** The files of one `cat` of several, in the order of their values. */
function filesOfSeveral(text: string): (readonly [module: string, name: string])[] {
  const words =
    SEVERAL.exec(text.trimEnd())?.[1]
      ?.split(" ")
      .filter((word) => word !== "") ?? [];
  const files = words.map((word) => FILE_OF_SEVERAL.exec(word));
  if (files.includes(null)) return [];
  return files.flatMap((file) => {
    const [, module, braces, name] = file as RegExpExecArray;
    return (braces?.split(",") ?? [name as string]).map((one) => [module as string, one] as const);
  });
}
