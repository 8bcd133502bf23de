import { PARAMS } from "../../kvm/load/params.js";
import { isSupposed } from "./supposed.js";

/*
 * Values of the module parameters in the words of a sentence: "/sys/module/kvm_intel/parameters/nested contains N", "kvm_intel.pml
 * shows N here", "the enable_apicv parameter stays N". One grammar of these: a parameter, a verb or a sign, a value.
 */

/** A parameter of kvm or kvm_intel with its value as /sys has it. */
export interface ParamValue {
  readonly module: "kvm" | "kvm_intel";
  readonly name: string;
  readonly value: string;
  /** Where it begins and ends in the line. */
  readonly start: number;
  readonly end: number;
}

const SUBJECT =
  /(?<![\w.-])(?:(?:(?:\/sys\/module\/)?(?<module>kvm(?:_intel)?)\/)?parameters\/(?<file>[a-z]\w{1,63})|(?<intel>kvm[-_]intel)(?:['’]s)?(?: (?:module |parameter |option |param ){1,2}|[./: ])(?<ofIntel>[a-z]\w{1,40})(?! parameters)(?: (?:parameter|option|param|module option|setting))?|(?:module )?(?:parameter|option|param) (?<said>[a-z]\w{1,40})(?: (?:of|in|for) kvm[-_]intel)?|(?!(?:the|my|an?|this|that|its|module|of|and|is|no) )(?<own>[a-z]\w{1,40})(?: (?:parameter|option|param|module parameter)(?: (?:of|in|for) kvm[-_]intel)?)?)["'`”]{0,2},?(?=[ \t:=-])/g;
const JOINT =
  /(?: (?:it|which|that|now|only|file|there|also)| (?:always|still|just)(?! [YN01]\b)){0,3}(?:(?<sign> ?(?:[:=]|==|->|=>|→) ?)|(?<verb> (?:still|always|just|is(?: set to| at| showing)?|are|was|reads?(?: as)?|returns?|returned|gives?|gave|shows?(?: up as)?|showed|says|prints?|printed|outputs?|contains?|holds|has(?: the)?(?: value)?|stays(?: at)?|remains|keeps|set to|value(?: is| of)?|reports?|equals|turns? (?:into|back to)|goes back to)(?: (?:me|always|still|only|just|back|now|set to|as)){0,2}:?) {1,3})["'`“]?/iy;
/** Y and N are whole words; 0 and 1 begin numbers. */
const VALUE = /(?<bool>[YN])(?![\w/'’])|(?<bit>[01])(?![\w/]|\.\d)|(?<word>on|off|enabled|disabled)\b(?![-\w])/y;
/** Others in the same sentence are named alone. */
const ONE_MORE =
  /["'`”]?(?:, |; )?(?: ?(?:and|but|while|with|only) ){0,2}(?<name>[a-z]\w{2,40})(?: is | reads | ?[:=] ?| )(?<value>[YN])(?![\w/'’])/y;

/** The value comes first: "shows vpid:N in /sys/module/kvm_intel/parameters/vpid". */
const AHEAD =
  /(?<![\w.-])(?<name>[a-z]\w{2,40}) ?[:=] ?(?<value>[YN01])(?: \w{2,8}){1,3} \/sys\/module\/(?<module>kvm(?:_intel)?)\/parameters(?:\/(?<file>\w{2,40}))?\b/;

const NAMES = new Map<string, "kvm" | "kvm_intel">(PARAMS.map(({ name, module }) => [name, module]));
/** Names that only kvm_intel has; the others need the name of the module. */
const OWN = new Set([
  "enable_apicv",
  "enable_shadow_vmcs",
  "enable_ipiv",
  "unrestricted_guest",
  "flexpriority",
  "eptad",
  "emulate_invalid_guest_state",
  "dump_invalid_vmcs",
  "nested_early_check",
  "enlightened_vmcs",
]);
/** So do these, except where the value is Y or N. */
const SHORT = new Set(["ept", "vpid", "pml"]);

/** Then the parameters are asked for. */
const ASKED_FOR = /\boptions kvm|\bmodprobe kvm[-_]intel [a-z]/;

/** All of a line that its sentences do not suppose, in their order. */
export function paramValues(line: string): readonly ParamValue[] {
  if (ASKED_FOR.test(line)) return [];
  const ahead = valueAhead(line);
  return ahead === undefined ? [...line.matchAll(SUBJECT)].flatMap((found) => valuesBehind(line, found)) : [ahead];
}

function valueAhead(line: string): ParamValue | undefined {
  const found = AHEAD.exec(line);
  if (found === null) return undefined;
  const { name = "", value = "", module = "", file = name } = found.groups ?? {};
  const [start, end] = [found.index, found.index + found[0].length];
  if (file !== name || NAMES.get(name) !== module || isSupposed(line, start, end)) return undefined;
  return { module: module as ParamValue["module"], name, value, start, end };
}

function valuesBehind(line: string, found: RegExpExecArray): readonly ParamValue[] {
  const { index: start, groups = {} } = found;
  const { module: of, file, intel, ofIntel, said, own } = groups;
  const name = (file ?? ofIntel ?? said ?? own) as string;
  const module = (of as ParamValue["module"] | undefined) ?? (intel === undefined ? NAMES.get(name) : "kvm_intel");
  if (module === undefined || (file === undefined && NAMES.get(name) !== module)) return [];
  let at = start + found[0].length;
  const next = (part: RegExp) => {
    part.lastIndex = at;
    const taken = part.exec(line);
    at += taken?.[0].length ?? 0;
    return taken?.groups;
  };
  const joint = next(JOINT);
  const value = joint === undefined ? undefined : next(VALUE);
  if (joint === undefined || value === undefined) return [];
  const { bool, bit, word } = value;
  const isVerb = joint.verb !== undefined;
  // With a sign behind the name alone it is asked for, as on a command line.
  if (file === undefined && !isVerb) return [];
  if (own !== undefined && !OWN.has(own) && !(SHORT.has(own) && bool !== undefined)) return [];
  if (file !== undefined && of === undefined && bool === undefined) return [];
  // People call guests nested and enabled as well.
  if (word !== undefined && own !== undefined) return [];
  if (isSupposed(line, start, at)) return [];
  const written = bool ?? bit ?? (/^(?:on|enabled)$/i.test(word as string) ? "Y" : "N");
  const first: ParamValue = { module, name, value: written, start, end: at };
  const more: ParamValue[] = [];
  for (;;) {
    const begin = at;
    const one = next(ONE_MORE);
    if (one === undefined || NAMES.get(one.name as string) !== module) break;
    more.push({ module, name: one.name as string, value: one.value as string, start: begin, end: at });
  }
  return [first, ...more];
}
