import { withoutEscapes } from "../../input/text/clean-line.js";

/**
 * What logs, mail and copies put around a line: quoting, syslog headers, printk time and level, module prefixes. Each
 * is stripped until none is left. Grammar of the headers: journald, rsyslog, printk, Xen's console, DebugView.
 */
const QUOTE: readonly RegExp[] = [/^(?:&gt;|[>|])[ \t]?/];
const BRACKET: readonly RegExp[] = [
  /^\[ *\d+[.,]\d{1,9}\](?:\[ *[TC]\d+\])? ?/,
  /^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?\] ?/,
  /^\[ *[TC]\d+\] ?/,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d \d{4}\] ?/,
];
// Levels, with the name of a logger behind it: env_logger, tracing, Python.
const LEVEL =
  /^(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)(?::[\w.]{1,60}:| {1,4}(?:\w{1,40}\.[\w.]{1,60} )?)/;
const GLOG = /^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d{6} {1,4}\d{1,8} [\w./-]{1,80}:\d{1,6}\] /;
const SYSLOG = /^[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d(?:\.\d+)? [^ ]+ [^ :[]+(?:\[\d+\])?: ?/;
const MODULE = /^(?:kvm_intel|kvm|KVM|kernel|vmx): ?/;
const QEMU = /^QEMU\[\d+\]: ?/;
/** A span of tracing. */
const SPAN = /^\w{1,40}\{\w{1,40}=[^{}]{0,200}\}: /;
const NONE: readonly RegExp[] = [];
const MODULES = [MODULE];
const SPANS = [SPAN];
/** The headers that begin with a letter, by what distinguishes them at a glance. */
function lettersOf(text: string): readonly RegExp[] {
  const first = text.charCodeAt(0);
  const second = text.charCodeAt(1);
  // Most lines of a dump are none: `CR0: actual=`, `RSP = `.
  if (first >= 0x61) {
    if (text.startsWith("k") || text.startsWith("vmx")) return MODULES;
  } else if (second >= 0x61) return text.charCodeAt(3) === 0x20 ? [SYSLOG] : NONE;
  else if (second >= 0x30 && second <= 0x39) return [GLOG];
  else if ("TDINWECFKQ".includes(text.charAt(0)) && second >= 0x41) return [LEVEL, MODULE, QEMU];
  const brace = text.indexOf("{");
  return brace > 0 && brace <= 40 ? SPANS : NONE;
}
const DIGIT: readonly RegExp[] = [
  // The name of a machine and of a program, where the time has the offset that journald and rsyslog write.
  /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d(?: [^ ]+ [^ :[]+(?:\[\d+\])?:)?)? ?/,
  /^\d+\t\d+\.\d+\t/,
  // Go's log, and times without a date.
  /^(?:\d{4}\/\d\d\/\d\d )?\d\d:\d\d:\d\d(?:[.,]\d{3,9})? /,
];
/** A name, a thread or a level in brackets, unless it may be a field or its encoding. */
const BRACKETED = /^\[([^\][=,"'{}_]{1,60})\] {1,8}(?![=:>-])/;
const NO_NAME = /^(?:0x)?[0-9a-f]{3,8}$|guest|host|cpu|core|^v\d/i;
/** Signs that programs put before a line for people. */
const SIGN = /^(?:[\u2000-\u2bff\u{1f000}-\u{1ffff}]|\ufe0f){1,4} {1,4}/u;
const OTHER: { readonly [first: string]: readonly RegExp[] } = {
  ">": QUOTE,
  "&": QUOTE,
  "|": QUOTE,
  "[": BRACKET,
  "<": [/^<\d{1,2}>/],
  "(": [/^\(XEN\) ?/],
  "/": [/^\/netbsd: ?/],
};

/** The headers that the text can begin with. */
function layersFor(text: string): readonly RegExp[] | undefined {
  const first = text.charCodeAt(0);
  if (first >= 0x30 && first <= 0x39) return DIGIT;
  if ((first >= 0x41 && first <= 0x5a) || (first >= 0x61 && first <= 0x7a)) return lettersOf(text);
  return OTHER[text.charAt(0)];
}

const CALLER = /\[ *([TC]\d+)\] ?$/;

export interface Payload {
  readonly text: string;
  /** Who printed the line, as printk says with CONFIG_PRINTK_CALLER: `T101` or `C3`. */
  readonly caller?: string;
  /** The line came from Xen's console. */
  readonly xen: boolean;
  /** The line ends in a soft line break of quoted-printable: the next one goes on without a blank. */
  readonly soft: boolean;
}

/** The line without its envelope; `undefined` for a line of a guest's console (Xen prints it as `(dN)`). */
export function payloadOf(line: string): Payload | undefined {
  let text = withoutEscapes(line);
  const soft = line.endsWith("=") && line.includes("=3D");
  if (soft) text = text.slice(0, -1);
  text = unquote(text);
  let xen = false;
  let caller: string | undefined;
  for (;;) {
    const trimmed = text.trimStart();
    const layers = layersFor(trimmed);
    let length = 0;
    for (const layer of layers ?? []) {
      const match = layer.exec(trimmed);
      if (match === null) continue;
      length = match[0].length;
      xen ||= trimmed.startsWith("(XEN)");
      if (trimmed.startsWith("[")) caller ??= CALLER.exec(match[0])?.[1];
      break;
    }
    if (length === 0) {
      const own = (trimmed.startsWith("[") ? BRACKETED : trimmed > "\u007f" ? SIGN : undefined)?.exec(trimmed);
      if (own === null || own === undefined || NO_NAME.test(own[1] ?? "")) break;
      length = own[0].length;
    }
    text = trimmed.slice(length);
  }
  if (text.includes("(d") && /^ *\(d\d+\)/.test(text)) return undefined;
  return caller === undefined ? { text, xen, soft } : { text, caller, xen, soft };
}

/** Signs of what `unquote` undoes; most lines have none. */
const QUOTED = /[&<\u00a0]|=(?:3D|C2|20)/;

/** Undoes what is left of quoted-printable and HTML: `=3D`, `=20`, `=C2=A0`, blanks that do not break. */
function unquote(text: string): string {
  if (!QUOTED.test(text)) return text;
  let result = text;
  // Only where an equals sign itself is quoted: "=20" is a value like any other elsewhere.
  if (result.includes("=3D") || result.includes("=C2=A0"))
    result = result.replace(/=C2=A0|=20|=09/g, " ").replace(/=3D/g, "=");
  else if (result.endsWith("=20")) result = result.slice(0, -3);
  if (result.includes("&"))
    result = result.replace(/&(?:nbsp|lt|gt|amp|quot|apos|#\d{1,4}|#x[0-9a-f]{1,4});/gi, entity);
  if (result.includes("<")) result = result.replace(TAG, (tag) => (/^<\/?t[dhr]/i.test(tag) ? "\t" : ""));
  return result.includes("\u00a0") ? result.replace(/\u00a0/g, " ") : result;
}

const ENTITIES: { readonly [name: string]: string } = { nbsp: " ", lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
/** Tags that a page puts around lines of text. */
const TAG =
  /<\/?(?:br|p|pre|code|td|th|tr|tbody|table|span|div|li|ul|b|i|em|strong|font|blockquote)(?:\s[^<>]{0,200})?\/?>/gi;

function entity(text: string): string {
  const name = text.slice(1, -1).toLowerCase();
  const known = ENTITIES[name];
  if (known !== undefined) return known;
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code === 160 ? " " : String.fromCharCode(code);
}
